"""The subprocess that reads the items: `python -m tests.fuzz.worker FOLDER KIND SEED FIRST LAST`.

Prints a line of JSON when an item begins and one when it has ended.
"""

import functools
import json
import pathlib
import random
import re
import resource
import shutil
import sys
import time

from mosaickd_tf.errors import RequestError
from tests.fuzz import files
from tests.fuzz import images as fuzz_images

MEMORY = 4 * 2**30  # bytes of address space in addition to that after the imports
_CODE_LAYERS = ("Lambda", "StringLookup", "TextVectorization", "TFSMLayer", "TorchModuleWrapper")
FOLDER_SIZE = 50  # images that are also read as a data set


def main(folder, kind, seed, first, last):
    """Reads the items of a kind from `first` to `last` - 1."""
    sys.modules.setdefault("triton", None)  # PyTorch would import it, which ends the process
    folder = pathlib.Path(folder)
    place = folder / f"{kind}-{seed}-{first}"
    place.mkdir()
    read_item = {"image": _Images(place).read_item}.get(kind) or _Files(
        folder, place, kind
    ).read_item
    _watch()
    before = _kilobytes("VmRSS")
    limit = 1024 * _kilobytes("VmSize") + MEMORY
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    for number in range(first, last):
        print(json.dumps({"begins": number}), flush=True)
        began = time.monotonic()
        outcome = _outcome(read_item, random.Random(f"{kind} {seed} {number}"), number)
        if (folder / "witness").exists():
            outcome = "CODE RAN"
        seconds = time.monotonic() - began
        memory = {"peak": _kilobytes("VmHWM"), "before": before}
        message = {"ends": number, "outcome": outcome, "seconds": seconds, **memory}
        print(json.dumps(message), flush=True)
    shutil.rmtree(place)


def _outcome(read_item, rng, number):
    try:
        return read_item(rng, number)
    except RequestError as error:
        return "refused" if len(str(error).splitlines()) == 1 else "REFUSED IN SEVERAL LINES"
    except BaseException as error:
        return f"{type(error).__name__}: {str(error)[:300]}"


def _watch():
    """Reports every program that is run and every connection, except our own checks."""

    def hook(event, arguments):
        ours = event == "subprocess.Popen" and "mosaickd_tf.vetting.check_worker" in arguments[1]
        if event in ("os.system", "os.exec", "socket.connect", "subprocess.Popen") and not ours:
            print(json.dumps({"event": f"{event} {arguments}"[:300]}), flush=True)

    sys.addaudithook(hook)


def _kilobytes(name):
    """Returns VmSize, VmRSS or VmHWM, the peak, of this process in KiB."""
    status = pathlib.Path("/proc/self/status").read_text()
    return int(re.search(rf"{name}:\s+(\d+) kB", status)[1])


class _Images:
    """Reads images one by one, and some of them again as a folder."""

    def __init__(self, place):
        from mosaickd_tf.config import DataConfig
        from mosaickd_tf.data import image_files, images, loading

        self._place, self._readable = place, 0
        self._reader, self._images = image_files, images
        self._load, self._config = loading.load_ood, DataConfig

    def read_item(self, rng, number):
        content, suffix = fuzz_images.image_file(rng)
        path = self._place / f"{number}{suffix}"
        path.write_bytes(content)
        outcome = "refused"
        try:
            image = self._reader.read(path)
            assert self._images.resize(image, (8, 8, 3)).shape == (8, 8, 3)
            outcome = "fine"
        except self._reader.BrokenImageError as error:
            assert len(str(error).splitlines()) == 1
        self._readable += outcome == "fine"
        if number % FOLDER_SIZE == FOLDER_SIZE - 1:
            self._read_folder()
        return outcome

    def _read_folder(self):
        count, readable = len(list(self._place.iterdir())), self._readable
        options = {"ood_dataset": f"folder:{self._place}", "image_size": 8, "max_broken": count}
        try:
            found = self._load(self._config(**options)) if readable else ()
            assert len(found) == readable
            assert not found or len(found.broken) == count - readable
        finally:  # a failure concerns these images only
            self._readable = 0
            shutil.rmtree(self._place)
            self._place.mkdir()


class _Files:
    """Opens files of a kind as the commands do, and runs what opens."""

    def __init__(self, folder, place, kind):
        from mosaickd_tf import evaluation, models, teachers, vetting
        from mosaickd_tf.cli import distill, flags
        from mosaickd_tf.config import DistillConfig, from_sections
        from mosaickd_tf.models.graph import walk
        from mosaickd_tf.models.io import model_file

        self._folder, self._path, self._kind = folder, place / f"broken.{kind}", kind
        self._evaluation, self._models = evaluation, models
        self._open, self._leaf_layers = model_file.open_model_file, walk.leaf_layers
        self._inspect, self._vetting = teachers.inspect_teacher, vetting
        self._sections, self._flags = distill.sections(), flags
        self._config = functools.partial(from_sections, DistillConfig)

    def read_item(self, rng, number):
        files.write_broken(self._folder, self._kind, rng, self._path)
        read = {
            "cfg": self._parse,
            "h5": self._inspect_file,
            "pth": self._read_weights,
            "savedmodel": self._list,
        }
        read.get(self._kind, self._evaluate)()
        return "fine"

    def _evaluate(self):
        import numpy as np

        model = self._evaluation.open_model(str(self._path))
        outputs = model.predict(np.zeros((2, *model.image_shape), np.uint8))
        assert outputs.ndim == 2

    def _inspect_file(self):
        """Opens a file, and inspects it as a teacher's, which runs it on photographs."""
        layers = self._leaf_layers(self._open(self._path).model)
        for kind in map(type, layers):
            assert kind.__module__.startswith(("keras.", "mosaickd_tf.")), kind
            assert kind.__name__ not in _CODE_LAYERS, kind
        assert self._inspect(self._path)["outputs"]

    def _list(self):
        """Lists the operations of a SavedModel, which may not be run without permission."""
        assert self._vetting.kind_of(self._path) == self._vetting.SAVED_MODEL
        assert len(self._vetting.operations(self._path).splitlines()) == 1
        try:
            self._inspect(self._path)
        except RequestError as error:
            assert "`allow_code`" in str(error)
        else:
            raise AssertionError("it was opened without permission")

    def _read_weights(self):
        self._models.load_torch_classifier(
            self._path, files.NETWORK, input_shape=(32, 32, 3), mean=[0.5] * 3, std=[0.25] * 3
        )

    def _parse(self):
        sections = self._flags.parse(self._sections, [f"--flagfile={self._path}"])
        if sections:
            sections.pop("output")
            self._config(sections)


if __name__ == "__main__":
    main(*sys.argv[1:3], *map(int, sys.argv[3:]))
