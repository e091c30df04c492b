"""Which try of a method was the best, and how a page tells all of them."""

import pytest

from benchmarks import equal_tuning
from mosaickd_tf.cli.cells import read_cells

TRIES = {"kd": {"--a=1": 0.25, "--a=2": 0.5, "--a=3": 0.5}, "mosaic": {"--b=1": 0.9}}


def test_the_best_try_is_the_first_of_equals():
    assert equal_tuning.best_of(TRIES) == {"kd": "--a=2", "mosaic": "--b=1"}


def test_the_page_shows_every_try_and_marks_the_best():
    rows = equal_tuning.page(TRIES).splitlines()[-4:]
    assert rows == [
        "| kd | `--a=1` | 25.0 |",
        "| kd | **`--a=2`** | 50.0 |",
        "| kd | `--a=3` | 50.0 |",
        "| mosaic | **`--b=1`** | 90.0 |",
    ]


@pytest.mark.parametrize("method", sorted(equal_tuning.KNOBS))
def test_every_method_is_a_flagfile_and_its_flags_are_known(method):
    options = read_cells().options["digits_from_photos", method]
    for knob in equal_tuning.KNOBS[method]:
        for flag in knob.split():
            assert flag.partition("=")[0].removeprefix("--") in options
