"""Images of every mode converted to arrays of one size."""

import io

import numpy as np
import pytest
from PIL import Image

from mosaickd_tf.data.images import (
    ImageSet,
    as_displayed,
    as_pil_image,
    as_png,
    random_crops,
    resize,
)

RNG = np.random.RandomState(6)


def striped(width, height):
    """Draws an image whose left third is red, middle third green and right third blue."""
    array = np.zeros((height, width, 3), np.uint8)
    for channel in range(3):
        array[:, channel * width // 3 : (channel + 1) * width // 3, channel] = 200
    return Image.fromarray(array)


def reopened(image, file_format, **options):
    """Returns the image after a round trip through a file."""
    buffer = io.BytesIO()
    image.save(buffer, file_format, **options)
    return Image.open(buffer)


def test_a_sample_is_drawn_from_all_and_the_same_each_time():
    """Samples across a data set that is sorted by class."""
    numbers = np.arange(200, dtype=np.uint8).reshape(200, 1, 1, 1)
    everything = ImageSet(images=numbers, labels=np.arange(200, dtype=np.int32))
    sample = everything.sample(20)
    np.testing.assert_array_equal(sample.images.ravel(), sample.labels)
    assert len(set(sample.labels.tolist())) == 20
    assert sample.labels.min() < 50 and sample.labels.max() > 150
    np.testing.assert_array_equal(everything.sample(20).labels, sample.labels)
    np.testing.assert_array_equal(np.sort(everything.sample(999).labels), np.arange(200))


def test_an_image_of_the_right_size_is_unchanged():
    array = RNG.randint(0, 256, (8, 8, 3)).astype(np.uint8)
    np.testing.assert_array_equal(resize(Image.fromarray(array), (8, 8, 3)), array)


@pytest.mark.parametrize("size", [(24, 8), (48, 16)])
def test_a_wide_image_loses_its_sides_and_keeps_its_middle(size):
    image = resize(striped(*size), (8, 8, 3))
    assert image.shape == (8, 8, 3) and image.dtype == np.uint8
    np.testing.assert_array_equal(image[:, 1:-1], np.tile([0, 200, 0], (8, 6, 1)))


def test_a_tall_image_loses_top_and_bottom():
    image = resize(striped(24, 8).rotate(90, expand=True), (8, 8, 3))
    np.testing.assert_array_equal(image[1:-1], np.tile([0, 200, 0], (6, 8, 1)))


def test_gray_is_the_luma_of_the_colors():
    red = Image.new("RGB", (4, 4), (255, 0, 0))
    np.testing.assert_array_equal(resize(red, (4, 4, 1)), np.full((4, 4, 1), 76))  # 0.299 · 255


def test_a_gray_image_gets_three_equal_channels():
    array = RNG.randint(0, 256, (6, 6)).astype(np.uint8)
    image = resize(Image.fromarray(array), (6, 6, 3))
    np.testing.assert_array_equal(image, np.repeat(array[..., np.newaxis], 3, axis=-1))


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "YCbCr"])
@pytest.mark.parametrize("channels", [1, 3])
def test_a_mid_gray_image_of_any_mode_stays_mid_gray(mode, channels):
    level = 255 if mode == "1" else 128
    original = Image.new("RGB", (9, 7), (level,) * 3).convert(mode)
    image = resize(original, (4, 4, channels))
    assert image.shape == (4, 4, channels) and image.dtype == np.uint8
    np.testing.assert_allclose(image, level, atol=2)


@pytest.mark.parametrize("file_format", ["PNG", "TIFF"])
@pytest.mark.parametrize("channels", [1, 3])
def test_a_16_bit_image_keeps_its_brightness(file_format, channels):
    levels = np.array([[0, 0x4000], [0x8000, 0xFFFF]], np.uint16)
    original = reopened(Image.fromarray(levels), file_format)
    image = resize(original, (2, 2, channels))
    np.testing.assert_allclose(image[..., 0], [[0, 64], [128, 255]], atol=1)
    (crop,) = random_crops(
        original, (2, 2, channels), count=1, smallest=2, largest=2, rng=np.random.default_rng(0)
    )
    np.testing.assert_array_equal(crop, image)


@pytest.mark.parametrize("mode", ["P", "LA", "RGBA", "RGB"])
def test_transparent_pixels_are_composited_on_white(mode):
    """Computes alpha · color + (1 − alpha) · 255 by hand for two alphas."""
    clear, half = {"P": (0, 128), "LA": (0, 128), "RGBA": (0, 128), "RGB": (0, 255)}[mode]
    level = 40
    if mode in ("LA", "RGBA"):
        pixels = [(level,) * (len(mode) - 1) + (alpha,) for alpha in (clear, half)]
        original = Image.new(mode, (2, 1))
        original.putdata(pixels)
    elif mode == "P":
        original = Image.new("P", (2, 1))
        original.putpalette([level] * 6)
        original.putdata([0, 1])
        original = reopened(original, "PNG", transparency=bytes([clear, half]))
    else:  # one color of all is the transparent one
        original = Image.new("RGB", (2, 1), (level,) * 3)
        original.putpixel((0, 0), (1, 2, 3))
        original = reopened(original, "PNG", transparency=(1, 2, 3))
    displayed = np.asarray(as_displayed(original))
    assert displayed.shape == (1, 2, 3)
    expected = [255, round(half / 255 * level + (1 - half / 255) * 255)]
    np.testing.assert_allclose(displayed[0, :, 0], expected, atol=1)


@pytest.mark.parametrize("levels", [[0.0, 1.0], [-1, 5], [0, 70_000]])
def test_pixels_of_unknown_range_are_refused(levels):
    dtype = np.float32 if isinstance(levels[0], float) else np.int32
    with pytest.raises(ValueError, match="neither 8 nor 16 bits"):
        as_displayed(Image.fromarray(np.array([levels], dtype)))


def test_a_camera_s_rotation_is_undone():
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was turned: rotate by 90 degrees clockwise to see it upright
    upright = Image.fromarray(np.array([[0, 0], [255, 255]], np.uint8))
    turned = reopened(upright.rotate(90, expand=True), "PNG", exif=exif)
    np.testing.assert_array_equal(resize(turned, (2, 2, 1))[..., 0], upright)


@pytest.mark.parametrize("shape", [(5, 4), (5, 4, 1), (5, 4, 3)])
def test_an_array_as_a_pil_image_keeps_its_pixels(shape):
    array = RNG.randint(0, 256, shape).astype(np.uint8)
    np.testing.assert_array_equal(np.asarray(as_pil_image(array)).reshape(shape), array)


def crops(image, **changes):
    arguments = {"count": 50, "smallest": 4, "largest": 10, "rng": np.random.default_rng(1)}
    return random_crops(image, (4, 4, 3), **(arguments | changes))


def test_crops_have_the_requested_number_and_size():
    found = crops(striped(30, 20))
    assert len(found) == 50
    assert {crop.shape for crop in found} == {(4, 4, 3)} and found[0].dtype == np.uint8


def test_a_crop_of_the_image_s_own_size_is_a_window_of_it():
    array = RNG.randint(0, 256, (7, 9, 3)).astype(np.uint8)
    windows = np.lib.stride_tricks.sliding_window_view(array, (4, 4, 3))
    found = crops(Image.fromarray(array), largest=4, count=400)
    places = {tuple(np.argwhere((windows == c).all(axis=(-3, -2, -1)))[0][:2]) for c in found}
    assert len(places) == 4 * 6  # every offset occurs, nothing outside


def test_crops_of_the_largest_side_reach_the_image_s_edges_and_no_further():
    found = crops(Image.new("RGB", (6, 6), (9, 8, 7)), smallest=6, largest=600)
    np.testing.assert_array_equal(found[0], np.tile([9, 8, 7], (4, 4, 1)))


def test_the_same_generator_gives_the_same_crops():
    first, second = crops(striped(30, 20)), crops(striped(30, 20))
    np.testing.assert_array_equal(first, second)
    other = crops(striped(30, 20), rng=np.random.default_rng(2))
    assert (np.stack(first) != np.stack(other)).any()


def test_an_image_smaller_than_the_smallest_crop_gives_none():
    assert crops(striped(30, 3)) == []


def test_statistics_are_those_of_the_unit_images():
    images = np.zeros((2, 1, 1, 2), np.uint8)
    images[0, 0, 0] = [255, 51]
    mean, std = ImageSet(images=images).statistics()
    np.testing.assert_allclose(mean, [0.5, 0.1], rtol=1e-6)
    np.testing.assert_allclose(std, [0.5, 0.1], rtol=1e-6)
    assert isinstance(mean[0], float)


def test_take_keeps_images_and_labels_together():
    images = np.arange(5, dtype=np.uint8).reshape(5, 1, 1, 1)
    whole = ImageSet(images=images, labels=np.arange(5), label_names=tuple("abcde"), source="s")
    taken = whole.take(np.array([4, 1]))
    assert len(taken) == 2 and taken.label_names == tuple("abcde") and taken.source == "s"
    np.testing.assert_array_equal(taken.images[:, 0, 0, 0], taken.labels)
    assert ImageSet(images=images).take(slice(2)).labels is None


@pytest.mark.parametrize("channels", [1, 3])
def test_a_png_holds_the_image(channels):
    image = np.random.RandomState(0).randint(0, 256, (5, 7, channels), "uint8")
    with Image.open(io.BytesIO(as_png(image))) as decoded:
        assert decoded.format == "PNG"
        np.testing.assert_array_equal(np.asarray(decoded).reshape(image.shape), image)
