"""What a teacher thinks of each OOD image, computed once for a teacher and its images.

An opinion is kept under a name made from the content of both, so it never has to be
thrown away when either changes.
"""

import dataclasses
import hashlib
import json
import logging
import pathlib

import keras
import numpy as np

from mosaickd_tf.data.ood_subset import entropy
from mosaickd_tf.utils import files

logger = logging.getLogger(__name__)

_FORM = b"opinions 1"  # of a file; another one makes other names
_AT_ONCE = 65_536  # images whose logits are held in memory


@dataclasses.dataclass(frozen=True, kw_only=True)
class TeacherPredictions:
    """A teacher's opinions of n images.

    Attributes:
        entropy: float64 `(n,)`, in nats.
        predicted: int32 `(n,)`, the class that it names.
    """

    entropy: np.ndarray
    predicted: np.ndarray


def teacher_predictions(teacher, images, predict, cache_dir=""):
    """The opinions of a teacher: from the cache, or computed and kept.

    A file that cannot be read counts as none, a cache that cannot be written is said and
    done without.

    Args:
        teacher: Keras model from unit images to logits.
        images: uint8 `(n, height, width, channels)`.
        predict: function of a teacher and uint8 images that returns logits.
        cache_dir: the folder; that of the user if empty.

    Returns:
        `TeacherPredictions` of the images, in their order.
    """
    path = files.cache_folder("opinions", cache_dir) / f"{fingerprint(teacher, images)}.npz"
    opinions = _read(path, len(images))
    if opinions is None:
        opinions = _compute(teacher, images, predict)
        _write(path, opinions)
    return opinions


def fingerprint(teacher, images):
    """SHA-256 of a teacher's architecture and weights and of the images, in hexadecimal.

    A SavedModel counts by what its files hold, wherever they lie: its weights may be constants
    of its graph.
    """
    digest = hashlib.sha256(_FORM)
    architecture = teacher.to_json().replace('"trainable": false', '"trainable": true')  # or frozen
    for layer in teacher._flatten_layers():
        if isinstance(layer, keras.layers.TFSMLayer):
            content = json.dumps(_content(layer.filepath))
            architecture = architecture.replace(json.dumps(layer.filepath), content)
    digest.update(architecture.encode())
    for array in (*teacher.get_weights(), images):
        digest.update(f"{array.dtype.str} {array.shape}".encode())
        digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()


def _content(folder):
    """SHA-256 of the files of a folder and of their names, in hexadecimal."""
    digest = hashlib.sha256()
    for path in sorted(pathlib.Path(folder).rglob("*")):
        if path.is_file():
            name = path.relative_to(folder).as_posix()
            digest.update(f"{json.dumps(name)} {files.sha256(path)}".encode())
    return digest.hexdigest()


def _compute(teacher, images, predict):
    entropies, predicted = [], []
    for start in range(0, len(images), _AT_ONCE):
        logits = predict(teacher, images[start : start + _AT_ONCE])
        entropies.append(entropy(logits))
        predicted.append(logits.argmax(axis=-1).astype(np.int32))
    return TeacherPredictions(
        entropy=np.concatenate(entropies), predicted=np.concatenate(predicted)
    )


def _read(path, count):
    if not path.is_file():
        return None
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as kept:
            opinions = TeacherPredictions(entropy=kept["entropy"], predicted=kept["predicted"])
    except Exception:  # NumPy raises whatever the broken file leads it to
        return None
    arrays = ((opinions.entropy, np.float64), (opinions.predicted, np.int32))
    fits = all(array.dtype == dtype and array.shape == (count,) for array, dtype in arrays)
    return opinions if fits else None


def _write(path, opinions):
    try:
        with files.atomic_write(path) as partial:
            np.savez(partial, entropy=opinions.entropy, predicted=opinions.predicted)
    except OSError as error:
        logger.info("the teacher's opinions are not kept for the next run: %s", error)
