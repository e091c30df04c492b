"""Augmentation against per-image loops, and the range of the draws."""

import numpy as np
import pytest
import tensorflow as tf

from mosaickd_tf.data.augmentation import crop_draws, pad_crop_flip, random_crops

RNG = np.random.RandomState(4)
IMAGES = RNG.randint(1, 256, size=(9, 6, 5, 3)).astype("uint8")  # not square, never black
# Every pixel's value is its position: row · width + column.
PLACES = np.arange(7 * 5).reshape(1, 7, 5, 1).astype("float32")


def pad_crop_flip_in_a_loop(images, draws, padding, flip=True):
    results = []
    for image, (row, column, mirrored) in zip(images, draws, strict=True):
        height, width, _ = image.shape
        padded = np.zeros((height + 2 * padding, width + 2 * padding, 3), image.dtype)
        padded[padding : padding + height, padding : padding + width] = image
        window = padded[row : row + height, column : column + width]
        results.append(window[:, ::-1] if flip and mirrored else window)
    return np.stack(results)


@pytest.mark.parametrize("padding", [0, 1, 4])
@pytest.mark.parametrize("flip", [True, False])
def test_pad_crop_flip_equals_a_loop_over_images(padding, flip):
    draws = crop_draws(len(IMAGES), padding, (1, 2)).numpy()
    received = pad_crop_flip(IMAGES, draws, padding, flip=flip)
    np.testing.assert_array_equal(received, pad_crop_flip_in_a_loop(IMAGES, draws, padding, flip))


@pytest.mark.parametrize("dtype", ["uint8", "float32"])
def test_pad_crop_flip_keeps_shape_and_dtype(dtype):
    received = pad_crop_flip(IMAGES.astype(dtype), crop_draws(9, 2, (0, 0)), 2)
    assert received.shape == IMAGES.shape and received.dtype == dtype


def test_the_middle_offset_without_a_flip_changes_nothing():
    np.testing.assert_array_equal(pad_crop_flip(IMAGES, np.tile([[3, 3, 0]], (9, 1)), 3), IMAGES)


def test_the_flip_is_left_to_right():
    np.testing.assert_array_equal(
        pad_crop_flip(IMAGES, np.tile([[2, 2, 1]], (9, 1)), 2), IMAGES[:, :, ::-1]
    )


def test_draws_cover_every_offset_and_both_directions_evenly():
    draws = crop_draws(20_000, 2, (5, 6)).numpy()
    outcomes, counts = np.unique(draws, axis=0, return_counts=True)
    assert len(outcomes) == 5 * 5 * 2
    assert outcomes.min(axis=0).tolist() == [0, 0, 0]
    assert outcomes.max(axis=0).tolist() == [4, 4, 1]
    assert counts.min() > 300 and counts.max() < 500  # 400 each, standard deviation 20


def test_draws_are_a_function_of_the_seed():
    np.testing.assert_array_equal(crop_draws(50, 4, (1, 2)), crop_draws(50, 4, (1, 2)))
    assert (crop_draws(50, 4, (1, 2)).numpy() != crop_draws(50, 4, (1, 3)).numpy()).any()
    assert (crop_draws(50, 4, (1, 2)).numpy() != crop_draws(50, 4, (2, 2)).numpy()).any()


def test_an_image_s_draw_does_not_depend_on_its_neighbors():
    np.testing.assert_array_equal(crop_draws(50, 4, (1, 2))[:10], crop_draws(10, 4, (1, 2)))


def test_random_crops_are_windows_of_their_own_image():
    images = IMAGES.astype("float32")
    crops = random_crops(images, 3, 4, (7, 8)).numpy()
    assert crops.shape == (9 * 4, 3, 3, 3)
    for i, crop in enumerate(crops):
        windows = np.lib.stride_tricks.sliding_window_view(images[i // 4], (3, 3, 3))
        assert (windows == crop).all(axis=(-3, -2, -1)).any()


def test_random_crops_cover_every_offset():
    crops = random_crops(PLACES, 3, 2000, (7, 8)).numpy()
    corners, counts = np.unique(crops[:, 0, 0, 0], return_counts=True)
    assert corners.tolist() == [5 * row + column for row in range(5) for column in range(3)]
    assert counts.min() > 80  # 133 each, standard deviation 11


def test_random_crops_draw_rows_and_columns_apart():
    corners = random_crops(np.tile(PLACES[:, :5], (1, 1, 1, 1)), 3, 500, (7, 8)).numpy()[:, 0, 0, 0]
    assert len(np.unique(corners)) == 9


def test_a_crop_of_the_whole_size_is_the_image():
    images = np.repeat(PLACES[:, :5], 2, axis=0)
    np.testing.assert_array_equal(random_crops(images, 5, 1, (0, 1)), images)


def test_random_crops_are_a_function_of_the_seed():
    first = random_crops(IMAGES, 2, 3, (1, 2)).numpy()
    np.testing.assert_array_equal(first, random_crops(IMAGES, 2, 3, (1, 2)))
    assert (first != random_crops(IMAGES, 2, 3, (1, 3)).numpy()).any()


def test_gradients_flow_back_to_the_cropped_pixels_alone():
    images = tf.constant(PLACES)
    with tf.GradientTape() as tape:
        tape.watch(images)
        crops = random_crops(images, 3, 1, (3, 4))
        loss = tf.reduce_sum(crops)
    gradient = tape.gradient(loss, images).numpy()
    expected = np.isin(PLACES, crops.numpy()).astype("float32")
    np.testing.assert_array_equal(gradient, expected)


def test_random_crops_take_a_batch_of_unknown_size():
    spec = tf.TensorSpec((None, 6, 5, 3), tf.uint8)
    traced = tf.function(lambda x: random_crops(x, 2, 3, (1, 2)), input_signature=[spec])
    np.testing.assert_array_equal(traced(IMAGES), random_crops(IMAGES, 2, 3, (1, 2)))


def test_random_crops_are_the_same_under_xla():
    compiled = tf.function(lambda: random_crops(IMAGES, 3, 4, (7, 8)), jit_compile=True)
    np.testing.assert_array_equal(compiled(), random_crops(IMAGES, 3, 4, (7, 8)))
