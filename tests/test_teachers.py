"""A teacher from a file of either kind, and by which statistics it standardises."""

import numpy as np
import pytest

from mosaickd_tf import models, teachers
from mosaickd_tf.config import DataConfig, DistillConfig, TeacherConfig
from mosaickd_tf.data.images import ImageSet
from mosaickd_tf.data.loading import TargetData
from mosaickd_tf.errors import RequestError
from tests import official, tiny

TRAIN = ImageSet(images=np.full((2, 8, 8, 3), [51, 102, 204], "uint8"), source="tests")
GIVEN = {"teacher_mean": official.MEAN, "teacher_std": official.STD}


def config(channels=3, **teacher):
    return DistillConfig(
        data=DataConfig(image_size=8, channels=channels), teacher=TeacherConfig(**teacher)
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


def test_else_they_are_those_of_the_training_part():
    mean, _ = teachers.statistics(config(), target())
    np.testing.assert_allclose(mean, [0.2, 0.4, 0.8])


@pytest.mark.parametrize("data", [None, target(train=None)], ids=["no target", "no training part"])
def test_without_either_they_are_asked_for(data):
    with pytest.raises(RequestError, match="--teacher_mean and --teacher_std") as caught:
        teachers.statistics(config(), data)
    assert len(str(caught.value).splitlines()) == 1


def test_a_number_a_channel_is_needed():
    with pytest.raises(
        RequestError, match="Expected 1, as --channels says. Received: 3. Give as many"
    ):
        teachers.statistics(config(channels=1, **GIVEN), None)
