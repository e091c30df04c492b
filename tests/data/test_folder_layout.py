"""Folders as they are: hidden files, formats, wrapping folders, names of splits, class order."""

import io

import pytest
from PIL import Image

from mosaickd_tf.data import image_files, image_formats
from mosaickd_tf.data.sources import open_source
from tests.data import draw, read, refusal


def encoded(file_format="JPEG", level=100):
    buffer = io.BytesIO()
    Image.new("RGB", (8, 8), (level,) * 3).save(buffer, file_format)
    return buffer.getvalue()


@pytest.mark.parametrize(
    "clutter",
    [
        "__MACOSX/._1.jpg",
        "__MACOSX/a/1.jpg",
        "._1.jpg",
        ".DS_Store",
        ".ipynb_checkpoints/1.jpg",
        "cat/.ipynb_checkpoints/1.jpg",
        "Thumbs.db",
        "desktop.ini",
        "@eaDir/1.jpg/SYNOPHOTO_THUMB_M.jpg",
        ".hidden.png",
    ],
)
def test_what_systems_leave_in_folders_is_passed_over(tmp_path, clutter):
    draw(tmp_path / "cat" / "1.png", 10)
    draw(tmp_path / "dog" / "1.png", 20)
    (tmp_path / clutter).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / clutter).write_bytes(b"\0\5\x16\7\0\2\0\0Mac OS X")
    source = open_source(f"folder:{tmp_path}")
    assert source.label_names == ("cat", "dog")
    assert read(source, "all") == [(10, 0), (20, 1)]
    assert (source.layout.passed_over, source.skipped.broken) == ({}, [])


@pytest.mark.parametrize(
    "name", ["1.jfif", "1.JPE", "1", "1.jpg_large", "1.JPG.download", "1.avif"]
)
def test_an_image_is_known_by_its_content_whatever_its_suffix(tmp_path, name):
    (tmp_path / name).write_bytes(encoded())
    ((level, _),) = read(open_source(f"folder:{tmp_path}"), "all")
    assert abs(level - 100) <= 2


@pytest.mark.parametrize(
    ("name", "file_format"),
    [
        ("1.ppm", "PPM"),
        ("1.pgm", "PPM"),
        ("1.tga", "TGA"),
        ("1.avif", "AVIF"),
        ("1.jp2", "JPEG2000"),
        ("1.mpo", "MPO"),
        ("1.unknown", "PPM"),
        ("1.unknown", "JPEG2000"),
        ("1.unknown", "AVIF"),
    ],
)
def test_further_formats_are_read(tmp_path, name, file_format):
    (tmp_path / name).write_bytes(encoded(file_format))
    ((level, _),) = read(open_source(f"folder:{tmp_path}"), "all")
    assert abs(level - 100) <= 3


def test_a_format_without_a_mark_is_read_under_its_suffix_alone(tmp_path):
    (tmp_path / "1.png").write_bytes(encoded("TGA"))
    with pytest.raises(image_files.BrokenImageError, match="none of PNG"):
        image_files.read(tmp_path / "1.png")


def test_a_phone_s_photograph_under_another_suffix_is_named(tmp_path):
    (tmp_path / "1.jpg").write_bytes(b"\0\0\0\x18ftypheic" + bytes(40))
    if not image_formats.heif_is_read():
        assert r"pip install mosaickd_tf[heic]" in refusal(f"folder:{tmp_path}")


def test_other_files_are_counted_by_suffix(tmp_path):
    draw(tmp_path / "1.png", 10)
    for name in ("1.mp4", "2.MP4", "a/3.mp4", "notes.txt", "README", "b.zip"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"no image")
    found = image_files.find(tmp_path)
    counts = {suffix: count for suffix, (count, _) in found.passed_over.items()}
    assert counts == {".mp4": 3, ".txt": 1, "": 1, ".zip": 1}
    message = refusal(f"folder:{tmp_path}")
    assert "3 .mp4" in message and "1 .zip (unpack them)" in message and "txt" not in message


@pytest.mark.parametrize("train", ["train", "Train", "TRAINING"])
@pytest.mark.parametrize("test", ["test", "Testing"])
@pytest.mark.parametrize("validation", ["val", "Valid", "Validation"])
def test_splits_are_known_by_their_names_in_any_case(tmp_path, train, test, validation):
    for level, split in enumerate((train, test, validation)):
        draw(tmp_path / split / "a" / "1.png", level)
    source = open_source(f"folder:{tmp_path}")
    assert source.splits == ("train", "test", "validation")
    assert [read(source, split) for split in source.splits] == [[(0, 0)], [(1, 0)], [(2, 0)]]


def test_two_folders_of_one_split_are_refused(tmp_path):
    for split in ("train", "test", "val", "valid"):
        draw(tmp_path / split / "a" / "1.png", 1)
    assert "'val' and 'valid'" in refusal(f"folder:{tmp_path}")


def test_a_class_called_train_beside_others_is_no_split(tmp_path):
    for name in ("bus", "car", "train"):
        draw(tmp_path / name / "1.png", 1)
    assert open_source(f"folder:{tmp_path}").label_names == ("bus", "car", "train")


def test_images_beside_splits_are_counted(tmp_path, caplog):
    for name in ("train/a/1.png", "test/a/1.png", "extra/1.png", "extra/2.png"):
        draw(tmp_path / name, 1)
    assert open_source(f"folder:{tmp_path}").splits == ("train", "test")
    assert "2 images beside them are not used, such as in extra" in caplog.text


def test_a_wrapping_folder_is_descended(tmp_path, caplog):
    for name in ("data/data/cat/1.png", "data/data/dog/1.png", "__MACOSX/1.png", "readme.txt"):
        draw(tmp_path / name.replace(".txt", ".png"), 1)
    (tmp_path / "readme.png").rename(tmp_path / "readme.txt")
    with caplog.at_level("INFO"):
        source = open_source(f"folder:{tmp_path}")
    assert source.label_names == ("cat", "dog")
    assert "its only folder data holds the data set" in caplog.text


def test_a_single_class_is_no_wrapping_folder(tmp_path):
    draw(tmp_path / "cat" / "1.png", 1)
    assert open_source(f"folder:{tmp_path}").label_names == ("cat",)


@pytest.mark.parametrize(
    ("names", "order"),
    [
        (["10", "2", "1"], ("1", "2", "10")),
        (["10", "2", "a"], ("10", "2", "a")),
        (["010", "2", "1"], ("1", "2", "010")),
    ],
)
def test_class_folders_are_in_natural_order_where_all_are_numbers(tmp_path, names, order):
    for name in names:
        draw(tmp_path / name / "1.png", 1)
    assert open_source(f"folder:{tmp_path}").label_names == order


def test_all_images_of_a_folder_are_one_split_where_the_whole_is_wanted(tmp_path):
    for level, name in enumerate(("1.png", "a/2.png", "test/b/3.png")):
        draw(tmp_path / name, level)
    source = open_source(f"folder:{tmp_path}", whole=True)
    assert (source.splits, source.label_names) == (("all",), ())
    assert read(source, "all") == [(0, None), (1, None), (2, None)]
