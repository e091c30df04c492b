"""Checks of a teacher against the images and labels of a run."""

from mosaickd_tf.errors import RequestError


def check_teacher(teacher, data, label_names):
    """Raises `RequestError` unless the teacher takes the run's images and has its labels.

    Args:
        teacher: Keras model from unit images to logits.
        data: the `DataConfig` of the run.
        label_names: of the target data set; empty without one.
    """
    expected = data.image_shape
    received = teacher.input_shape[1:]
    if received != expected:
        raise RequestError(
            f"Teacher and images do not fit. Expected a teacher of {expected}, the `image_size` "
            f"and `channels`. Received: one of {received}. Change those"
        )
    outputs = teacher.output_shape[-1]
    if label_names and outputs != len(label_names):
        given = (
            f"labels of `labels` {data.labels}"
            if data.labels
            else f"classes of `target_dataset` {data.target_dataset}"
        )
        raise RequestError(
            f"Teacher and data do not fit. Expected the {len(label_names)} {given}. Received: "
            f"a teacher of {outputs} classes. Name the data of the teacher"
        )
