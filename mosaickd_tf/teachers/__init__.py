"""Teachers: loading from files, input statistics, training."""

from mosaickd_tf.teachers.loading import (
    load_teacher,
    load_teacher_file,
    needs_statistics,
    statistics,
    teacher_of_run,
)

__all__ = ["load_teacher", "load_teacher_file", "needs_statistics", "statistics", "teacher_of_run"]
