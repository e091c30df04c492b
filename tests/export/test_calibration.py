"""Images for calibration: their kinds, and that some are available."""

import numpy as np
import pytest

from mosaickd_tf.config import ExportConfig
from mosaickd_tf.errors import RequestError
from mosaickd_tf.export import calibration

SYNTHETIC = np.full((20, 2, 2, 1), 7, np.uint8)
OOD = np.arange(9, dtype=np.uint8).reshape(9, 1, 1, 1) * np.ones((1, 2, 2, 1), np.uint8)


def kind(asked, *, synthetic, ood, exports=("tflite_int8",)):
    config = ExportConfig(exports=exports, calibration=asked)
    return calibration.resolve_calibration(config, synthetic=synthetic, ood=ood)


@pytest.mark.parametrize(
    ("asked", "synthetic", "ood", "decided"),
    [
        ("auto", True, True, "mixed"),
        ("auto", True, False, "synthetic"),
        ("auto", False, True, "ood"),
        ("ood", True, True, "ood"),
        ("synthetic", True, False, "synthetic"),
        ("mixed", True, True, "mixed"),
    ],
)
def test_which_images_calibrate(asked, synthetic, ood, decided):
    assert kind(asked, synthetic=synthetic, ood=ood) == decided


@pytest.mark.parametrize(
    ("asked", "synthetic", "ood", "lacks"),
    [
        ("auto", False, False, "Expected a generator, .* and OOD images. Received: neither"),
        ("synthetic", False, True, "Expected a generator, .*. Received: OOD images"),
        ("mixed", False, True, "Expected a generator, .*. Received: OOD images"),
        ("ood", True, False, "Expected OOD images. Received: a generator"),
    ],
)
def test_images_that_are_not_there_are_refused(asked, synthetic, ood, lacks):
    with pytest.raises(RequestError, match=lacks) as caught:
        kind(asked, synthetic=synthetic, ood=ood)
    assert "`exports` tflite_int8" in str(caught.value)


def test_formats_without_integers_need_no_images():
    assert (
        kind("synthetic", synthetic=False, ood=False, exports=("keras", "tflite_dynamic")) is None
    )
    assert calibration.select_calibration(None, 10, synthetic=None, ood=None) is None


def test_a_mixture_is_half_of_each():
    taken = calibration.select_calibration("mixed", 7, synthetic=SYNTHETIC, ood=OOD)
    assert taken.counts == {"synthetic": 4, "ood": 3}
    np.testing.assert_array_equal(taken.images[:4], SYNTHETIC[:4])
    np.testing.assert_array_equal(taken.images[4:], OOD[:3])


def test_one_kind_alone():
    taken = calibration.select_calibration("ood", 5, synthetic=SYNTHETIC, ood=OOD)
    assert taken.counts == {"ood": 5}
    np.testing.assert_array_equal(taken.images, OOD[:5])
    assert calibration.select_calibration("synthetic", 5, synthetic=SYNTHETIC, ood=None).counts == {
        "synthetic": 5
    }


def test_all_ood_images_are_taken_where_there_are_fewer():
    assert calibration.select_calibration("ood", 100, synthetic=None, ood=OOD).counts == {"ood": 9}
