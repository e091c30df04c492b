"""Images for comparison and for calibration, and that the two are kept apart."""

import numpy as np
import pytest

from mosaickd_tf.config import ExportConfig
from mosaickd_tf.data.images import ImageSet
from mosaickd_tf.errors import RequestError
from mosaickd_tf.export import images as export_images
from mosaickd_tf.export.images import ExportImages, export_with_images

INT8 = ExportConfig(exports=("tflite_int8",), calibration_images=4)
TEST = ImageSet(images=np.full((3, 2, 2, 1), 200, np.uint8), labels=np.zeros(3), source="digits")
OOD = ImageSet(images=np.full((6, 2, 2, 1), 100, np.uint8))


def synthesize(count):
    """Images that tell their number."""
    return np.arange(count, dtype=np.uint8).reshape(-1, 1, 1, 1) * np.ones((2, 2, 1), np.uint8)


@pytest.fixture
def exported(monkeypatch):
    """Records the arguments of an export instead; two images of each kind are compared on."""
    seen = {}
    monkeypatch.setattr(export_images, "COMPARED", 2)
    monkeypatch.setattr(
        export_images,
        "export_student",
        lambda student, folder, config, images, **more: seen.update(more, images=images),
    )
    return seen


def test_a_test_part_is_compared_on_and_never_calibrates(exported):
    export_with_images(None, None, INT8, ExportImages(test=TEST, ood=OOD, synthesize=synthesize))
    np.testing.assert_array_equal(exported["images"], TEST.images)
    assert exported["labels"] is TEST.labels
    assert exported["compared_on"] == "3 images: digits"
    assert not np.any(exported["calibration"].images == 200)
    assert exported["calibration"].counts == {"synthetic": 2, "ood": 2}


def test_without_labels_both_kinds_are_compared_on(exported):
    export_with_images(None, None, INT8, ExportImages(ood=OOD, synthesize=synthesize))
    assert exported["images"][:, 0, 0, 0].tolist() == [4, 5, 100, 100]
    assert exported["calibration"].images[:, 0, 0, 0].tolist() == [0, 1, 100, 100]
    assert exported["labels"] is None
    assert exported["compared_on"] == "4 images: synthetic and OOD"


def test_ood_images_are_drawn_from_all_and_others_are_compared_on(exported):
    """Draws from all images, since the first of a folder of classes are of one class."""
    numbers = ImageSet(images=np.arange(200, dtype=np.uint8).reshape(200, 1, 1, 1))
    export_with_images(None, None, INT8, ExportImages(ood=numbers))
    calibrating = exported["calibration"].images.ravel().tolist()
    compared = exported["images"].ravel().tolist()
    assert len(set(calibrating + compared)) == len(calibrating) + len(compared) == 6
    assert max(calibrating) > 20 and max(compared) > 20


def test_one_kind_is_enough(exported):
    export_with_images(None, None, INT8, ExportImages(synthesize=synthesize))
    assert exported["compared_on"] == "2 images: synthetic"
    assert exported["calibration"].counts == {"synthetic": 4}


def test_integers_with_nothing_to_calibrate_are_refused():
    with pytest.raises(RequestError, match="neither"):
        export_with_images(None, None, INT8, ExportImages(test=TEST))
