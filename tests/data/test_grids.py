"""Grids of images, pixel for pixel."""

import numpy as np
import pytest
from PIL import Image

from mosaickd_tf.data import grids
from mosaickd_tf.data.grids import image_grid, save_grid


def flat(*values, size=2, channels=1):
    """Returns images of one value each."""
    ones = np.ones((len(values), size, size, channels), np.uint8)
    return ones * np.array(values, np.uint8).reshape(-1, 1, 1, 1)


def test_a_grid_by_hand():
    """Checks three images of 2×2 in rows of two, with white lines and a white cell."""
    sheet = image_grid(flat(0, 51, 102), columns=2)
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
    image = np.arange(6, dtype=np.uint8).reshape(1, 2, 3, 1)
    assert image_grid(image, columns=1)[..., 0].tolist() == [[0, 1, 2], [3, 4, 5]]


def test_colors_keep_their_places():
    images = np.zeros((2, 1, 1, 3), np.uint8)
    images[0, ..., 0] = images[1, ..., 2] = 255
    assert image_grid(images, columns=2).tolist() == [[[255, 0, 0], [255] * 3, [0, 0, 255]]]


@pytest.mark.parametrize("count, shape", [(1, (2, 23)), (8, (2, 23)), (9, (5, 23)), (64, (23, 23))])
def test_the_size_of_a_grid_of_eight_columns(count, shape):
    assert image_grid(flat(*[128] * count)).shape == (*shape, 1)


@pytest.mark.parametrize(
    "size, channels, factor, mode", [(8, 1, 8, "L"), (32, 3, 2, "RGB"), (100, 3, 1, "RGB")]
)
def test_an_image_is_enlarged_without_smoothing(tmp_path, size, channels, factor, mode):
    images = flat(0, 255, 102, size=size, channels=channels)
    save_grid(tmp_path / "samples" / "grid.png", images, columns=2)
    saved = Image.open(tmp_path / "samples" / "grid.png")
    assert saved.mode == mode
    side = (2 * size + 1) * factor
    assert saved.size == (side, side)
    assert set(np.unique(np.asarray(saved))) == {0, 102, 255}
    sheet = image_grid(images, columns=2)
    enlarged = np.asarray(saved).reshape(side, side, channels)
    assert (enlarged[::factor, ::factor] == sheet).all()


def test_a_grid_replaces_an_older_one(tmp_path):
    save_grid(tmp_path / "grid.png", flat(0))
    save_grid(tmp_path / "grid.png", flat(255))
    assert np.asarray(Image.open(tmp_path / "grid.png")).min() == 255
    assert [path.name for path in tmp_path.iterdir()] == ["grid.png"]


@pytest.mark.parametrize("side, channels", [(8, 1), (16, 3), (40, 1), (100, 3)])
def test_a_grid_is_cut_into_the_images_that_it_consists_of(tmp_path, side, channels):
    images = np.random.default_rng(0).integers(0, 256, (5, side, side, channels), np.uint8)
    save_grid(tmp_path / "grid.png", images, columns=3)
    cells = grids.cut_grid(tmp_path / "grid.png", side)
    assert cells.shape == (2, 3, side, side, channels)
    np.testing.assert_array_equal(cells.reshape(6, side, side, channels)[:5], images)
    assert (cells[1, 2] == 255).all()


def test_a_grid_of_another_side_gives_none(tmp_path):
    save_grid(tmp_path / "grid.png", flat(0, 1, size=8), columns=2)
    assert grids.cut_grid(tmp_path / "grid.png", 10).shape[:2] == (0, 0)


def test_images_by_class_by_hand():
    """Checks three classes, the middle one without an image."""
    images = flat(1, 2, 3, 4, size=1)
    rows = grids.by_class(images, lambda n: np.array([2, 0, 2, 2]) == n, [1, 0, 3])
    white = [255] * grids.A_CLASS
    assert rows.reshape(3, -1).tolist() == [[2, *white[1:]], white, [1, 3, 4, *white[3:]]]


def test_a_class_shows_its_first_images_only():
    images = flat(*range(30), size=1)
    rows = grids.by_class(images, lambda n: np.zeros(30, int) == n, [30])
    assert rows.ravel().tolist() == list(range(grids.A_CLASS))


def test_of_many_classes_the_most_frequent_are_shown_in_their_order():
    counts = [0] * 50 + [7] + [3] * 30 + [9]
    assert grids.shown_classes(counts) == [*range(50, 69), 81]
    assert grids.shown_classes([0, 0, 5]) == [0, 1, 2]


def test_a_thumbnail_is_the_mean_of_squares():
    image = np.zeros((1, 130, 130, 1), np.uint8)
    image[0, :2, 2:4] = 100
    image[0, 0, 0] = 6
    small = grids.thumbnails(image)
    assert small.shape == (1, 65, 65, 1)
    assert small[0, 0, :3, 0].tolist() == [2, 100, 0]


@pytest.mark.parametrize("size, side", [(8, 8), (64, 64), (127, 127), (128, 64), (224, 74)])
def test_the_side_of_a_thumbnail(size, side):
    assert grids.thumbnail_size(size) == (side, side)
    assert grids.thumbnails(flat(3, size=size)).shape == (1, side, side, 1)
