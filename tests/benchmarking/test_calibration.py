"""Images that calibrate in the comparison, by kind."""

import numpy as np
import pytest

from benchmarks import calibration
from mosaickd_tf.data.images import ImageSet
from mosaickd_tf.export import ExportImages

SHAPE = (2, 2, 1)


def numbered(count, first=0):
    """Returns images whose pixels are their number."""
    return np.broadcast_to(np.arange(first, first + count)[:, None, None, None], (count, *SHAPE))


@pytest.fixture
def images():
    return ExportImages(
        test=ImageSet(images=numbered(3).astype("uint8"), source="tests"),
        ood=ImageSet(images=numbered(9, first=100).astype("uint8"), source="tests"),
        synthesize=lambda count: numbered(count).astype("uint8"),
    )


@pytest.mark.parametrize("draw", range(3))
def test_each_draw_has_other_synthetic_images(images, draw):
    found = calibration.images_of(calibration.DRAWS[draw], 4, images).images
    np.testing.assert_array_equal(found, numbered(4, first=4 * draw))


@pytest.mark.parametrize("kind", ["ood", "mixed"])
def test_kinds_of_exports_are_those_of_exports(images, kind):
    found = calibration.images_of(kind, 4, images)
    ood = found.images.reshape(len(found.images), -1)[:, 0] >= 100
    assert ood.all() if kind == "ood" else 0 < ood.mean() < 1
    assert sum(found.counts.values()) == len(found.images) == 4


def test_controls_are_noise_and_one_gray(images):
    noise, gray = (calibration.images_of(kind, 50, images).images for kind in ("noise", "gray"))
    assert noise.shape == gray.shape == (50, *SHAPE)
    assert len(np.unique(noise)) > 50 and np.unique(gray).tolist() == [128]
