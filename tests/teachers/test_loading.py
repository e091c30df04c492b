"""A teacher from a file of either kind, and by which statistics it standardises."""

import numpy as np
import pytest

from mosaickd_tf import models, teachers
from mosaickd_tf.config import DataConfig, DistillConfig, TeacherConfig
from mosaickd_tf.data.images import ImageSet
from mosaickd_tf.data.loading import TargetData
from mosaickd_tf.errors import RequestError
from mosaickd_tf.pipeline import build
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
        teachers.load_teacher(asked, None)(images), models.load_teacher(path, "bytes")(images)
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
    mean, std = build.input_statistics(teachers.load_teacher(asked, None))
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
    with pytest.raises(RequestError, match="--teacher_mean and --teacher_std") as caught:
        teachers.statistics(config(), data)
    assert len(str(caught.value).splitlines()) == 1


def test_a_number_a_channel_is_needed():
    with pytest.raises(RequestError, match="Expected 1, as --channels says. Received: 3. Give"):
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
