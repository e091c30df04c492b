"""Streams of batches whose order is a function of the seed, so that a run can resume anywhere.

The order of an epoch is a permutation keyed on (seed, stream, epoch), and the augmentation of an
image is keyed on the same and its index. There is no shuffle buffer, and a stream that starts at
round r gives the same batches as one that reached it.
"""

import numpy as np
import tensorflow as tf

from mosaickd_tf.data.augmentation import crop_draws, pad_crop_flip
from mosaickd_tf.data.image_arrays import as_uint8_images
from mosaickd_tf.errors import RequestError
from mosaickd_tf.utils import machine

# The data set knows that it does not end.
_ENDLESS = tf.data.experimental.assert_cardinality(tf.data.INFINITE_CARDINALITY)
_PATCHES, _TRANSFER, _LABELED = range(3)  # each stream of a run has its own order


def rounds(
    images, *, batch_size, student_steps=5, seed=0, start_round=0, padding=None, view_logits=None
):
    """Builds the endless stream of the batches of rounds.

    Args:
        images: uint8 array or unit images `(n, height, width, channels)`, or a finite
            `tf.data.Dataset` of images or `(image, label)` pairs, single or in batches; it is
            read once and stored as uint8.
        batch_size: images in an update of any network.
        student_steps: updates of the student in a round.
        seed: at least 0; determines order and augmentation.
        start_round: the first round, 0 for the first of a run.
        padding: pixels around transfer images before they are cropped; an eighth of the side
            by default.
        view_logits: the teacher's logits `(views, n, outputs)` of the transfer images in the first
            `views` passes over the data, see `transfer_view`. Later passes repeat these in turn,
            in other orders.

    Returns:
        A `tf.data.Dataset` of `{"patch_images": (batch, h, w, c), "transfer_images": (batch,
        student_steps, h, w, c), "index": (batch, student_steps)}`: float32 unit images, the
        patch images unchanged, the transfer images pad-cropped and flipped; and the index of
        each transfer image, for methods that store values per image. With `view_logits` also
        `"transfer_logits": (batch, student_steps, outputs)`, float32.

    Raises:
        RequestError: as `as_uint8_images`, and for numbers outside their ranges.
    """
    images = as_uint8_images(images)
    padding = images.shape[1] // 8 if padding is None else padding
    _check_counts(
        images.shape[1:],
        padding,
        batch_size=(batch_size, 1),
        student_steps=(student_steps, 1),
        seed=(seed, 0),
        start_round=(start_round, 0),
    )
    per_round = batch_size * student_steps
    views = 0 if view_logits is None else len(view_logits)
    patches = _order(len(images), seed, _PATCHES, start_round * batch_size, padding)
    transfer = _order(len(images), seed, _TRANSFER, start_round * per_round, padding, views)
    make_round = _round_of(images, (batch_size, student_steps), padding, view_logits)
    batches = tf.data.Dataset.zip(
        patches.batch(batch_size, drop_remainder=True),
        transfer.batch(per_round, drop_remainder=True),
    )
    return _map(batches, make_round).apply(_ENDLESS)


def _round_of(images, shape, padding, view_logits):
    """Returns a function that makes the batch of a round of rows as of `_order`."""
    stored = tf.constant(images)
    logits = None if view_logits is None else _checked_logits(view_logits, len(images))

    def make_round(patch, transferred):
        transfer_images = pad_crop_flip(
            tf.gather(stored, transferred["index"]), transferred["draws"], padding
        )
        batch = {
            "patch_images": unit(tf.gather(stored, patch["index"])),
            "transfer_images": tf.reshape(unit(transfer_images), (*shape, *images.shape[1:])),
            "index": tf.reshape(transferred["index"], shape),
        }
        if logits is not None:
            places = tf.stack([transferred["view"], transferred["index"]], axis=1)
            known = tf.cast(tf.gather_nd(logits, places), "float32")
            batch["transfer_logits"] = tf.reshape(known, (*shape, logits.shape[-1]))
        return batch

    return make_round


def _checked_logits(view_logits, num_images):
    shape = np.shape(view_logits)
    if len(shape) != 3 or not shape[0] or shape[1] != num_images:
        raise RequestError(
            "`view_logits` does not fit the images. Expected the teacher's logits `(views, "
            f"{num_images}, outputs)`, at least one view. Received: shape {shape}. Compute them "
            "on `transfer_view`"
        )
    return tf.constant(view_logits)


def transfer_view(images, number, *, seed=0, padding=None, chunk=4096):
    """Yields the transfer images of one pass of `rounds`, in the order of the data.

    Args:
        images: uint8 `(n, height, width, channels)`.
        number: of the pass, at least 0.
        seed: as of `rounds`.
        padding: likewise.
        chunk: images at a time.

    Yields:
        Uint8 arrays of up to `chunk` images.
    """
    padding = images.shape[1] // 8 if padding is None else padding
    draws = _draws(len(images), seed, _TRANSFER, number, padding)
    for start in range(0, len(images), chunk):
        part = slice(start, start + chunk)
        yield pad_crop_flip(tf.constant(images[part]), draws[part], padding).numpy()


def labeled(image_set, *, batch_size, augmentation="none", seed=0, start_step=0):
    """Builds the endless stream of augmented batches with labels, to train a teacher.

    Args:
        image_set: an `ImageSet` with labels.
        batch_size: images in a batch.
        augmentation: "none", "pad_crop" or "pad_crop_flip".
        seed: at least 0.
        start_step: the first batch.

    Returns:
        A `tf.data.Dataset` of `(unit images, labels)`.
    """
    images, labels = image_set.images, image_set.labels
    padding = 0 if augmentation == "none" else images.shape[1] // 8
    stored, stored_labels = tf.constant(images), tf.constant(labels)

    def make_batch(row):
        batch = tf.gather(stored, row["index"])
        if padding:
            batch = pad_crop_flip(
                batch, row["draws"], padding, flip=augmentation == "pad_crop_flip"
            )
        return unit(batch), tf.gather(stored_labels, row["index"])

    order = _order(len(images), seed, _LABELED, start_step * batch_size, padding)
    return _map(order.batch(batch_size, drop_remainder=True), make_batch)


def unit(images):
    """Converts uint8 images to float32 in [0, 1]."""
    return tf.cast(images, "float32") * np.float32(1 / 255)


def _map(batches, make):
    """Maps batches in order, ahead of the rounds, on a quarter of the cores."""
    calls = max(1, machine.cores() // 4)
    return batches.map(make, num_parallel_calls=calls, deterministic=True).prefetch(2 * calls)


def _check_counts(image_shape, padding, **counts):
    """Checks the integers of `rounds`, each with its smallest value."""
    for name, (value, smallest) in counts.items():
        is_integer = isinstance(value, int | np.integer) and not isinstance(value, bool)
        if not is_integer or value < smallest:
            raise RequestError(
                f"`{name}` must be an integer. Expected at least {smallest}. "
                f"Received: {name}={value!r}"
            )
    largest = min(image_shape[:2])
    if not isinstance(padding, int | np.integer) or not 0 <= padding <= largest:
        raise RequestError(
            f"`padding` must be an integer. Expected 0 to {largest}, the side of the images. "
            f"Received: padding={padding!r}"
        )


def _key(seed, stream, number):
    """Returns a key `(2,)` for the numbers of a stream, of which an epoch has two."""
    return tf.stack([tf.constant(seed, "int64") * 16 + stream, tf.cast(number, "int64")])


def _draws(num_images, seed, stream, epoch, padding):
    """Returns the augmentation draws of an epoch, in the order of the data."""
    return crop_draws(num_images, padding, _key(seed, stream, 2 * epoch + 1))


def _order(num_images, seed, stream, start, padding, views=0):
    """Builds the endless stream of indices and augmentation draws from position `start` on.

    With `views` the draws are those of the first epochs, in turn.
    """
    first_epoch, position = divmod(start, num_images)

    def epoch(number):
        view, key = number % views if views else number, _key(seed, stream, 2 * number)
        index = tf.random.experimental.stateless_shuffle(tf.range(num_images), seed=key)
        draws = _draws(num_images, seed, stream, view, padding)
        rows = {"index": index, "draws": tf.gather(draws, index)}
        if views:
            rows["view"] = tf.fill((num_images,), tf.cast(view, "int32"))
        return tf.data.Dataset.from_tensor_slices(rows)

    epochs = tf.data.Dataset.range(first_epoch, np.iinfo(np.int64).max // 4)
    return epochs.flat_map(epoch).skip(position)
