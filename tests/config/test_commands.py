"""Options of single commands, and the values that are refused."""

import dataclasses

import pytest

from mosaickd_tf import config
from mosaickd_tf.config import BenchmarkConfig, DemoConfig, EvaluationConfig, SynthesisConfig
from mosaickd_tf.errors import RequestError

WRONG = [
    (EvaluationConfig, {"teacher_input": "raw"}, "teacher_input", "unit, signed, bytes"),
    (SynthesisConfig, {"count": 0}, "count", "at least 1"),
    (SynthesisConfig, {"format": "gif"}, "format", "png, tfrecord"),
    (SynthesisConfig, {"seed": -1}, "seed", "at least 0"),
    (DemoConfig, {"port": 65536}, "port", "at most 65535"),
    (BenchmarkConfig, {"method": "magic"}, "method", "balanced, crd"),
    (BenchmarkConfig, {"num_classes": 1}, "num_classes", "at least 2"),
    (BenchmarkConfig, {"channels": 2}, "channels", "1, 3"),
    (BenchmarkConfig, {"warmup_rounds": -1}, "warmup_rounds", "at least 0"),
]


@pytest.mark.parametrize("section, arguments, name, expected", WRONG, ids=[row[2] for row in WRONG])
def test_a_value_out_of_range_is_refused_by_name(section, arguments, name, expected):
    with pytest.raises(RequestError, match=f"`{name}`.*{expected}"):
        section(**arguments)


def test_what_a_benchmark_shares_with_a_run_has_the_same_default():
    run = dict(config.options(config.DistillConfig()))
    shared = ("student", "batch_size", "student_steps_per_round")
    shared += ("precision", "jit_compile", "steps_per_execution", "method")
    benchmark = dataclasses.asdict(BenchmarkConfig())
    differing = {name for name in shared if benchmark[name] != run[name]}
    assert differing == {"batch_size"}  # a quarter of the published one: what two cores carry
    shape = config.DataConfig().image_shape
    assert shape == (benchmark["image_size"], benchmark["image_size"], benchmark["channels"])
