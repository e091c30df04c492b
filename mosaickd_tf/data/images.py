"""Pictures of any size and mode become one array of images of one size."""

import dataclasses
import io

import numpy as np
from PIL import Image, ImageOps

MODES = {1: "L", 3: "RGB"}
_ORDER_SEED = 2110  # of `ImageSet.sample`


@dataclasses.dataclass(frozen=True, kw_only=True)
class ImageSet:
    """Images of one size, with labels where there are any.

    Attributes:
        images: uint8 `(n, size, size, channels)`.
        labels: int32 `(n,)`, or None.
        label_names: a name for each class, or an empty tuple.
        source: where they came from, for messages.
        broken: the files that were skipped, `picture_files.Broken`.
    """

    images: np.ndarray
    labels: np.ndarray | None = None
    label_names: tuple[str, ...] = ()
    source: str = ""
    broken: tuple = ()

    def __len__(self):
        return len(self.images)

    def take(self, index):
        """The images and labels at `index`, an array of integers or a slice."""
        labels = None if self.labels is None else self.labels[index]
        return dataclasses.replace(self, images=self.images[index], labels=labels)

    def sample(self, count):
        """So many of them in random order, the same ones each time; all where there are fewer."""
        return self.take(np.random.default_rng(_ORDER_SEED).permutation(len(self))[:count])

    def statistics(self):
        """Mean and standard deviation of each channel of the unit images, as lists."""
        values = np.arange(256) / 255
        mean, std = [], []
        for channel in range(self.images.shape[-1]):
            counts = np.bincount(self.images[..., channel].ravel(), minlength=256)
            mean.append(float(np.average(values, weights=counts)))
            std.append(float(np.average((values - mean[-1]) ** 2, weights=counts) ** 0.5))
        return mean, std


def as_picture(array):
    """A uint8 array `(height, width)` or `(height, width, 1 or 3)` as a picture."""
    return Image.fromarray(array[..., 0] if array.ndim == 3 and array.shape[-1] == 1 else array)


def as_png(array):
    """The same as the bytes of a PNG file."""
    packed = io.BytesIO()
    as_picture(array).save(packed, "PNG", optimize=True)
    return packed.getvalue()


def resize(picture, image_size, channels):
    """Resizes the shorter side, cuts the middle square and converts the channels.

    Args:
        picture: a PIL image.
        image_size: side of the result in pixels.
        channels: 1 or 3.

    Returns:
        Uint8 `(image_size, image_size, channels)`.
    """
    picture = as_shown(picture).convert(MODES[channels])
    if picture.size != (image_size, image_size):
        picture = ImageOps.fit(picture, (image_size, image_size), Image.Resampling.BILINEAR)
    return np.asarray(picture).reshape(image_size, image_size, channels)


def random_crops(picture, image_size, channels, *, count, smallest, largest, rng):
    """Cuts random squares out of a picture and resizes each to an image.

    Args:
        picture: a PIL image.
        image_size: side of the results in pixels.
        channels: 1 or 3.
        count: how many crops.
        smallest: smallest side of a crop, in pixels of the picture.
        largest: largest side, cut back to the picture's shorter side.
        rng: a NumPy generator.

    Returns:
        A list of `count` uint8 arrays `(image_size, image_size, channels)`; an empty one for a
        picture that is smaller than the smallest crop.
    """
    picture = as_shown(picture).convert(MODES[channels])
    width, height = picture.size
    if min(width, height) < smallest:
        return []
    crops = []
    for _ in range(count):
        side = int(rng.integers(smallest, min(largest, width, height) + 1))
        left = int(rng.integers(0, width - side + 1))
        top = int(rng.integers(0, height - side + 1))
        crop = picture.resize(
            (image_size, image_size),
            Image.Resampling.BILINEAR,
            box=(left, top, left + side, top + side),
        )
        crops.append(np.asarray(crop).reshape(image_size, image_size, channels))
    return crops


def as_shown(picture):
    """A picture as a viewer shows it: upright, 8 bits a channel, nothing transparent.

    It is turned as its EXIF data say and laid on white where it is transparent. Color profiles
    are not applied.

    Args:
        picture: a PIL image of any mode but floating point, decoded.

    Returns:
        A PIL image of mode L or RGB, without metadata.

    Raises:
        ValueError: for pixels whose range nobody knows.
    """
    shown = _in_8_bits(ImageOps.exif_transpose(picture))
    shown.info.clear()  # broken metadata would raise when they are read again
    return shown


def _in_8_bits(picture):
    if picture.mode.startswith(("I", "F")):
        return _from_16_bits(picture)
    if picture.has_transparency_data:
        picture = picture.convert("RGBA")
        paper = Image.new("RGB", picture.size, "white")
        paper.paste(picture, mask=picture.getchannel("A"))
        return paper
    return picture.convert("L" if picture.mode in ("1", "L") else "RGB")


def _from_16_bits(picture):
    """Scales 16 bits a pixel to 8; Pillow would clip instead."""
    levels = np.asarray(picture)
    if levels.dtype.kind == "f" or levels.min() < 0 or levels.max() > 0xFFFF:
        raise ValueError(f"pixels of {levels.dtype} that are neither 8 nor 16 bits")
    return Image.fromarray((levels >> 8).astype(np.uint8))
