"""Range of pixels of teachers: decided where their statistics tell, refused where they do not."""

import re

import keras
import numpy as np
import pytest
from keras import layers

from mosaickd_tf.errors import RequestError
from mosaickd_tf.teachers.input_range import decide, plausibility, to_unit
from tests.teachers import range_models
from tests.teachers.range_models import LEARNED, OF_UNIT, digits, photos, seen, taken_by, teacher


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


@pytest.mark.parametrize(
    ("pixels", "form"),
    [
        *((pixels, "functional") for pixels in OF_UNIT),
        *((pixels, form) for pixels in ("signed", "bytes") for form in ("sequential", "nested")),
    ],
)
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


def test_statistics_after_a_relu_that_fit_badly_are_refused():
    """With these weights pixels of [0, 255] look rather like those less their means."""
    model = teacher(seen(photos()), "bytes", relu=True, seed=10)
    with pytest.raises(RequestError, match=r"teacher_input=bytes \("):
        decide(taken_by(model), model, photos()[1::2])


def test_channels_first_is_decided_and_mentioned():
    inner = teacher(seen(photos()), "bytes")
    images = keras.Input((3, range_models.SIDE, range_models.SIDE))
    model = keras.Model(images, inner(layers.Permute((2, 3, 1))(images)))
    taken = taken_by(inner, channels_first=True)
    assert decide(taken, model, photos()[1::2]).pixels == "bytes"


def test_open_sides_are_those_of_the_images_that_decide():
    """A network that is too deep for images of 32 pixels."""
    inner = teacher(seen(photos()), "bytes")
    images = keras.Input((None, None, 3))
    hidden = images
    for layer in inner.layers[1:-2]:
        hidden = layer(hidden)
    for _ in range(5):
        hidden = layers.AveragePooling2D(2)(hidden)
    model = keras.Model(images, layers.GlobalAveragePooling2D()(layers.Conv2D(4, 1)(hidden)))
    large = photos()[1::8].repeat(3, axis=1).repeat(3, axis=2)
    assert decide(taken_by(model), model, large).pixels == "bytes"
    with pytest.raises(RequestError, match="`image_size`"):
        decide(taken_by(model), model, photos()[1::8])


def test_close_ranges_are_refused_with_the_score_and_flag_of_each():
    """Bright pale images of [-1, 1] are hardly ever below 0, as dark ones of [0, 1]."""
    model = teacher(0.3 + 0.6 * seen(photos()), "signed")
    with pytest.raises(RequestError) as refused:
        decide(taken_by(model), model, photos()[1::2])
    words = str(refused.value)
    assert "leave it open" in words and "'teacher.keras'" in words and "\n" not in words
    found = re.findall(r"teacher_input=(\w+) \((-?[0-9.]+)\)", words)
    assert {name for name, _ in found} == set(OF_UNIT)
    scores = [float(score) for _, score in found]
    assert scores == sorted(scores, reverse=True) and scores[0] - scores[1] < 0.9


def without_normalization(scale):
    """Builds a network whose logits differ by about `scale` over images in [0, 1]."""
    images = keras.Input((8, 8, 3))
    dense = layers.Dense(4, bias_initializer=LEARNED)
    model = keras.Model(images, dense(layers.Flatten()(images)))
    dense.set_weights([scale * w for w in dense.get_weights()])
    return model


def test_without_normalization_outputs_that_do_not_decide_are_refused():
    model = without_normalization(1.0)
    with pytest.raises(RequestError, match="outputs leave it open, a margin of .* of 4"):
        decide(taken_by(model), model, photos()[:, ::2, ::2])


def test_without_normalization_outputs_that_fit_one_range_decide():
    """Logits that differ by 4 for pixels in [0, 1] differ by 1,000 for those in [0, 255]."""
    images = keras.Input((8, 8, 1))
    dense = layers.Dense(4, bias_initializer=LEARNED)
    model = keras.Model(images, dense(layers.Flatten()(images)))
    model(photos()[:2, ::2, ::2, :1])
    spread = np.std(np.asarray(model(photos()[:64, ::2, ::2].mean(-1, keepdims=True))), 0).mean()
    dense.set_weights([4 / spread * w for w in dense.get_weights()])
    found = decide(taken_by(model), model, photos()[:, ::2, ::2])
    assert found.pixels == "bytes" and found.evidence.startswith("outputs, bytes before")


def test_where_nothing_depends_on_the_range_unit_images_are_taken():
    images = keras.Input((8, 8, 3))
    hidden = layers.LayerNormalization(axis=[1, 2, 3], epsilon=1e-12)(images)
    dense = layers.Dense(4, kernel_initializer="zeros", bias_initializer=LEARNED)
    model = keras.Model(images, dense(layers.Flatten()(hidden)))
    found = decide(taken_by(model), model, photos()[:, ::2, ::2])
    assert (found.pixels, found.evidence) == ("unit", "outputs are those of any")


def test_an_untrained_network_takes_unit_images():
    images = keras.Input((8, 8, 3))
    hidden = layers.BatchNormalization()(layers.Conv2D(12, 3)(images))
    model = keras.Model(images, layers.GlobalAveragePooling2D()(hidden))
    found = decide(taken_by(model), model, photos()[:, ::2, ::2])
    assert found.pixels == "unit" and found.evidence.startswith("not trained")
    read = taken_by(model, pixels="bytes", evidence="Rescaling inside")
    assert decide(read, model, photos()[:, ::2, ::2]) is read


def test_a_range_that_was_read_off_is_kept_where_the_statistics_agree():
    before = [layers.Rescaling(1 / 255)]
    model = teacher(seen(photos()), "unit", before=before)
    read = taken_by(model, pixels="bytes", evidence="Rescaling inside")
    found = decide(read, model, photos()[1::2])
    assert (found.pixels, found.evidence) == ("bytes", "Rescaling inside") and found.scores


def test_statistics_that_contradict_the_first_layers_are_refused():
    """The user rescaled to [0, 1] before a network that rescales again."""
    before = [layers.Rescaling(1 / 255)]
    model = teacher(seen(photos()) / 255, "unit", before=before)
    read = taken_by(model, pixels="bytes", evidence="Rescaling inside")
    with pytest.raises(RequestError, match="Rescaling inside says bytes, .* say unit") as refused:
        decide(read, model, photos()[1::2])
    assert "teacher_input=unit" in str(refused.value)
