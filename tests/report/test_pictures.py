"""Grids of images, pixel for pixel."""

import numpy as np
import pytest
from PIL import Image

from mosaickd_tf.report.pictures import image_grid, save_grid


def flat(*values, size=2, channels=1):
    """Images of one value each."""
    ones = np.ones((len(values), size, size, channels), "float32")
    return ones * np.array(values, "float32").reshape(-1, 1, 1, 1)


def test_a_grid_by_hand():
    """Three images of 2×2 in rows of two: a white line between them, white where none is."""
    sheet = image_grid(flat(0.0, 0.2, 0.4), columns=2)
    w = 255
    assert sheet.dtype == np.uint8
    assert sheet[..., 0].tolist() == [
        [0, 0, w, 51, 51],
        [0, 0, w, 51, 51],
        [w, w, w, w, w],
        [102, 102, w, w, w],
        [102, 102, w, w, w],
    ]


def test_rows_and_columns_of_an_image_keep_their_places():
    image = np.arange(6, dtype="float32").reshape(1, 2, 3, 1) / 255
    assert image_grid(image, columns=1)[..., 0].tolist() == [[0, 1, 2], [3, 4, 5]]


def test_colours_keep_their_places():
    images = np.zeros((2, 1, 1, 3), "float32")
    images[0, ..., 0] = images[1, ..., 2] = 1
    assert image_grid(images, columns=2).tolist() == [[[255, 0, 0], [255] * 3, [0, 0, 255]]]


@pytest.mark.parametrize("count, shape", [(1, (2, 23)), (8, (2, 23)), (9, (5, 23)), (64, (23, 23))])
def test_the_size_of_a_grid_of_eight_columns(count, shape):
    assert image_grid(flat(*[0.5] * count)).shape == (*shape, 1)


def test_values_are_rounded_and_those_outside_of_the_interval_cut():
    images = flat(-0.5, 1.5, 0.501, size=1)
    assert image_grid(images, columns=3)[0, :, 0].tolist() == [0, 255, 255, 255, 128]


@pytest.mark.parametrize(
    "size, channels, factor, mode", [(8, 1, 8, "L"), (32, 3, 2, "RGB"), (100, 3, 1, "RGB")]
)
def test_a_picture_is_enlarged_without_smoothing(tmp_path, size, channels, factor, mode):
    images = flat(0.0, 1.0, 0.4, size=size, channels=channels)
    save_grid(tmp_path / "samples" / "grid.png", images, columns=2)
    picture = Image.open(tmp_path / "samples" / "grid.png")
    assert picture.mode == mode
    side = (2 * size + 1) * factor
    assert picture.size == (side, side)
    assert set(np.unique(np.asarray(picture))) == {0, 102, 255}
    sheet = image_grid(images, columns=2)
    enlarged = np.asarray(picture).reshape(side, side, channels)
    assert (enlarged[::factor, ::factor] == sheet).all()


def test_a_grid_takes_the_place_of_an_older_one_whole(tmp_path):
    save_grid(tmp_path / "grid.png", flat(0.0))
    save_grid(tmp_path / "grid.png", flat(1.0))
    assert np.asarray(Image.open(tmp_path / "grid.png")).min() == 255
    assert [path.name for path in tmp_path.iterdir()] == ["grid.png"]
