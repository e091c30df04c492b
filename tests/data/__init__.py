"""Helpers for tests of data sets: image folders, and how sources read them."""

import pytest
from PIL import Image

from mosaickd_tf.data.sources import open_source
from mosaickd_tf.errors import RequestError


def draw(path, level):
    """Writes a small image of one gray level."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (5, 4), (level,) * 3).save(path)


def read(source, split):
    """Returns gray level and label of each image of a split."""
    return [(image.convert("L").getpixel((0, 0)), label) for image, label in source.read(split)]


def refusal(name, **arguments):
    """Returns the one-line message with which a name is refused."""
    with pytest.raises(RequestError) as caught:
        source = open_source(name, **arguments)
        for split in source.splits:
            list(source.read(split))
    message = str(caught.value)
    assert len(message.splitlines()) == 1
    return message
