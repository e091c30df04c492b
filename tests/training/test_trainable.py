"""The protocol of everything that the training loop trains."""

import pytest

from mosaickd_tf.compression.training import CompressedStudentTrainer
from mosaickd_tf.methods import METHODS
from mosaickd_tf.teachers.training import TeacherTrainer
from mosaickd_tf.training.trainable import Trainable
from tests.training.fakes import Counter

TRAINED = [TeacherTrainer, CompressedStudentTrainer, *METHODS.values()]


@pytest.mark.parametrize("trained", TRAINED, ids=lambda trained: trained.__name__)
@pytest.mark.parametrize("name", ["make_train_function", "reset_metrics", "state"])
def test_everything_that_is_trained_defines_the_methods(trained, name):
    assert getattr(trained, name) is not getattr(Trainable, name)


def test_a_derived_class_has_no_optimizers_and_skips_nothing_by_default():
    counter = Counter()
    assert (tuple(counter.optimizers), dict(counter.gradient_norms)) == ((), {})
    assert counter.skipped_updates == 0
