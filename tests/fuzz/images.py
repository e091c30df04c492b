"""Images of every mode, size and format, most of them broken."""

import functools
import io
import struct
import zlib

import numpy as np
from PIL import Image

from tests.fuzz.mutations import mutate

SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".tif", ".tiff")
_MODES = {
    "PNG": ("1", "L", "LA", "P", "RGB", "RGBA", "I;16"),
    "JPEG": ("L", "RGB", "CMYK"),
    "BMP": ("1", "L", "P", "RGB", "RGBA"),
    "GIF": ("L", "P", "RGB"),
    "WEBP": ("RGB", "RGBA"),
    "TIFF": ("1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "YCbCr", "LAB", "I;16", "I", "F"),
}
_SIZES = ((1, 1), (1, 300), (300, 1), (7, 5), (40, 30), (64, 64), (301, 200))


def image_file(rng):
    """Generates content and suffix of an image file.

    Args:
        rng: a `random.Random`.

    Returns:
        `(bytes, suffix)`; the suffix is often that of another format.
    """
    kind = rng.random()
    if kind < 0.03:
        content = rng.choice([b"", b"text\n", rng.randbytes(300), b"<svg/>", b"\x89PNG\r\n\x1a\n"])
    elif kind < 0.06:
        content = bomb(rng.choice([5000, 20_000, 65_000]))
    else:
        content = _encoded(rng)
        content = content if rng.random() < 0.2 else mutate(content, rng)
    return content, rng.choice(SUFFIXES)


def _encoded(rng):
    file_format = rng.choice(sorted(_MODES))
    mode, size = rng.choice(_MODES[file_format]), rng.choice(_SIZES)
    image = _of_mode(mode, size, rng)
    options = {}
    if file_format in ("GIF", "WEBP", "TIFF", "PNG") and rng.random() < 0.2:
        options = {"save_all": True, "append_images": [_of_mode(mode, size, rng) for _ in "ab"]}
    if file_format in ("JPEG", "PNG", "WEBP", "TIFF") and mode == "RGB" and rng.random() < 0.3:
        exif = Image.Exif()
        exif[0x0112] = rng.randrange(10)
        options["exif"] = exif.tobytes()[: rng.choice([None, None, 12])]
    if file_format == "TIFF" and mode in ("L", "RGB") and not options:
        options["compression"] = rng.choice([None, "tiff_lzw", "tiff_deflate", "packbits"])
    packed = io.BytesIO()
    try:
        image.save(packed, file_format, **options)
    except Exception:  # a combination that Pillow cannot write: the image alone
        packed = io.BytesIO()
        image.save(packed, file_format)
    return packed.getvalue()


def _of_mode(mode, size, rng):
    colors = np.frombuffer(rng.randbytes(size[0] * size[1] * 3), np.uint8)
    colors = colors.reshape(size[1], size[0], 3)
    if mode in ("I;16", "I", "F"):
        kind = {"I;16": np.uint16, "I": np.int32, "F": np.float32}[mode]
        return Image.fromarray(colors[..., 0].astype(kind) * 200)
    if mode == "LAB":
        return Image.frombytes("LAB", size, colors.tobytes())
    return Image.fromarray(colors).convert(mode)


@functools.cache
def bomb(side):
    """Returns a valid 1-bit PNG: some kilobytes that decode to side² pixels."""

    def chunk(kind, data):
        length, check = struct.pack(">I", len(data)), struct.pack(">I", zlib.crc32(kind + data))
        return length + kind + data + check

    packer = zlib.compressobj(9)
    row = bytes(1 + (side + 7) // 8)
    rows = b"".join(packer.compress(row) for _ in range(side)) + packer.flush()
    header = struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)
    parts = chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + parts
