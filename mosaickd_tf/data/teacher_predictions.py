"""The teacher's predictions of the OOD images, computed once and cached.

The name of a cache file is a hash of teacher and images, so that it is never out of date.
"""

import dataclasses
import hashlib
import json
import logging

import keras
import numpy as np

from mosaickd_tf.models.graph.walk import leaf_layers
from mosaickd_tf.utils import files

logger = logging.getLogger(__name__)

# Format and folder of the cache files, as in version 0.1, whose files are still used.
_FORMAT = b"opinions 1"
_FOLDER = "opinions"
_CHUNK = 65_536  # images whose logits are held in memory


@dataclasses.dataclass(frozen=True, kw_only=True)
class TeacherPredictions:
    """A teacher's predictions of n images.

    Attributes:
        entropy: float64 `(n,)`, in nats.
        predicted: the predicted class, int32 `(n,)`, or labels, int32 `(n, labels)` multi-hot.
    """

    entropy: np.ndarray
    predicted: np.ndarray


def teacher_predictions(teacher, images, predict, task, cache_dir=""):
    """Returns a teacher's predictions from the cache, or computes and caches them.

    An unreadable cache file is computed again; a cache that cannot be written is logged and
    not used.

    Args:
        teacher: Keras model from unit images to logits.
        images: uint8 `(n, height, width, channels)`.
        predict: function of a teacher and uint8 images that returns logits.
        task: a `Task`.
        cache_dir: the cache folder; the user's if empty.

    Returns:
        `TeacherPredictions` of the images, in their order.
    """
    kind = "" if task.label_rank == 1 else f"-{task.name}"
    path = files.cache_folder(_FOLDER, cache_dir) / f"{fingerprint(teacher, images)}{kind}.npz"
    shape = (len(images), teacher.output_shape[-1])[: task.label_rank]
    predictions = _read(path, shape)
    if predictions is None:
        predictions = _compute(teacher, images, predict, task)
        _write(path, predictions)
    return predictions


def fingerprint(teacher, images):
    """Returns the SHA-256 of a teacher's architecture, its weights and the images, as hex.

    A SavedModel is hashed by the content of its files, not by their path: its weights may be
    constants of its graph.
    """
    digest = hashlib.sha256(_FORMAT)
    architecture = teacher.to_json().replace('"trainable": false', '"trainable": true')
    for layer in leaf_layers(teacher):
        if isinstance(layer, keras.layers.TFSMLayer):
            content = json.dumps(files.sha256_of_folder(layer.filepath))
            architecture = architecture.replace(json.dumps(layer.filepath), content)
    digest.update(architecture.encode())
    for array in (*teacher.get_weights(), images):
        digest.update(f"{array.dtype.str} {array.shape}".encode())
        digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()


def _compute(teacher, images, predict, task):
    entropies, predicted = [], []
    for start in range(0, len(images), _CHUNK):
        logits = predict(teacher, images[start : start + _CHUNK])
        entropies.append(task.entropy(logits))
        predicted.append(task.predictions(logits).astype(np.int32))
    return TeacherPredictions(
        entropy=np.concatenate(entropies), predicted=np.concatenate(predicted)
    )


def _read(path, shape):
    if not path.is_file():
        return None
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as cached:
            predictions = TeacherPredictions(
                entropy=cached["entropy"], predicted=cached["predicted"]
            )
    except Exception:  # a broken file makes NumPy raise anything
        return None
    entropy, predicted = predictions.entropy, predictions.predicted
    fits = (entropy.dtype, entropy.shape) == (np.float64, shape[:1])
    fits &= (predicted.dtype, predicted.shape) == (np.int32, shape)
    return predictions if fits else None


def _write(path, predictions):
    try:
        with files.atomic_write(path) as partial:
            np.savez(partial, entropy=predictions.entropy, predicted=predictions.predicted)
    except OSError as error:
        logger.info("the teacher's predictions are not cached: %s", error)
