"""Inspection of files of teachers, its conclusions as a line and as options of a config."""

import dataclasses

import keras
import numpy as np
import pytest
from keras import layers

from mosaickd_tf.config import DataConfig, DistillConfig, TeacherConfig, with_options
from mosaickd_tf.errors import RequestError
from mosaickd_tf.models import build_classifier
from mosaickd_tf.models.io.model_file import open_model_file
from mosaickd_tf.teachers.inspection import inspect_file, photographs, with_image_shape
from mosaickd_tf.teachers.loading import load_teacher_file
from tests.teachers.range_models import LEARNED, OF_UNIT, SIDE, photos, seen, teacher

UNIT_IMAGES = photos()[5::40].astype("float32") / 255


def saved(model, tmp_path):
    model.save(tmp_path / "teacher.keras")
    return open_model_file(tmp_path / "teacher.keras")


def inspected(file, data=None, **options):
    refuse = options.pop("refuse_doubts", True)
    return inspect_file(file, TeacherConfig(**options), DataConfig(**data or {}), None, refuse)


def probabilities(logits):
    logits = np.asarray(logits, "float64")
    exponentials = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return exponentials / exponentials.sum(axis=-1, keepdims=True)


def stranger(pixels, **options):
    """Builds a teacher that ends in a softmax, of pixels in a range."""
    model = teacher(seen(photos()), pixels, **options)
    return keras.Sequential([keras.Input(model.input_shape[1:]), model, layers.Softmax()])


def without_normalization(*outputs):
    """Builds a network in which nothing shows the range of pixels."""
    images = keras.Input((16, 16, 3))
    hidden = layers.Flatten()(images)
    made = [
        layers.Dense(n, bias_initializer=LEARNED, name=f"head{i}")(hidden)
        for i, n in enumerate(outputs)
    ]
    return keras.Model(images, made)


@pytest.mark.parametrize("pixels", ["signed", "imagenet", "caffe"])
def test_the_network_has_the_probabilities_of_the_teacher_on_its_own_pixels(pixels, tmp_path):
    model = stranger(pixels)
    found = inspected(saved(model, tmp_path))
    expected = np.asarray(model(OF_UNIT[pixels](UNIT_IMAGES.astype("float64"))))
    received = probabilities(found.network()(UNIT_IMAGES))
    np.testing.assert_allclose(received, expected, atol=1e-5)


def test_the_summary_is_one_line_with_all_conclusions(tmp_path):
    line = inspected(saved(stranger("bytes"), tmp_path)).summary()
    assert line.startswith(
        "teacher: Keras file, images 16x16x3, teacher_input=bytes (statistics of "
        "BatchNormalization, bytes before caffe by "
    )
    assert line.endswith("), teacher_output_kind=softmax of 4 labels (ends in softmax)")
    assert "\n" not in line


def test_the_summary_mentions_channels_first_and_open_sides(tmp_path):
    images = keras.Input((3, None, None))
    hidden = layers.GlobalAveragePooling2D()(layers.Permute((2, 3, 1))(images))
    file = saved(keras.Model(images, layers.Dense(4)(hidden)), tmp_path)
    found = inspected(file, teacher_input="signed")
    assert "images ?x?x3 with channels_first, teacher_input=signed (teacher_input)" in (
        found.summary()
    )
    assert found.image_shape == (32, 32, 3)


@pytest.mark.parametrize("pixels", ["bytes", "caffe"])
def test_what_was_resolved_gives_the_same_network_again(pixels, tmp_path):
    file = saved(stranger(pixels), tmp_path)
    config = with_options(DistillConfig(), data={"image_size": 24}, teacher={"teacher": file.path})
    first = inspect_file(file, config.teacher, config.data)
    resolved = first.resolved(config)
    assert (resolved.data.image_shape, resolved.data.task) == ((24, 24, 3), "single_label")
    assert resolved.teacher.teacher_input == pixels
    assert resolved.teacher.teacher_layout == "channels_last"
    assert resolved.teacher.teacher_output_kind == "softmax"
    assert not [value for value in dataclasses.astuple(resolved.teacher) if value == "auto"]
    second = inspect_file(file, resolved.teacher, resolved.data)
    assert second.resolved(resolved) == resolved
    assert second.taken.evidence == "teacher_input"
    images = photographs((24, 24, 3))[::50].astype("float32") / 255
    np.testing.assert_array_equal(first.network()(images), second.network()(images))


def test_given_statistics_are_resolved_as_they_are(tmp_path):
    given = {"teacher_mean": (0.1, 0.2, 0.3), "teacher_std": (0.4, 0.5, 0.6)}
    file = saved(without_normalization(4), tmp_path)
    config = with_options(DistillConfig(), teacher={"teacher": file.path, **given})
    found = inspect_file(file, config.teacher, config.data)
    resolved = found.resolved(config).teacher
    assert (resolved.teacher_mean, resolved.teacher_std) == tuple(given.values())
    again = inspect_file(file, resolved, found.resolved(config).data)
    images = UNIT_IMAGES[:, :16, :16]
    expected = found.file.model((images - given["teacher_mean"]) / given["teacher_std"])
    np.testing.assert_allclose(again.network()(images), expected, rtol=1e-4, atol=1e-5)


def test_the_output_of_several_is_resolved_by_name(tmp_path):
    file = saved(without_normalization(4, 3), tmp_path)
    options = {"teacher": file.path, "teacher_input": "unit"}
    config = with_options(DistillConfig(), teacher=options | {"teacher_output": "1"})
    found = inspect_file(file, config.teacher, config.data)
    resolved = found.resolved(config)
    assert resolved.teacher.teacher_output == file.output_names[1] == found.head.name
    assert found.head.num_labels == 3
    assert inspect_file(file, resolved.teacher, resolved.data).head.index == 1


def test_a_teacher_of_this_package_takes_unit_images_and_is_returned_itself(tmp_path):
    model = build_classifier("wrn10_1", num_classes=3, input_shape=(16, 16, 3))
    file = saved(model, tmp_path)
    found = inspected(file)
    assert (found.taken.pixels, found.taken.evidence) == ("unit", "made by this program")
    assert found.network() is file.model


def test_what_cannot_be_told_is_refused_or_a_doubt(tmp_path):
    file = saved(without_normalization(4, 4), tmp_path)
    with pytest.raises(RequestError, match="`teacher_input`"):
        inspected(file)
    with pytest.raises(RequestError, match="`teacher_output`"):
        inspected(file, teacher_input="unit")
    found = inspected(file, refuse_doubts=False)
    assert ["`teacher_input`" in doubt for doubt in found.doubts] == [True, False]
    assert "`teacher_output`" in found.doubts[1] and found.head is None
    assert (found.taken.pixels, found.taken.evidence) == ("unit", "it cannot be told")
    settled = inspected(file, teacher_input="signed", teacher_output="0", refuse_doubts=False)
    assert settled.doubts == () and settled.head.index == 0


@pytest.mark.parametrize(
    ("shape", "options", "expected"),
    [
        ((16, 24, 3), {}, (16, 24, 3)),
        ((16, 24, 3), {"image_size": 20}, (20, 20, 3)),
        ((16, 24, 3), {"image_size": (10, 12), "channels": 1}, (10, 12, 1)),
        ((None, None, 1), {}, (32, 32, 1)),
        ((None, 40, 1), {"channels": 3}, (32, 40, 3)),
        ((None, None, 3), {"image_size": (48, 96)}, (48, 96, 3)),
    ],
)
def test_the_shape_of_the_run_is_that_of_the_options_else_of_the_teacher(
    shape, options, expected, tmp_path
):
    images = keras.Input(shape)
    model = keras.Model(images, layers.Dense(4)(layers.GlobalAveragePooling2D()(images)))
    file = saved(model, tmp_path)
    config = with_options(DistillConfig(), data=options, teacher={"teacher_input": "unit"})
    assert with_image_shape(config, file).data.image_shape == expected
    found = inspect_file(file, config.teacher, config.data)
    assert found.image_shape == expected and found.network().input_shape[1:] == expected


def test_photographs_are_the_same_each_time_and_show_something():
    images = photographs((SIDE, SIDE, 3))
    assert images.shape == (256, SIDE, SIDE, 3) and images.dtype == np.uint8
    np.testing.assert_array_equal(images, photographs((SIDE, SIDE, 3)))
    assert images.std() > 30 and photographs((8, 12, 1)).shape == (256, 8, 12, 1)


def test_a_size_is_given_for_a_file_with_open_sides_in_python_too(tmp_path):
    """Images of 32 pixels, taken where nothing is said, are too small for this network."""
    hidden = images = keras.Input((None, None, 3))
    for _ in range(6):
        hidden = layers.AveragePooling2D(2)(hidden)
    outputs = layers.Dense(4)(layers.GlobalAveragePooling2D()(hidden))
    path = saved(keras.Model(images, outputs), tmp_path).path
    with pytest.raises(RequestError, match="`image_size`"):
        load_teacher_file(path, "signed")
    network = load_teacher_file(path, "signed", image_size=64, channels=1)
    assert network.input_shape == (None, 64, 64, 1)
