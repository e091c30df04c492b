"""Files and images that a run started from, known by the hashes of their content."""

import os

from mosaickd_tf.config import assignment, options
from mosaickd_tf.errors import RequestError
from mosaickd_tf.utils import files

NAME = "inputs.json"  # file of the hashes in the folder of a run
_FILES = ("teacher", "student", "custom_objects", "labels")
_DATA_SETS = ("ood_dataset", "target_dataset")
_SHOWN = 16  # digits of a hash in a message
# Not `student`: its file may be replaced by what was learned, once the run is finished.
OF_A_FINISHED_RUN = ("teacher", "custom_objects", "labels", *_DATA_SETS)


def hashes(given, names=(*_FILES, *_DATA_SETS)):
    """Computes the hashes of what options name.

    Args:
        given: dict from options of a distillation, or of a teacher's training, to their values.
        names: of the options that are looked at.

    Returns:
        A dict from options to the SHA-256 of the content as hex: of a file, or of all files of a
        folder with their names. Options that name no file, and files that do not exist, are left
        out; so are embedded data sets.
    """
    found = {name: _sha256(given[name]) for name in _FILES if name in names and name in given}
    for name in _DATA_SETS:
        if name in names:
            found[name] = _sha256_of_data_set(name, given)
    return {name: digest for name, digest in found.items() if digest}


def read(folder):
    """Returns the hashes that a run recorded in its folder, a `pathlib.Path`.

    The dict is empty for a run of a version that recorded none, and for a broken file.
    """
    recorded = files.read_json_if_valid(folder / NAME)
    recorded = recorded if isinstance(recorded, dict) else {}
    return {name: str(recorded[name]) for name in (*_FILES, *_DATA_SETS) if name in recorded}


def write(folder, found):
    """Records hashes in the folder of a run, a `pathlib.Path`."""
    files.write_json(folder / NAME, found)


def check_same(recorded, found, given, remedy):
    """Checks that what a run started from has not changed.

    Args:
        recorded: the hashes of the run.
        found: those of now; what is missing in one of both is not compared.
        given: dict of the options that name the files.
        remedy: last sentence of the message, what to do, without a full stop.

    Raises:
        RequestError: for the first input that changed, with both hashes.
    """
    for name in recorded:
        if name not in found or found[name] == recorded[name]:
            continue
        content = "images" if name in _DATA_SETS else "content"
        raise RequestError(
            f"The {content} of `{name}` changed since this run started. Expected: "
            f"{recorded[name][:_SHOWN]}..., the SHA-256 in its {NAME}. Received: "
            f"{found[name][:_SHOWN]}... of {assignment(name, given[name])}. {remedy}"
        )


def check_unchanged(run, remedy="Put back what it was", without=(), config=None):
    """Checks that the inputs of a finished run, as far as they exist, are those that it had.

    Args:
        run: a `FinishedRun`.
        remedy: as of `check_same`.
        without: names of options that are not looked at.
        config: the config that names the files, if not that of the run.

    Raises:
        RequestError: for the first input that changed, with both hashes.
    """
    recorded = read(run.folder)
    names = [name for name in OF_A_FINISHED_RUN if name in recorded and name not in without]
    given = dict(options(config or run.config))
    found = {}
    for name in names:
        try:
            found |= hashes(given, (name,))
        except RequestError:
            pass  # no longer there: what needs it says so
    check_same({name: recorded[name] for name in names}, found, given, remedy)


def _sha256(path):
    if os.path.isfile(path):
        return files.sha256(path)
    if os.path.isfile(os.path.join(path, "saved_model.pb")):
        return files.sha256_of_folder(path)
    return None


def _sha256_of_data_set(name, given):
    from mosaickd_tf.data.content import sha256_of_data_set  # here: bin/results reads no images

    is_labeled = name == "target_dataset"
    return sha256_of_data_set(given[name], given["data_dir"], labeled=is_labeled)
