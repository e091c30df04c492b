"""Teachers: model files of any kind as unit images to logits, and the training of a teacher."""

from mosaickd_tf.models.graph.logits import as_logits
from mosaickd_tf.teachers.description import inspect_teacher
from mosaickd_tf.teachers.evaluated import (
    load_compared_teacher,
    load_evaluated,
    open_evaluated,
)
from mosaickd_tf.teachers.inspection import Inspection, inspect_file, with_image_shape
from mosaickd_tf.teachers.loading import (
    is_torch_file,
    load_teacher,
    load_teacher_file,
    needs_statistics,
    open_teacher,
    statistics,
    teacher_of_run,
    with_own_format,
)

__all__ = [
    "Inspection",
    "as_logits",
    "inspect_file",
    "inspect_teacher",
    "is_torch_file",
    "load_compared_teacher",
    "load_evaluated",
    "load_teacher",
    "load_teacher_file",
    "needs_statistics",
    "open_evaluated",
    "open_teacher",
    "statistics",
    "teacher_of_run",
    "with_image_shape",
    "with_own_format",
]
