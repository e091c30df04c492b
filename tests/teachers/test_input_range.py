"""Range of pixels of teachers: decided where their statistics tell, refused where they do not."""

import numpy as np
import pytest

from mosaickd_tf.teachers.input_range import decide, plausibility, to_unit
from tests.teachers.range_models import OF_UNIT, digits, photos, seen, taken_by, teacher


@pytest.mark.parametrize("pixels", list(OF_UNIT))
def test_moments_of_any_range_are_translated_to_those_of_unit_images(pixels):
    unit = np.random.default_rng(0).uniform(size=(4000, 3)) * [0.2, 0.5, 0.9]
    inside = OF_UNIT[pixels](unit)
    mean, _ = to_unit(pixels, inside.mean(axis=0), 1.0)
    np.testing.assert_allclose(mean, unit.mean(axis=0), rtol=1e-12)


@pytest.mark.parametrize(
    ("pixels", "std", "expected"),
    [
        ("unit", 0.25, 0.25),
        ("signed", 0.5, 0.25),
        ("bytes", 51.0, 0.2),
        ("caffe", 51.0, 0.2),
        ("imagenet", 1.0, (0.229 + 0.224 + 0.225) / 3),
    ],
)
def test_standard_deviations_are_translated_by_hand(pixels, std, expected):
    assert to_unit(pixels, np.zeros(3), std)[1] == pytest.approx(expected, rel=1e-12)


def test_usual_images_are_more_plausible_than_unusual_and_impossible_ones():
    gray = np.full(3, 0.45)
    photograph = plausibility(gray, 0.25)
    pale = plausibility(gray, 0.08)
    constant = plausibility(gray, 0.001)
    assert photograph > pale > constant
    assert photograph > plausibility(np.full(3, 0.1), 0.25) > plausibility(np.full(3, -0.5), 0.25)
    assert plausibility(gray, 0.49) > plausibility(gray, 0.7)  # at most 0.4975 of two values
    assert plausibility(np.full(3, 1.5), 0.25) < pale
    strokes = plausibility(np.array([0.13]), 0.3)
    assert strokes > plausibility(np.array([0.565]), 0.15)  # the same pixels, as of [-1, 1]


@pytest.mark.parametrize("form", ["functional", "sequential", "nested"])
@pytest.mark.parametrize("pixels", list(OF_UNIT))
def test_the_range_of_photographs_is_decided_by_their_statistics(pixels, form):
    model = teacher(seen(photos()), pixels, form=form)
    found = decide(taken_by(model), model, photos()[1::2])
    assert found.pixels == pixels and max(found.scores, key=found.scores.get) == pixels
    assert found.evidence.startswith(f"statistics of BatchNormalization, {pixels} before ")


@pytest.mark.parametrize("pixels", ["unit", "signed", "bytes"])
@pytest.mark.parametrize("relu", [False, True])
def test_the_range_of_gray_digits_is_decided_by_photographs(pixels, relu):
    model = teacher(seen(digits()), pixels, relu=relu)
    found = decide(taken_by(model), model, photos()[1::2])
    assert found.pixels == pixels and set(found.scores) == {"unit", "signed", "bytes"}


@pytest.mark.parametrize("pixels", list(OF_UNIT))
def test_statistics_after_a_relu_decide_too(pixels):
    model = teacher(seen(photos()), pixels, relu=True, seed=3)
    assert decide(taken_by(model), model, photos()[1::2]).pixels == pixels
