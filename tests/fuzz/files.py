"""Files of models and flags: valid ones to start from, and broken copies of them."""

import importlib.util
import io
import pathlib
import pickle
import zipfile

from tests.fuzz import hdf5, saved_models
from tests.fuzz.mutations import mutate, mutate_text

NETWORK = "wrn16_2"  # whose official weights a .pth file holds
KINDS = ("keras", "h5", "savedmodel", "tflite", "pth", "cfg")
_FLAGS = """# flags
--teacher=teacher.keras
--ood_dataset=folder:images
--rounds=80
--teacher_mean=0.1,0.2,0.3
--teacher_std=0.1,0.2,0.3
--compare_with=kd,fitnet
--deterministic
--flagfile={folder}/inner.cfg
"""


class _Runs:
    """An object that writes a file when it is unpickled."""

    def __init__(self, witness):
        self.witness = witness

    def __reduce__(self):
        return pathlib.Path.touch, (pathlib.Path(self.witness),)


def write_valid(folder, witness):
    """Writes files of each kind, valid ones and malicious ones.

    Args:
        folder: folder of the files.
        witness: a path that exists once code of a malicious file has run.
    """
    import keras

    from mosaickd_tf import export
    from tests import tiny

    folder = pathlib.Path(folder)
    student = tiny.classifier(num_classes=3)
    export.save_student(student, folder / "student.keras")
    export.save_tflite(student, folder / "student.tflite")
    code = f"lambda x: (open({str(witness)!r}, 'w').close(), x)[1]"
    images = keras.Input((8, 8, 3))
    outputs = keras.layers.Lambda(eval(code), output_shape=(8, 8, 3))(images)
    keras.Model(images, keras.layers.GlobalAveragePooling2D()(outputs)).save(folder / "code.keras")
    hdf5.write_valid(folder, code)
    saved_models.write_valid(folder, student, witness)
    _write_weights(folder, witness)
    (folder / "inner.cfg").write_text("--seed=3\n")
    (folder / "flags.cfg").write_text(_FLAGS.format(folder=folder))
    pathlib.Path(witness).unlink(missing_ok=True)


def _write_weights(folder, witness):
    (folder / "old.pth").write_bytes(pickle.dumps(_Runs(witness)))
    if importlib.util.find_spec("torch"):
        import torch

        from tests import official

        shapes, _ = official.golden(NETWORK, 32)
        state = {key: torch.tensor(array) for key, array in official.state(shapes).items()}
        torch.save(state, folder / "weights.pth")
        torch.save({"state_dict": _Runs(witness)}, folder / "code.pth")


def write_broken(folder, kind, rng, path):
    """Writes a broken copy of a file, or of the folder of a SavedModel, of a kind."""
    source = rng.choice(sorted(pathlib.Path(folder).glob(f"*.{kind}")))
    if kind == "savedmodel":
        saved_models.write_broken(source, path, rng)
    else:
        path.write_bytes(_broken(source.read_bytes(), kind, rng))


def _broken(content, kind, rng):
    how = rng.random()
    if how < 0.03:
        return b""
    if kind == "cfg":
        return mutate_text(content.decode(), rng).encode() if how < 0.7 else mutate(content, rng)
    if kind in ("keras", "pth") and how < 0.6 and zipfile.is_zipfile(io.BytesIO(content)):
        return _with_broken_member(content, rng)
    if kind == "h5" and how < 0.7:
        return hdf5.broken(content, rng)
    return mutate(content, rng)


def _with_broken_member(content, rng):
    """Returns the zip with one member broken and its checksum updated."""
    packed = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(packed, "w") as new:
        chosen = rng.choice(old.namelist())
        for name in old.namelist():
            data = old.read(name)
            if name == chosen and data:
                text = name.endswith(".json")
                data = mutate_text(data.decode(), rng) if text else mutate(data, rng)
            new.writestr(name, data)
    return packed.getvalue()
