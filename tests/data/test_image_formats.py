"""Formats of images by name and by content, and what is no image at all."""

import pytest
from PIL import Image

from mosaickd_tf.data import image_formats


@pytest.mark.parametrize("name", ["__MACOSX", "._a.png", ".ipynb_checkpoints", "Thumbs.db"])
def test_what_systems_leave_is_clutter(name):
    assert image_formats.is_clutter(name) and not image_formats.is_clutter("a" + name)


@pytest.mark.parametrize("name", ["README", "labels.csv", "LICENSE.txt"])
def test_descriptions_of_a_data_set_are_text(name):
    assert image_formats.is_text(name)
    assert not image_formats.is_text("a.png") and not image_formats.is_text("picture")


def test_suffixes_are_in_lower_case_and_those_of_the_formats_that_are_read():
    assert image_formats.suffix("A.B.JPG") == ".jpg" and image_formats.suffix("a") == ""
    read = image_formats.read_suffixes()
    assert {".jpg", ".jfif", ".jpe", ".png", ".ppm", ".tga", ".webp"} <= read
    assert ".pdf" not in read and ".txt" not in read


@pytest.mark.parametrize("name", ["PNG", "JPEG", "BMP", "GIF"])
def test_the_first_bytes_tell_the_format_whatever_the_name(tmp_path, name):
    Image.new("RGB", (8, 8)).save(tmp_path / "image.dat", name)
    assert image_formats.format_of_content(tmp_path / "image.dat") == name


def test_other_content_has_no_format(tmp_path):
    (tmp_path / "a.png").write_bytes(b"no image")
    assert image_formats.format_of_content(tmp_path / "a.png") is None
    assert image_formats.format_of_content(tmp_path / "none.png") is None


def test_tga_is_read_by_its_suffix_alone():
    assert "TGA" in image_formats.formats_of("a.TGA")
    assert "TGA" not in image_formats.formats_of("a.png")
