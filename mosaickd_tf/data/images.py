"""Images of any size and mode converted to arrays of one size."""

import dataclasses
import io

import numpy as np
from PIL import Image, ImageOps

MODES = {1: "L", 3: "RGB"}
_ORDER_SEED = 2110  # of `ImageSet.sample`


@dataclasses.dataclass(frozen=True, kw_only=True)
class ImageSet:
    """Images of one size, with labels if there are any.

    Attributes:
        images: uint8 `(n, size, size, channels)`.
        labels: int32 `(n,)` class numbers, or uint8 `(n, labels)` multi-hot rows; or None.
        label_names: a name for each class or label, or an empty tuple.
        source: where they came from, for messages.
        broken: the skipped files, `image_files.BrokenFile`.
    """

    images: np.ndarray
    labels: np.ndarray | None = None
    label_names: tuple[str, ...] = ()
    source: str = ""
    broken: tuple = ()

    def __len__(self):
        return len(self.images)

    def take(self, index):
        """Selects the images and labels at `index`, an array of integers or a slice."""
        labels = None if self.labels is None else self.labels[index]
        return dataclasses.replace(self, images=self.images[index], labels=labels)

    def sample(self, count):
        """Selects up to `count` images in random order, the same ones at each call."""
        return self.take(np.random.default_rng(_ORDER_SEED).permutation(len(self))[:count])

    def statistics(self):
        """Returns mean and standard deviation of each channel of the unit images, as lists."""
        values = np.arange(256) / 255
        mean, std = [], []
        for channel in range(self.images.shape[-1]):
            counts = np.bincount(self.images[..., channel].ravel(), minlength=256)
            mean.append(float(np.average(values, weights=counts)))
            std.append(float(np.average((values - mean[-1]) ** 2, weights=counts) ** 0.5))
        return mean, std


def as_pil_image(array):
    """Converts a uint8 array `(height, width)` or `(height, width, 1 or 3)` to a PIL image."""
    return Image.fromarray(array[..., 0] if array.ndim == 3 and array.shape[-1] == 1 else array)


def as_png(array):
    """Encodes such an array as the bytes of a PNG file."""
    buffer = io.BytesIO()
    as_pil_image(array).save(buffer, "PNG", optimize=True)
    return buffer.getvalue()


def resize(image, image_shape):
    """Resizes an image until it covers a shape, crops the center and converts the channels.

    Args:
        image: a PIL image.
        image_shape: `(height, width, channels)` of the result, 1 or 3 channels.

    Returns:
        Uint8 `image_shape`.
    """
    height, width, channels = image_shape
    image = as_displayed(image).convert(MODES[channels])
    if image.size != (width, height):
        image = ImageOps.fit(image, (width, height), Image.Resampling.BILINEAR)
    return np.asarray(image).reshape(image_shape)


def random_crops(image, image_shape, *, count, smallest, largest, rng):
    """Takes random square crops of an image and resizes them to one shape.

    Args:
        image: a PIL image.
        image_shape: `(height, width, channels)` of the results, 1 or 3 channels.
        count: number of crops.
        smallest: smallest side of a crop, in pixels of the original.
        largest: largest side, limited to the shorter side of the image.
        rng: a NumPy generator.

    Returns:
        A list of `count` uint8 arrays `image_shape`; empty for an image that is smaller than the
        smallest crop.
    """
    image = as_displayed(image).convert(MODES[image_shape[2]])
    width, height = image.size
    if min(width, height) < smallest:
        return []
    crops = []
    for _ in range(count):
        side = int(rng.integers(smallest, min(largest, width, height) + 1))
        left = int(rng.integers(0, width - side + 1))
        top = int(rng.integers(0, height - side + 1))
        crop = image.resize(
            (image_shape[1], image_shape[0]),
            Image.Resampling.BILINEAR,
            box=(left, top, left + side, top + side),
        )
        crops.append(np.asarray(crop).reshape(image_shape))
    return crops


def as_displayed(image):
    """Converts an image to what a viewer displays: upright, 8 bits a channel, opaque.

    The EXIF orientation is applied, and transparent pixels are composited on white. Color
    profiles are not applied.

    Args:
        image: a PIL image of any mode but floating point, decoded.

    Returns:
        A PIL image of mode L or RGB, without metadata.

    Raises:
        ValueError: for pixels of an unknown range.
    """
    displayed = _to_8_bits(ImageOps.exif_transpose(image))
    displayed.info.clear()  # broken metadata would raise when read again
    return displayed


def _to_8_bits(image):
    if image.mode.startswith(("I", "F")):
        return _from_16_bits(image)
    if image.has_transparency_data:
        image = image.convert("RGBA")
        background = Image.new("RGB", image.size, "white")
        background.paste(image, mask=image.getchannel("A"))
        return background
    return image.convert("L" if image.mode in ("1", "L") else "RGB")


def _from_16_bits(image):
    """Scales 16 bits a pixel to 8; Pillow would clip instead."""
    levels = np.asarray(image)
    if levels.dtype.kind == "f" or levels.min() < 0 or levels.max() > 0xFFFF:
        raise ValueError(f"pixels of {levels.dtype} that are neither 8 nor 16 bits")
    return Image.fromarray((levels >> 8).astype(np.uint8))
