"""Data sets in folders: splits, classes, suffixes, links and broken files."""

import pytest

from mosaickd_tf.data.sources import open_source
from tests.data import draw, read, refusal

pytestmark = pytest.mark.usefixtures("no_network")


def test_a_folder_of_images_has_one_split_and_no_labels(tmp_path):
    for level in (30, 20, 10):
        draw(tmp_path / f"{level}.png", level)
    source = open_source(f"folder:{tmp_path}")
    assert (source.splits, source.label_names) == (("all",), ())
    assert read(source, "all") == [(10, None), (20, None), (30, None)]  # by name


def test_class_folders_are_labels_in_the_order_of_their_names(tmp_path):
    for level, name in ((10, "dog/a.png"), (20, "cat/b.png"), (30, "dog/c.png")):
        draw(tmp_path / name, level)
    source = open_source(f"folder:{tmp_path}")
    assert source.label_names == ("cat", "dog")
    assert read(source, "all") == [(20, 0), (10, 1), (30, 1)]


def test_train_and_test_folders_are_splits_with_the_same_classes(tmp_path):
    for level, name in (
        (10, "train/b/1.png"),
        (20, "train/a/1.png"),
        (30, "test/b/1.png"),
        (40, "test/a/1.png"),
    ):
        draw(tmp_path / name, level)
    source = open_source(f"folder:{tmp_path}")
    assert (source.splits, source.label_names) == (("train", "test"), ("a", "b"))
    assert read(source, "train") == [(20, 0), (10, 1)]
    assert read(source, "test") == [(40, 0), (30, 1)]


@pytest.mark.parametrize("alias", ["validation", "valid", "val"])
def test_a_validation_folder_has_three_names(tmp_path, alias):
    for split in ("train", alias):
        draw(tmp_path / split / "a" / "1.png", 10)
    source = open_source(f"folder:{tmp_path}")
    assert set(source.splits) == {"train", "validation"}
    assert read(source, "validation") == [(10, 0)]


def test_classes_called_train_or_val_beside_others_are_no_splits(tmp_path):
    for name in ("val/1.png", "bus/1.png"):
        draw(tmp_path / name, 10)
    source = open_source(f"folder:{tmp_path}")
    assert (source.splits, source.label_names) == (("all",), ("bus", "val"))


def test_splits_of_different_classes_are_refused_with_the_missing_class(tmp_path):
    for name in ("train/a/1.png", "train/b/1.png", "test/a/1.png"):
        draw(tmp_path / name, 10)
    message = refusal(f"folder:{tmp_path}")
    assert str(tmp_path / "test") in message and "it lacks b." in message


def test_images_beside_class_folders_remove_the_labels(tmp_path):
    draw(tmp_path / "a" / "1.png", 10)
    draw(tmp_path / "loose.png", 20)
    assert open_source(f"folder:{tmp_path}").label_names == ()


def test_nested_images_belong_to_the_outermost_folder(tmp_path):
    draw(tmp_path / "cat" / "young" / "wild" / "1.png", 10)
    draw(tmp_path / "dog" / "1.png", 20)
    source = open_source(f"folder:{tmp_path}")
    assert source.label_names == ("cat", "dog")
    assert read(source, "all") == [(10, 0), (20, 1)]


@pytest.mark.parametrize(
    "suffix",
    [".png", ".PNG", ".jpg", ".JPG", ".jpeg", ".Jpeg", ".bmp", ".gif", ".webp", ".tif", ".TIFF"],
)
def test_an_image_is_found_by_its_suffix_in_any_case(tmp_path, suffix):
    draw(tmp_path / f"one{suffix}", 100)
    ((level, _),) = read(open_source(f"folder:{tmp_path}"), "all")
    assert abs(level - 100) <= 2


def test_files_that_are_no_images_are_ignored(tmp_path):
    draw(tmp_path / "one.png", 10)
    (tmp_path / "notes.txt").write_text("not an image")
    (tmp_path / "empty").mkdir()
    assert len(read(open_source(f"folder:{tmp_path}"), "all")) == 1


def test_a_home_folder_can_be_written_as_a_tilde(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    draw(tmp_path / "photos" / "one.png", 10)
    assert read(open_source("folder:~/photos"), "all") == [(10, None)]


def test_a_missing_folder_is_refused_by_its_path(tmp_path):
    missing = tmp_path / "nowhere"
    assert str(missing) in refusal(f"folder:{missing}")


def test_a_file_in_place_of_a_folder_is_refused(tmp_path):
    draw(tmp_path / "one.png", 10)
    assert "one.png" in refusal(f"folder:{tmp_path / 'one.png'}")


def test_an_empty_folder_is_refused_by_its_path_with_the_suffixes_expected(tmp_path):
    message = refusal(f"folder:{tmp_path}")
    assert str(tmp_path) in message and ".jpeg" in message


def test_an_empty_split_is_refused_by_its_path(tmp_path):
    draw(tmp_path / "train" / "a" / "1.png", 10)
    (tmp_path / "test").mkdir()
    assert str(tmp_path / "test") in refusal(f"folder:{tmp_path}")


def spoiled(path, how):
    """Writes an image file that is broken in one of several ways."""
    draw(path, 10)
    data = path.read_bytes()
    path.write_bytes(
        {
            "empty": b"",
            "text": b"this is no image",
            "cut": data[: len(data) // 2],
            "head only": data[:12],
            "scrambled": data[:20] + bytes(b ^ 0x5A for b in data[20:]),
        }[how]
    )


@pytest.mark.parametrize("how", ["empty", "text", "cut", "head only", "scrambled"])
@pytest.mark.parametrize("suffix", [".png", ".jpg", ".gif", ".tif"])
# PIL warns about a broken TIFF before it raises.
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_a_broken_image_is_refused_in_one_line_that_names_its_path(tmp_path, how, suffix):
    path = tmp_path / f"broken{suffix}"
    spoiled(path, how)
    assert str(path) in refusal(f"folder:{tmp_path}")


def test_a_dangling_link_is_refused_by_its_path(tmp_path):
    (tmp_path / "gone.png").symlink_to(tmp_path / "elsewhere.png")
    assert str(tmp_path / "gone.png") in refusal(f"folder:{tmp_path}")


@pytest.mark.parametrize("name", ["two\nlines", "<script>", "\x1b[2J", "\udcff"])
def test_a_class_name_is_one_printable_line(tmp_path, name):
    draw(tmp_path / name / "1.png", 10)
    draw(tmp_path / "plain" / "1.png", 20)
    source = open_source(f"folder:{tmp_path}")
    assert all(label.isprintable() for label in source.label_names)
    assert len(set(source.label_names)) == 2
    assert sorted(read(source, "all")) == [
        (10, 1 - source.label_names.index("plain")),
        (20, source.label_names.index("plain")),
    ]


def test_links_out_of_a_data_set_are_skipped_and_reported(tmp_path):
    draw(tmp_path / "elsewhere" / "1.png", 10)
    draw(tmp_path / "data" / "2.png", 20)
    (tmp_path / "data" / "1.png").symlink_to(tmp_path / "elsewhere" / "1.png")
    assert "leads out of the folder" in refusal(f"folder:{tmp_path / 'data'}")
    source = open_source(f"folder:{tmp_path / 'data'}", max_broken=1)
    assert read(source, "all") == [(20, None)]
    assert [fault.path for fault in source.skipped.broken] == [str(tmp_path / "data" / "1.png")]
