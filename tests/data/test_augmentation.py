"""Augmentation against per-image loops, and the range of the draws."""

import numpy as np
import pytest
import tensorflow as tf

from mosaickd_tf.data.augmentation import (
    affine,
    change_contrast,
    contrast_draws,
    crop_draws,
    pad_crop_flip,
    random_crops,
    transform,
    transform_draws,
)

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


# Transforms of unit images.

UNIT = RNG.uniform(size=(4, 6, 5, 3)).astype("float32")
ZERO = np.zeros(4, "float32")
STILL = {"rotation": ZERO, "zoom": ZERO + 1, "down": ZERO, "right": ZERO, "flip": ZERO > 0}


def bilinear(image, row, column):
    """A pixel between others of an image that is mirrored at its borders, in float64."""
    height, width, _ = image.shape
    row, column = (
        (last - abs(last - abs(place)))
        for place, last in ((row, height - 1.0), (column, width - 1.0))
    )
    top, left = min(int(row), height - 2), min(int(column), width - 2)
    weights = np.outer([1 - (row - top), row - top], [1 - (column - left), column - left])
    return np.tensordot(weights, image[top : top + 2, left : left + 2].astype("float64"), 2)


def affine_in_a_loop(images, rotation, zoom, down, right, flip):
    results = np.empty_like(images)
    _, height, width, _ = images.shape
    middle = np.array([(height - 1) / 2, (width - 1) / 2])
    for i, r, c in np.ndindex(images.shape[:3]):
        y, x = np.array([r, c]) - middle
        cosine, sine = np.cos(rotation[i]) * zoom[i], np.sin(rotation[i]) * zoom[i]
        row, column = sine * x + cosine * y, cosine * x - sine * y
        column = -column if flip[i] else column
        place = np.array([row + down[i], column + right[i]]) + middle
        results[i, r, c] = bilinear(images[i], *place)
    return results


def test_affine_equals_a_loop_over_pixels():
    values = {
        "rotation": np.array([0.0, 0.3, -1.2, 3.0]),
        "zoom": np.array([1.0, 0.8, 1.2, 0.5]),
        "down": np.array([0.25, -1.5, 2.0, 0.0]),
        "right": np.array([-0.5, 0.0, 1.75, 3.0]),
    }
    flip = np.array([False, True, False, True])
    received = affine(UNIT, **{k: v.astype("float32") for k, v in values.items()}, flip=flip)
    np.testing.assert_allclose(received, affine_in_a_loop(UNIT, **values, flip=flip), atol=1e-5)


def test_affine_without_a_change_and_with_a_flip_alone_is_exact():
    np.testing.assert_array_equal(affine(UNIT, **STILL), UNIT)
    np.testing.assert_array_equal(affine(UNIT, **STILL | {"flip": ZERO == 0}), UNIT[:, :, ::-1])


def test_a_quarter_turn_is_that_of_numpy():
    square = UNIT[:, :5]
    turned = affine(square, **STILL | {"rotation": ZERO + np.float32(np.pi / 2)})
    np.testing.assert_allclose(turned, np.rot90(square, axes=(1, 2)), atol=1e-5)


def test_draws_of_zero_change_nothing_and_each_draw_changes_something():
    draws = np.zeros((4, 7), "float32")
    np.testing.assert_allclose(transform(UNIT, draws), UNIT, atol=1e-6)
    for number in range(7):
        one = draws.copy()
        one[:, number] = -0.9
        assert np.abs(transform(UNIT, one) - UNIT).max() > 0.05, number


def test_contrast_and_brightness_by_hand():
    gray = np.full((1, 4, 4, 1), 0.7, "float32")
    draws = np.array([[0, 0, 0, 0, 0, 0.5, -1.0]], "float32")
    np.testing.assert_allclose(transform(gray, draws), 0.63, rtol=1e-5)  # 0.2 · 1.15 + 0.5 - 0.1
    brighter = draws * np.array([0, 0, 0, 0, 0, 1, -1], "float32")
    assert transform(np.ones_like(gray), brighter).numpy().max() == 1.0


def test_transform_draws_are_in_range_and_a_function_of_the_seed():
    draws = transform_draws(5000, (1, 2)).numpy()
    assert draws.shape == (5000, 7) and np.abs(draws).max() < 1
    np.testing.assert_allclose(draws.mean(0), 0.0, atol=0.03)
    np.testing.assert_allclose(draws.std(0), 3**-0.5, atol=0.02)
    np.testing.assert_array_equal(transform_draws(7, (1, 2)), transform_draws(7, (1, 2)))
    assert (transform_draws(7, (1, 2)).numpy() != transform_draws(7, (1, 3)).numpy()).all()


def test_gradients_reach_every_pixel_that_is_seen():
    images = tf.constant(UNIT * 0.4 + 0.3)
    draws = transform_draws(4, (3, 4)) * 0.3
    with tf.GradientTape() as tape:
        tape.watch(images)
        total = tf.reduce_sum(transform(images, draws))
    gradient = tape.gradient(total, images).numpy()
    assert np.isfinite(gradient).all() and (gradient[:, 2:4, 2:3] > 0).all()


def test_transforms_are_the_same_under_xla_and_take_a_batch_of_unknown_size():
    draws = transform_draws(4, (5, 6))
    expected = transform(UNIT, draws)
    for jit_compile in (False, True):
        signature = [tf.TensorSpec((None, 6, 5, 3))] if not jit_compile else None
        compiled = tf.function(
            lambda images: transform(images, draws),
            input_signature=signature,
            jit_compile=jit_compile,
        )
        received = compiled(tf.constant(UNIT))
        assert received.shape == UNIT.shape
        np.testing.assert_allclose(received, expected, atol=1e-5)


# Photometric augmentation.


def test_contrast_about_the_mean_and_brightness_by_hand():
    image = np.array([0.2, 0.6], "float32").reshape(1, 1, 2, 1)  # mean 0.4
    same = np.array([[(1 - 0.675) / 0.425, 0.0]], "float32")
    np.testing.assert_allclose(change_contrast(image, same), image, rtol=1e-5)
    lowest = change_contrast(image, np.array([[-1.0, 1.0]], "float32")).numpy().ravel()
    np.testing.assert_allclose(lowest, [0.475, 0.575], rtol=1e-5)  # 0.4 ∓ 0.2 / 4 + 0.125
    clipped = change_contrast(np.round(image), np.array([[1.0, -1.0]], "float32")).numpy().ravel()
    np.testing.assert_allclose(clipped, [0.0, 0.925], rtol=1e-5, atol=1e-6)  # 0.5 + 0.55 - 0.125


def test_each_image_has_its_own_contrast():
    images = np.stack([UNIT[0], UNIT[0]])
    draws = contrast_draws(2, (1, 2))
    received = change_contrast(images, draws).numpy()
    assert draws.shape == (2, 2) and np.abs(received[0] - received[1]).max() > 0.01
    np.testing.assert_array_equal(received[:1], change_contrast(images[:1], draws[:1]))
    np.testing.assert_array_equal(draws, contrast_draws(2, (1, 2)))
    assert (draws.numpy() != contrast_draws(2, (1, 3)).numpy()).all()
