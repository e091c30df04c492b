"""Checks of the data on which a distiller is trained and evaluated."""

import numpy as np
import tensorflow as tf

from mosaickd_tf.errors import RequestError
from mosaickd_tf.models.compatibility import known_shape
from mosaickd_tf.models.graph.output_activation import output_activation
from mosaickd_tf.tasks.output_kind import kind_of_values
from mosaickd_tf.utils.text import first_line

_RANKS = {"patch_images": 4, "transfer_images": 5}
_WAY = "Build it by `mosaickd_tf.data.rounds(images, batch_size=...)`"
_NOT_OF_FIT = ("batch_size", "class_weight", "sample_weight", "validation_split")
_PROBED = 16  # images on which the networks are tried
_EXPECTED = "Expected floats in [0, 1], `(n, height, width, channels)`"


def check_fit(distiller, x, y=None, options=None):
    """Checks that a distiller can be trained on data, once, before `fit` traces anything.

    The first round of the data is read for it, and teacher and student run on its first images.

    Args:
        distiller: a `Distiller`.
        x: the first argument of `fit`.
        y: the second.
        options: dict of the others.

    Raises:
        RequestError: before `compile`; for data that `check_round` refuses, an endless stream
            without a number of steps, arguments without a meaning here, and networks that do not
            return finite logits for the images.
    """
    options = options or {}
    if not distiller.compiled:
        raise RequestError(
            "The distiller is not compiled. Expected `compile()` before `fit`. Received: `fit`. "
            "Call `distiller.compile()` first"
        )
    if not isinstance(x, tf.data.Dataset):
        raise _refusal(type(x).__name__)
    given = [name for name in _NOT_OF_FIT if options.get(name) is not None]
    if y is not None or given:
        raise RequestError(
            f"`{'y' if y is not None else given[0]}` is no argument of a distiller's `fit`. "
            "Expected a stream of rounds alone: the teacher labels the images, and the stream has "
            f"its `batch_size`. Received: one. {_WAY}"
        )
    spec = x.element_spec
    if not isinstance(spec, dict):
        raise _refusal(f"a data set of {type(spec).__name__}")
    endless = x.cardinality() == tf.data.INFINITE_CARDINALITY
    if endless and options.get("steps_per_epoch") is None:
        raise RequestError(
            "`steps_per_epoch` is needed with a stream that does not end. Expected rounds in an "
            "epoch. Received: None. Pass steps_per_epoch=..."
        )
    for batch in x.take(1):
        check_round(distiller, batch)
        _check_networks(distiller, batch["transfer_images"][:_PROBED, 0])
    _check_validation(distiller, options.get("validation_data"))


def check_round(distiller, batch):
    """Checks that the images of a round are what a distiller is trained on.

    Args:
        distiller: a `Distiller`.
        batch: dict of arrays or tensors.

    Raises:
        RequestError: for a batch without the `batch_keys` of the distiller, of other shapes than
            the teacher takes, or whose images are not floats in [0, 1].
    """
    if not isinstance(batch, dict):
        raise _refusal(type(batch).__name__)
    shape = known_shape(distiller.teacher, "input")
    for key in distiller.batch_keys:
        if key not in batch:
            raise _refusal(f"a data set of dicts without {key!r}")
    for key, rank in _RANKS.items():
        if key not in batch:
            continue
        images = tf.convert_to_tensor(batch[key])
        if images.shape.rank != rank or not _fits(images.shape[-3:], shape):
            expected = f", not of the teacher's {shape}" if images.shape.rank == rank else ""
            raise _refusal(f"{key!r} of shape {tuple(images.shape)}{expected}")
        if not images.dtype.is_floating:
            raise _refusal(f"{key!r} of {images.dtype.name}")
        low, high = float(tf.reduce_min(images)), float(tf.reduce_max(images))
        if not (low >= 0 and high <= 1):  # also refuses NaN
            raise _refusal(f"{key!r} from {low:.3g} to {high:.3g}, not in [0, 1]")


def check_pairs(distiller, x, y=None, name="x"):
    """Checks images with labels for an evaluation; of a data set its first batch.

    Args:
        distiller: a `Distiller`.
        x: an array of images, or a data set of batches of `(images, labels)`; anything else passes.
        y: labels of an array.
        name: of the argument, for errors.

    Raises:
        RequestError: for images without labels, those that `check_images` refuses, and labels that
            are not the task's.
    """
    if isinstance(x, tf.data.Dataset):
        spec = x.element_spec
        if not (isinstance(spec, tuple) and len(spec) in (2, 3)):
            raise _not_pairs(name, f"a data set of {type(spec).__name__}")
        for images, labels, *_ in x.take(1):
            check_pairs(distiller, images, labels, name)
        return
    if not _is_array(x):
        return
    check_images(distiller, x, name)
    if y is None:
        raise _not_pairs(name, "images alone")
    _check_labels(distiller, x, np.asarray(y), name)


def check_images(distiller, x, name="x"):
    """Checks images that a student is to predict; of a data set the first batch.

    Args:
        distiller: a `Distiller`.
        x: an array of images, or a data set of batches; anything else passes.
        name: of the argument, for errors.

    Raises:
        RequestError: for images that are not floats in [0, 1] of the teacher's shape.
    """
    if isinstance(x, tf.data.Dataset):
        for batch in x.take(1):
            images = batch[0] if isinstance(batch, tuple) else batch
            if not _is_array(images):
                raise RequestError(
                    f"`{name}` must hold unit images. Expected a data set of batches of images. "
                    f"Received: elements of {type(images).__name__}. Map it to the images alone"
                )
            check_images(distiller, images, name)
        return
    if not _is_array(x):
        return
    images, shape = np.asarray(x), known_shape(distiller.teacher, "input")
    if images.ndim != 4 or not len(images) or not _fits(images.shape[1:], shape):
        raise _not_unit(name, f"shape {images.shape}{f', not of {shape}' if shape else ''}", "")
    is_float = images.dtype.kind == "f" or str(images.dtype) == "bfloat16"
    low, high = float(images.min()), float(images.max())
    if not (is_float and low >= 0 and high <= 1):
        received = f"{images.dtype} from {low:.3g} to {high:.3g}"
        raise _not_unit(name, received, ". Divide pixels in [0, 255] by 255")


def _check_validation(distiller, data):
    if isinstance(data, tuple | list):
        if len(data) not in (2, 3):
            raise _not_pairs("validation_data", f"{len(data)} arrays")
        check_pairs(distiller, data[0], data[1], "validation_data")
    elif data is not None:
        check_pairs(distiller, data, None, "validation_data")


def _check_labels(distiller, images, labels, name):
    outputs = (known_shape(distiller.teacher, "output") or (None,))[-1]
    shape = (len(images),) if distiller.task.label_rank == 1 else (len(images), outputs)
    received = f"labels of shape {labels.shape}"
    if labels.ndim == len(shape) and _fits(labels.shape, shape):
        low, high = (labels.min(), labels.max()) if labels.size else (0, 0)
        largest = 1 if len(shape) == 2 else outputs - 1 if outputs else np.inf
        if low >= 0 and high <= largest:
            return
        received = f"labels from {low} to {high}"
    kinds = {1: "class numbers `(n,)`", 2: "rows of 0 and 1 `(n, outputs)`"}
    raise RequestError(
        f"`{name}` must come with labels of the task {distiller.task.name}. Expected "
        f"{kinds[len(shape)]}, {outputs or 'any number of'} outputs. Received: {received}. Convert "
        "them, as one-hot rows by `labels.argmax(axis=-1)`"
    )


def _check_networks(distiller, images):
    """Runs teacher, student and generator on images, and checks what they return."""
    outputs = {}
    for name in ("teacher", "student"):
        network = getattr(distiller, name)
        try:
            outputs[name] = np.asarray(network(images, training=False))
        except (ValueError, TypeError, tf.errors.InvalidArgumentError) as error:
            raise RequestError(
                f"`{name}` cannot run on the images of `x`. Expected a model from such images to "
                f"logits. Received: images {tuple(images.shape)} ({first_line(error)}). Use images "
                "of its input shape"
            ) from error
        _check_logits(name, network, outputs[name])
    shapes = {name: rows.shape for name, rows in outputs.items()}
    if shapes["teacher"] != shapes["student"]:
        raise RequestError(
            "Teacher and student must have the same output shape. Expected the teacher's "
            f"{shapes['teacher'][1:]}. Received: {shapes['student'][1:]} of the student. Choose "
            "another `student`"
        )


def _check_logits(name, network, rows):
    if rows.ndim != 2:
        received = f"outputs of shape {rows.shape}"
    elif not np.isfinite(rows.astype("float32")).all():
        received = "NaN or infinity"
    elif output_activation(network) or kind_of_values(rows) not in ("softmax", "sigmoid"):
        return
    else:
        received = f"the values of a {kind_of_values(rows)}"
    raise RequestError(
        f"`{name}` must return logits. Expected finite numbers `(batch, outputs)`, no "
        f"probabilities. Received: {received}. Return what is before the last activation, or use "
        f"mosaickd_tf.teachers.as_logits({name}, kind=...)"
    )


def _fits(shape, expected):
    """Checks a shape against one in which None is any number; None fits all."""
    if expected is None:
        return True
    pairs = zip(shape, expected, strict=False)
    return len(shape) == len(expected) and all(b in (None, a) for a, b in pairs)


def _is_array(x):
    return isinstance(x, np.ndarray | tf.Tensor)


def _not_unit(name, received, way):
    return RequestError(f"`{name}` must hold unit images. {_EXPECTED}. Received: {received}{way}")


def _not_pairs(name, received):
    return RequestError(
        f"`{name}` must have labels. Expected `(images, labels)`, or a data set of batches of such "
        f"pairs. Received: {received}. Give the labels too"
    )


def _refusal(received):
    return RequestError(
        "`x` must be a `tf.data.Dataset` of rounds: dicts of unit images with the keys "
        f"{' and '.join(map(repr, _RANKS))}. Received: {received}. {_WAY}"
    )
