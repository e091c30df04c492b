"""Recorded runs of versions that lacked options."""

from mosaickd_tf.config import DistillConfig, from_options
from mosaickd_tf.config.earlier import EARLIER, with_earlier


def test_a_run_that_lacks_options_is_as_it_ran():
    config = from_options(DistillConfig, with_earlier({"rounds": 7}))
    assert config.optimization.rounds == 7
    assert config.data.image_shape == (32, 32, 3) and config.data.task == "single_label"
    assert config.teacher.teacher_input == "unit" and config.networks.patch_size == 10


def test_what_a_run_says_itself_counts():
    assert with_earlier({"image_size": 16}) == EARLIER | {"image_size": 16}
