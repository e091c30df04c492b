"""The teacher's logits where they are known before an update, so that it is not run again."""

import tensorflow as tf

from mosaickd_tf.methods.noise import count


def ood_batch(batch, k):
    """Returns the OOD images of the student's update `k` of a round, and their logits or None.

    Args:
        batch: of a round, see `data.rounds`.
        k: number of the update in the round.
    """
    logits = batch.get("transfer_logits")
    return batch["transfer_images"][:, k], None if logits is None else logits[:, k]


def logits_of(teacher, unit_images, first=None, last=None):
    """Returns a teacher's logits of images `(batch, outputs)`.

    Args:
        teacher: Keras model from unit images to logits.
        unit_images: `(batch, height, width, channels)`.
        first: the logits of the first of the images, or None. The teacher is run on those alone
            whose logits are not known.
        last: likewise, of the last of them.
    """
    if first is None and last is None:
        return teacher(unit_images, training=False)
    start = 0 if first is None else count(first)
    stop = count(unit_images) - (0 if last is None else count(last))
    unknown = unit_images[start:stop]
    between = None if unknown.shape[0] == 0 else teacher(unknown, training=False)
    parts = [x for x in (first, between, last) if x is not None]
    return tf.concat([tf.cast(x, "float32") for x in parts], axis=0)
