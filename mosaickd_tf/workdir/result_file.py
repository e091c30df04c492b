"""The result.json of a finished run, also where it was copied out of the run's folder."""

import pathlib

from mosaickd_tf.config.removed import without_removed
from mosaickd_tf.errors import RequestError
from mosaickd_tf.utils import files

NAME = "result.json"


def read_result(path, keys=("config",)):
    """Reads a result.json, also of an earlier version.

    Args:
        path: of the file.
        keys: names that it must have.

    Returns:
        Its content, a dict, whose `config` has no options that no longer exist.

    Raises:
        RequestError: when there is no such file, it is no result, or an option that no longer
            exists had an effect on the run.
    """
    path = pathlib.Path(path)
    try:
        result = files.read_json(path)
    except (OSError, ValueError) as error:
        raise _refusal(path, keys, f"which is broken ({error})") from error
    if result is None:
        raise _refusal(path, keys, "which does not exist")
    is_result = isinstance(result, dict) and all(key in result for key in keys)
    if not is_result or not isinstance(result.get("config"), dict):
        raise _refusal(path, keys, "which lacks them")
    return result | {"config": without_removed(result["config"])}


def _refusal(path, keys, reason):
    return RequestError(
        f"Not a result. Expected the {NAME} of a finished run, with {', '.join(keys)}. Received: "
        f"{str(path)!r}, {reason}. Name that of a finished run; bin/distill resumes an unfinished "
        "one, or one whose result.json was removed, from its checkpoints"
    )
