"""Hashes of data sets: of the files that are read, and of nothing else."""

import pytest
from PIL import Image

from mosaickd_tf.data.content import sha256_of_data_set


@pytest.fixture
def folder(tmp_path):
    for number in range(3):
        Image.new("RGB", (8, 8), (number, 0, 0)).save(tmp_path / f"{number}.png")
    return tmp_path


def test_another_image_name_or_pixel_is_another_content(folder):
    name = f"folder:{folder}"
    seen = {sha256_of_data_set(name)}
    Image.new("RGB", (8, 8), (9, 0, 0)).save(folder / "2.png")
    seen.add(sha256_of_data_set(name))
    (folder / "2.png").rename(folder / "3.png")
    seen.add(sha256_of_data_set(name))
    (folder / "3.png").unlink()
    seen.add(sha256_of_data_set(name))
    assert len(seen) == 4 and all(len(text) == 64 for text in seen)


def test_clutter_does_not_count_and_labels_only_where_they_are_read(folder):
    name = f"folder:{folder}"
    plain, labeled = sha256_of_data_set(name), sha256_of_data_set(name, labeled=True)
    assert plain == labeled
    (folder / "Thumbs.db").write_bytes(b"left by a system")
    (folder / "labels.csv").write_text("0.png,a\n", encoding="utf-8")
    assert sha256_of_data_set(name) == plain
    assert sha256_of_data_set(name, labeled=True) != labeled


def test_embedded_data_sets_have_no_files():
    assert sha256_of_data_set("embedded:digits") is None
