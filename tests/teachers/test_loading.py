"""Teachers from files: their inputs, and the statistics that standardize them."""

import keras
import numpy as np
import pytest
from keras import layers

from mosaickd_tf import models, teachers
from mosaickd_tf.config import DataConfig, DistillConfig, TeacherConfig
from mosaickd_tf.data.images import ImageSet
from mosaickd_tf.data.loading import TargetData
from mosaickd_tf.errors import RequestError
from tests import official, tiny

TRAIN = ImageSet(images=np.full((2, 8, 8, 3), [51, 102, 204], "uint8"), source="tests")
GIVEN = {"teacher_mean": official.MEAN, "teacher_std": official.STD}


OFFICIAL = {"teacher": "teacher.pth", "teacher_network": "wrn10_1"}
# Of the official code for CIFAR-10.
CIFAR10 = ([0.4914, 0.4822, 0.4465], [0.2023, 0.1994, 0.2010])


def config(channels=3, data="", **teacher):
    return DistillConfig(
        data=DataConfig(image_size=8, channels=channels, target_dataset=data),
        teacher=TeacherConfig(**teacher),
    )


def target(train=TRAIN):
    return TargetData(train=train, validation=None, test=None)


def test_a_keras_file_is_loaded_as_its_input_says(tmp_path):
    path = tmp_path / "teacher.keras"
    tiny.classifier().save(path)
    asked = config(teacher=str(path), teacher_input="bytes")
    images = np.random.RandomState(0).uniform(size=(2, *tiny.IMAGE_SHAPE)).astype("float32")
    np.testing.assert_array_equal(
        teachers.load_teacher(asked, None)(images),
        teachers.load_teacher_file(path, "bytes")(images),
    )


def test_a_pth_file_is_loaded_into_the_network_that_is_named(tmp_path):
    torch = pytest.importorskip("torch")
    from tests import reference_classifiers

    reference = reference_classifiers.build("wrn10_1").eval()
    torch.save({"state_dict": reference.state_dict()}, tmp_path / "teacher.pth")
    asked = config(teacher=str(tmp_path / "teacher.pth"), teacher_network="wrn10_1", **GIVEN)
    images = official.images(8)
    standardised = (images - np.float32(official.MEAN)) / np.float32(official.STD)
    with torch.no_grad():
        expected = reference(torch.tensor(standardised).permute(0, 3, 1, 2)).numpy()
    received = teachers.load_teacher(asked, None)(images, training=False)
    np.testing.assert_allclose(received, expected, atol=1e-5)


def test_statistics_that_are_given_go_first():
    mean, std = teachers.statistics(config(**GIVEN), target())
    assert (mean, std) == (list(official.MEAN), list(official.STD))

    asked = config(data="tfds:cifar10", **OFFICIAL, **GIVEN)
    assert teachers.statistics(asked, target())[0] == list(official.MEAN)
    assert not teachers.needs_statistics(asked)


def test_else_official_weights_get_those_that_are_known_of_the_data_set():
    asked = config(data="tfds:cifar10", **OFFICIAL)
    assert teachers.statistics(asked, target()) == CIFAR10
    assert teachers.statistics(asked, None) == CIFAR10
    assert not teachers.needs_statistics(asked)


def test_official_weights_are_loaded_with_those_that_are_known(tmp_path):
    torch = pytest.importorskip("torch")
    from tests import reference_classifiers

    path = tmp_path / "teacher.pth"
    torch.save(reference_classifiers.build("wrn10_1").state_dict(), path)
    asked = config(data="tfds:cifar10", **OFFICIAL | {"teacher": str(path)})
    mean, std = models.input_statistics(teachers.load_teacher(asked, None))
    np.testing.assert_allclose((mean, std), CIFAR10, rtol=1e-6)


@pytest.mark.parametrize("data", ["tfds:cifar10", "tfds:svhn_cropped", "folder:elsewhere", ""])
def test_else_they_are_those_of_the_training_part(data):
    asked = config(data=data, teacher="wrn10_1")
    mean, _ = teachers.statistics(asked, target())
    np.testing.assert_allclose(mean, [0.2, 0.4, 0.8])


@pytest.mark.parametrize(
    "channels, data",
    [(3, "tfds:svhn_cropped"), (3, "folder:elsewhere"), (3, ""), (1, "tfds:cifar10")],
    ids=["without statistics", "unknown", "none", "gray"],
)
def test_official_weights_for_other_data_get_those_of_the_training_part(channels, data):
    asked = config(channels, data, **OFFICIAL)
    train = ImageSet(images=TRAIN.images[..., :channels], source="tests")
    mean, _ = teachers.statistics(asked, target(train))
    np.testing.assert_allclose(mean, [0.2, 0.4, 0.8][:channels])
    assert teachers.needs_statistics(asked)


@pytest.mark.parametrize("data", [None, target(train=None)], ids=["no target", "no training part"])
def test_without_either_they_are_asked_for(data):
    with pytest.raises(RequestError, match="`teacher_mean` and `teacher_std`") as caught:
        teachers.statistics(config(), data)
    assert len(str(caught.value).splitlines()) == 1


def test_a_number_a_channel_is_needed():
    with pytest.raises(RequestError, match="Expected 1, as `channels`. Received: 3. Give"):
        teachers.statistics(config(channels=1, **GIVEN), None)


def test_the_teacher_of_a_run_is_the_one_it_trained_else_the_one_it_was_given(tmp_path):
    images = np.random.RandomState(0).uniform(size=(2, *tiny.IMAGE_SHAPE)).astype("float32")
    given, trained = tiny.classifier(0), tiny.classifier(1)
    given.save(tmp_path / "given.keras")
    asked = config(teacher=str(tmp_path / "given.keras"), teacher_input="bytes")
    received = teachers.teacher_of_run(tmp_path, asked)
    np.testing.assert_allclose(received(images), given(images * 255), rtol=1e-4, atol=1e-4)
    (tmp_path / "teacher").mkdir()
    trained.save(tmp_path / "teacher" / "teacher.keras")
    received = teachers.teacher_of_run(tmp_path, config(teacher="wrn10_1"))
    np.testing.assert_array_equal(received(images), trained(images))


UNIT = np.array([0.0, 0.25, 1.0], "float32").reshape(1, 1, 1, 3) * np.ones((2, 8, 8, 1), "float32")


def saved(model, path):
    model.save(path)
    return path


def channel_means():
    """Builds a classifier that returns the mean of each channel of its input."""
    return keras.Sequential([keras.Input((8, 8, 3)), layers.GlobalAveragePooling2D()])


@pytest.mark.parametrize(
    "teacher_input, expected",
    [
        ("unit", [0.0, 0.25, 1.0]),
        ("signed", [-1.0, -0.5, 1.0]),
        ("bytes", [0.0, 63.75, 255.0]),
        ("imagenet", [-0.485 / 0.229, (0.25 - 0.456) / 0.224, (1.0 - 0.406) / 0.225]),
        (((0.5, 0.25, 0.1), (0.5, 0.1, 0.3)), [-1.0, 0.0, 3.0]),
    ],
)
def test_unit_images_become_what_a_teacher_expects(tmp_path, teacher_input, expected):
    path = saved(channel_means(), tmp_path / "teacher.keras")
    teacher = teachers.load_teacher_file(path, teacher_input, teacher_output_kind="logits")
    received = teacher(UNIT, training=False).numpy()
    np.testing.assert_allclose(received, [expected] * 2, rtol=1e-5, atol=1e-6)


def test_scaling_changes_neither_name_nor_costs(tmp_path):
    model = tiny.classifier()
    teacher = teachers.load_teacher_file(saved(model, tmp_path / "teacher.keras"), "bytes")
    assert teacher.name == model.name
    assert teacher.input_shape == model.input_shape
    assert models.parameters(teacher) == models.parameters(model)
    assert models.macs(teacher) == models.macs(model)


def test_statistics_of_three_channels_are_refused_for_a_teacher_of_one(tmp_path):
    model = tiny.classifier(input_shape=(8, 8, 1))
    path = saved(model, tmp_path / "teacher.keras")
    with pytest.raises(RequestError, match="`teacher_input` has statistics of 3") as caught:
        teachers.load_teacher_file(path, "imagenet")
    assert len(str(caught.value).splitlines()) == 1


def test_statistics_of_a_teacher_of_bytes_are_those_of_unit_images(tmp_path):
    inputs = keras.Input((8, 8, 3))
    hidden = layers.Normalization(mean=[51.0, 102.0, 153.0], variance=[51.0**2] * 3)(inputs)
    outputs = layers.Dense(2)(layers.GlobalAveragePooling2D()(hidden))
    path = saved(keras.Model(inputs, outputs), tmp_path / "teacher.keras")
    mean, std = models.input_statistics(teachers.load_teacher_file(path, "bytes"))
    np.testing.assert_allclose(mean, [0.2, 0.4, 0.6], rtol=1e-5)
    np.testing.assert_allclose(std, [0.2] * 3, rtol=1e-5)


def test_a_saved_model_runs_only_if_allowed(tmp_path):
    model = tiny.classifier()
    model.export(tmp_path / "teacher", format="tf_saved_model", verbose=False)
    with pytest.raises(RequestError, match="`allow_code`"):
        teachers.load_teacher_file(tmp_path / "teacher")
    teacher = teachers.load_teacher_file(tmp_path / "teacher", "bytes", allow_code=True)
    expected = model(UNIT * 255, training=False)
    np.testing.assert_allclose(teacher(UNIT, training=False), expected, rtol=1e-4, atol=1e-4)
