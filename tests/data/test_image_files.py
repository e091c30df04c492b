"""Untrusted image files: discovery, decoding, skipping and their limits."""

import io
import os
import tracemalloc

import numpy as np
import pytest
from PIL import Image

from mosaickd_tf.data import image_files
from mosaickd_tf.data.image_files import BrokenImageError, find, read
from mosaickd_tf.data.images import resize
from tests.fuzz.images import bomb


def draw(path, level=10, size=(5, 4), **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, (level,) * 3).save(path, **options)
    return path


def reasons(root):
    """Finds image files; returns the paths, and the reason of each broken one by name."""
    paths, broken, _ = find(root)
    return paths, {os.path.relpath(fault.path, root): fault.reason for fault in broken}


def refusal(path):
    with pytest.raises(BrokenImageError) as caught:
        read(path)
    assert len(str(caught.value).splitlines()) == 1
    return str(caught.value)


# Finding.


def test_images_are_found_at_any_depth_in_the_order_of_their_paths(tmp_path):
    for name in ("b/1.png", "a/2.jpg", "a/b/c/d/0.png", "a-b/1.png"):
        draw(tmp_path / name)
    (tmp_path / "a" / "notes.txt").write_text("no image")
    assert reasons(tmp_path) == (["a-b/1.png", "a/2.jpg", "a/b/c/d/0.png", "b/1.png"], {})


def test_links_stay_inside_of_the_folder(tmp_path):
    elsewhere, root = tmp_path / "elsewhere", tmp_path / "root"
    draw(elsewhere / "secret.png")
    draw(root / "own.png")
    (root / "inside.png").symlink_to(root / "own.png")
    (root / "out.png").symlink_to(elsewhere / "secret.png")
    (root / "device.png").symlink_to("/dev/zero")
    (root / "gone.png").symlink_to(root / "nothing.png")
    (root / "itself.png").symlink_to(root / "itself.png")
    (root / "loop").symlink_to(root)
    (root / "folder").symlink_to(elsewhere)
    paths, broken = reasons(root)
    assert paths == ["inside.png", "own.png"]
    assert "leads out" in broken.pop("out.png")
    assert "device" in broken.pop("device.png")
    assert "dangling link" in broken.pop("gone.png")
    assert "dangling link" in broken.pop("itself.png")
    assert broken == dict.fromkeys(["folder", "loop"], "a linked folder, not followed")


def test_a_root_that_is_a_link_itself_is_followed(tmp_path):
    draw(tmp_path / "real" / "1.png")
    (tmp_path / "link").symlink_to(tmp_path / "real")
    assert reasons(tmp_path / "link") == (["1.png"], {})


def test_a_pipe_is_never_opened(tmp_path):
    """Blocks forever if the pipe is opened, as there is no writer."""
    draw(tmp_path / "1.png")
    os.mkfifo(tmp_path / "2.png")
    paths, broken = reasons(tmp_path)
    assert paths == ["1.png"] and "a pipe" in broken["2.png"]


@pytest.mark.parametrize("name", [b"two\nlines.png", b"\xff\xfe.png", b"\x1b[2J.png", b" .png"])
def test_a_name_may_hold_any_bytes(tmp_path, name):
    path = tmp_path / os.fsdecode(name)
    draw(path)
    (found,), broken, _ = find(tmp_path)
    assert (os.fsencode(found), broken) == (name, [])
    assert read(tmp_path / found).getpixel((0, 0)) == (10, 10, 10)


def test_a_long_list_costs_little_memory_a_file(tmp_path):
    """Allows a million files far below a gigabyte."""
    for number in range(3000):
        (tmp_path / f"image_{number:07d}.png").touch()
    tracemalloc.start()
    paths, _, _ = find(tmp_path)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(paths) == 3000
    assert most / len(paths) < 400


def test_folders_nested_deeper_than_a_path_can_be_are_reported(tmp_path):
    folder = os.open(tmp_path, os.O_RDONLY)
    for _ in range(25):
        os.mkdir(200 * "d", dir_fd=folder)
        folder, outer = os.open(200 * "d", os.O_RDONLY, dir_fd=folder), folder
        os.close(outer)
    os.close(folder)
    draw(tmp_path / "1.png")
    paths, broken, _ = find(tmp_path)
    assert paths == ["1.png"]
    assert [fault.reason for fault in broken] == ["an unreadable folder: File name too long"]


# Reading.


def encoded(image, file_format, **options):
    buffer = io.BytesIO()
    image.save(buffer, file_format, **options)
    return buffer.getvalue()


def test_a_decompression_bomb_is_refused_by_its_header(tmp_path, monkeypatch):
    path = tmp_path / "bomb.png"
    path.write_bytes(bomb(20_000))
    assert path.stat().st_size < 100_000
    monkeypatch.setattr(Image.Image, "load", lambda *_: pytest.fail("it was decoded"))
    assert "pixels" in refusal(path)


def test_an_image_of_max_pixels_is_read_and_a_larger_one_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(image_files, "MAX_PIXELS", 20)
    assert read(draw(tmp_path / "1.png", size=(5, 4))).size == (5, 4)
    assert "21×1 pixels, more than 20" in refusal(draw(tmp_path / "2.png", size=(21, 1)))


@pytest.mark.parametrize("file_format", ["PNG", "JPEG", "BMP", "GIF", "WEBP", "TIFF"])
def test_the_format_is_detected_by_content_not_by_name(tmp_path, file_format):
    path = tmp_path / "misnamed.png"
    path.write_bytes(encoded(Image.new("RGB", (3, 2), (80,) * 3), file_format))
    image = read(path)
    assert image.size == (3, 2)
    np.testing.assert_allclose(image.convert("L").getpixel((0, 0)), 80, atol=2)


def test_a_format_that_runs_another_program_is_refused(tmp_path):
    path = tmp_path / "script.png"
    path.write_bytes(encoded(Image.new("RGB", (3, 2)), "EPS"))
    assert "none of PNG" in refusal(path)


@pytest.mark.parametrize("content", [b"", b"text", b"\x89PNG\r\n\x1a\n", b"GIF89a\0\0\0\0\0\0\0"])
def test_a_file_that_is_no_image_has_a_reason(tmp_path, content):
    (tmp_path / "1.png").write_bytes(content)
    reason = refusal(tmp_path / "1.png")
    assert reason == "an empty file" if not content else reason


@pytest.mark.parametrize("file_format", ["GIF", "PNG", "WEBP", "TIFF"])
def test_an_animation_is_its_first_image(tmp_path, file_format):
    frames = [Image.new("RGB", (4, 4), (level,) * 3) for level in (200, 100, 0)]
    path = tmp_path / "1.gif"
    path.write_bytes(
        encoded(frames[0], file_format, save_all=True, append_images=frames[1:], lossless=True)
        if file_format == "WEBP"
        else encoded(frames[0], file_format, save_all=True, append_images=frames[1:])
    )
    assert read(path).convert("L").getpixel((0, 0)) == 200


def test_broken_metadata_are_dropped(tmp_path):
    """Reproduces that Pillow tolerates them once and raises at the second read."""
    path = draw(tmp_path / "1.jpg", exif=b"Exif\0\0MM\0*\0\0")
    image = read(path)
    assert image.info == {}
    np.testing.assert_allclose(resize(image, (4, 4, 1)), 10, atol=2)
