"""Data sets by name: folders of every shape, embedded ones, TFDS without network."""

import socket

import numpy as np
import pytest
from PIL import Image

from mosaickd_tf.data.sources import open_source
from mosaickd_tf.errors import RequestError


@pytest.fixture(autouse=True)
def no_network(monkeypatch):
    def refuse(*arguments, **_):
        raise AssertionError(f"A connection was tried: {arguments}")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


def draw(path, level):
    """Writes a small picture of one gray level."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (5, 4), (level,) * 3).save(path)


def read(source, part):
    """Gray level and label of each picture of a part."""
    return [(picture.convert("L").getpixel((0, 0)), label) for picture, label in source.read(part)]


def refusal(name, **arguments):
    """The message with which a name is refused, one line of it."""
    with pytest.raises(RequestError) as caught:
        source = open_source(name, **arguments)
        for part in source.parts:
            list(source.read(part))
    message = str(caught.value)
    assert len(message.splitlines()) == 1
    return message


# Names.


@pytest.mark.parametrize(
    "name", ["", "cifar10", "folder:", "tfds:", "embedded:", "embedded:cats", "s3:bucket"]
)
def test_an_unknown_name_is_refused_with_what_is_expected_and_what_came(name):
    message = refusal(name)
    assert repr(name) in message
    for known in ("tfds:NAME", "folder:PATH", "embedded:digits", "embedded:photos"):
        assert known in message


# Folders.


def test_a_folder_of_pictures_has_one_part_and_no_labels(tmp_path):
    for level in (30, 20, 10):
        draw(tmp_path / f"{level}.png", level)
    source = open_source(f"folder:{tmp_path}")
    assert (source.parts, source.label_names) == (("all",), ())
    assert read(source, "all") == [(10, None), (20, None), (30, None)]  # by name


def test_class_folders_are_labels_in_the_order_of_their_names(tmp_path):
    for level, name in ((10, "dog/a.png"), (20, "cat/b.png"), (30, "dog/c.png")):
        draw(tmp_path / name, level)
    source = open_source(f"folder:{tmp_path}")
    assert source.label_names == ("cat", "dog")
    assert read(source, "all") == [(20, 0), (10, 1), (30, 1)]


def test_train_and_test_folders_are_parts_with_the_same_classes(tmp_path):
    for level, name in (
        (10, "train/b/1.png"),
        (20, "train/a/1.png"),
        (30, "test/b/1.png"),
        (40, "test/a/1.png"),
    ):
        draw(tmp_path / name, level)
    source = open_source(f"folder:{tmp_path}")
    assert (source.parts, source.label_names) == (("train", "test"), ("a", "b"))
    assert read(source, "train") == [(20, 0), (10, 1)]
    assert read(source, "test") == [(40, 0), (30, 1)]


@pytest.mark.parametrize("alias", ["validation", "valid", "val"])
def test_a_validation_folder_goes_by_three_names(tmp_path, alias):
    for part in ("train", alias):
        draw(tmp_path / part / "a" / "1.png", 10)
    source = open_source(f"folder:{tmp_path}")
    assert set(source.parts) == {"train", "validation"}
    assert read(source, "validation") == [(10, 0)]


def test_classes_called_train_or_val_beside_others_need_no_parts(tmp_path):
    for name in ("val/1.png", "bus/1.png"):
        draw(tmp_path / name, 10)
    source = open_source(f"folder:{tmp_path}")
    assert (source.parts, source.label_names) == (("all",), ("bus", "val"))


def test_parts_of_other_classes_are_refused_with_the_class_that_is_missing(tmp_path):
    for name in ("train/a/1.png", "train/b/1.png", "test/a/1.png"):
        draw(tmp_path / name, 10)
    message = refusal(f"folder:{tmp_path}")
    assert str(tmp_path / "test") in message and "it lacks b." in message


def test_pictures_beside_class_folders_take_the_labels_away(tmp_path):
    draw(tmp_path / "a" / "1.png", 10)
    draw(tmp_path / "loose.png", 20)
    assert open_source(f"folder:{tmp_path}").label_names == ()


def test_nested_pictures_belong_to_the_outermost_folder(tmp_path):
    draw(tmp_path / "cat" / "young" / "wild" / "1.png", 10)
    draw(tmp_path / "dog" / "1.png", 20)
    source = open_source(f"folder:{tmp_path}")
    assert source.label_names == ("cat", "dog")
    assert read(source, "all") == [(10, 0), (20, 1)]


@pytest.mark.parametrize(
    "suffix",
    [".png", ".PNG", ".jpg", ".JPG", ".jpeg", ".Jpeg", ".bmp", ".gif", ".webp", ".tif", ".TIFF"],
)
def test_a_picture_is_known_by_its_suffix_in_any_case(tmp_path, suffix):
    draw(tmp_path / f"one{suffix}", 100)
    ((level, _),) = read(open_source(f"folder:{tmp_path}"), "all")
    assert abs(level - 100) <= 2


def test_files_that_are_no_pictures_are_passed_over(tmp_path):
    draw(tmp_path / "one.png", 10)
    (tmp_path / "notes.txt").write_text("not a picture")
    (tmp_path / "empty").mkdir()
    assert len(read(open_source(f"folder:{tmp_path}"), "all")) == 1


def test_a_home_folder_can_be_written_as_a_tilde(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    draw(tmp_path / "pictures" / "one.png", 10)
    assert read(open_source("folder:~/pictures"), "all") == [(10, None)]


def test_a_missing_folder_is_refused_by_its_path(tmp_path):
    missing = tmp_path / "nowhere"
    assert str(missing) in refusal(f"folder:{missing}")


def test_a_file_in_place_of_a_folder_is_refused(tmp_path):
    draw(tmp_path / "one.png", 10)
    assert "one.png" in refusal(f"folder:{tmp_path / 'one.png'}")


def test_an_empty_folder_is_refused_by_its_path_with_the_suffixes_expected(tmp_path):
    message = refusal(f"folder:{tmp_path}")
    assert str(tmp_path) in message and ".jpeg" in message


def test_an_empty_part_is_refused_by_its_path(tmp_path):
    draw(tmp_path / "train" / "a" / "1.png", 10)
    (tmp_path / "test").mkdir()
    assert str(tmp_path / "test") in refusal(f"folder:{tmp_path}")


def spoiled(path, how):
    """A picture file that is broken in one of several ways."""
    draw(path, 10)
    data = path.read_bytes()
    path.write_bytes(
        {
            "empty": b"",
            "text": b"this is no picture",
            "cut": data[: len(data) // 2],
            "head only": data[:12],
            "scrambled": data[:20] + bytes(b ^ 0x5A for b in data[20:]),
        }[how]
    )


@pytest.mark.parametrize("how", ["empty", "text", "cut", "head only", "scrambled"])
@pytest.mark.parametrize("suffix", [".png", ".jpg", ".gif", ".tif"])
# Of a broken TIFF, PIL warns before it gives up.
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_a_broken_picture_is_refused_in_one_line_that_names_its_path(tmp_path, how, suffix):
    path = tmp_path / f"broken{suffix}"
    spoiled(path, how)
    assert str(path) in refusal(f"folder:{tmp_path}")


def test_a_dangling_link_is_refused_by_its_path(tmp_path):
    (tmp_path / "gone.png").symlink_to(tmp_path / "elsewhere.png")
    assert str(tmp_path / "gone.png") in refusal(f"folder:{tmp_path}")


@pytest.mark.parametrize("name", ["two\nlines", "<script>", "\x1b[2J", "\udcff"])
def test_the_name_of_a_class_is_one_printable_line(tmp_path, name):
    draw(tmp_path / name / "1.png", 10)
    draw(tmp_path / "plain" / "1.png", 20)
    source = open_source(f"folder:{tmp_path}")
    assert all(label.isprintable() for label in source.label_names)
    assert len(set(source.label_names)) == 2
    assert sorted(read(source, "all")) == [
        (10, 1 - source.label_names.index("plain")),
        (20, source.label_names.index("plain")),
    ]


def test_links_out_of_a_data_set_are_skipped_and_their_number_is_said(tmp_path):
    draw(tmp_path / "elsewhere" / "1.png", 10)
    draw(tmp_path / "data" / "2.png", 20)
    (tmp_path / "data" / "1.png").symlink_to(tmp_path / "elsewhere" / "1.png")
    assert "leads out of the folder" in refusal(f"folder:{tmp_path / 'data'}")
    source = open_source(f"folder:{tmp_path / 'data'}", max_broken=1)
    assert read(source, "all") == [(20, None)]
    assert [fault.path for fault in source.skipped.broken] == [str(tmp_path / "data" / "1.png")]


# Embedded data sets.


def test_the_digits_are_1200_to_train_and_597_to_test():
    source = open_source("embedded:digits")
    assert source.parts == ("train", "test") and source.label_names == tuple("0123456789")
    train, test = ([label for _, label in source.read(part)] for part in source.parts)
    assert (len(train), len(test)) == (1200, 597)
    assert set(train) == set(test) == set(range(10))


def test_a_digit_is_a_gray_picture_of_8_by_8_with_full_contrast():
    from sklearn.datasets import load_digits

    picture, label = next(open_source("embedded:digits").read("train"))
    assert (picture.mode, picture.size, label) == ("L", (8, 8), 0)
    levels = np.asarray(picture) / 255 * 16
    np.testing.assert_allclose(levels, load_digits().images[0], atol=0.04)


def test_train_and_test_digits_are_consecutive_and_none_is_lost():
    from sklearn.datasets import load_digits

    source = open_source("embedded:digits")
    labels = [label for part in source.parts for _, label in source.read(part)]
    np.testing.assert_array_equal(labels, load_digits().target)


def test_the_photos_are_two_colour_pictures_without_labels():
    source = open_source("embedded:photos")
    assert (source.parts, source.label_names) == (("all",), ())
    rows = list(source.read("all"))
    assert [(p.mode, p.size, label) for p, label in rows] == [("RGB", (640, 427), None)] * 2


@pytest.mark.parametrize("name", ["embedded:digits", "embedded:photos"])
def test_a_source_can_be_read_twice(name):
    source = open_source(name)
    first, again = (
        [picture.tobytes() for picture, _ in source.read(source.parts[0])] for _ in range(2)
    )
    assert first == again


# TFDS.


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    """A folder with a prepared data set `tiny_pictures`: 3 and 2 pictures of two classes."""
    import tensorflow_datasets as tfds

    class TinyPictures(tfds.core.GeneratorBasedBuilder):
        VERSION = tfds.core.Version("1.0.0")

        def _info(self):
            return tfds.core.DatasetInfo(
                builder=self,
                features=tfds.features.FeaturesDict(
                    {
                        "image": tfds.features.Image(shape=(4, 4, 1)),
                        "label": tfds.features.ClassLabel(names=["dark", "bright"]),
                    }
                ),
            )

        def _split_generators(self, _):
            return {"train": self._generate_examples(3), "test": self._generate_examples(2)}

        def _generate_examples(self, count):
            for i in range(count):
                image = np.full((4, 4, 1), 40 * i, np.uint8)
                yield i, {"image": image, "label": int(i == 2)}

    folder = tmp_path_factory.mktemp("tfds")
    TinyPictures(data_dir=folder).download_and_prepare()
    return folder


def test_a_prepared_tfds_data_set_is_read_with_parts_and_labels(prepared):
    source = open_source("tfds:tiny_pictures", data_dir=str(prepared))
    assert (source.parts, source.label_names) == (("train", "test"), ("dark", "bright"))
    assert sorted(read(source, "train")) == [(0, 0), (40, 0), (80, 1)]
    assert sorted(read(source, "test")) == [(0, 0), (40, 0)]


def test_a_tfds_data_set_is_read_in_the_same_order_each_time(prepared):
    source = open_source("tfds:tiny_pictures", data_dir=str(prepared))
    assert read(source, "train") == read(source, "train")


def test_an_unknown_tfds_name_is_refused_without_network(tmp_path):
    message = refusal("tfds:no_such_data_set", data_dir=str(tmp_path))
    assert "'tfds:no_such_data_set'" in message


def test_an_unprepared_tfds_data_set_is_refused_without_network(tmp_path):
    message = refusal("tfds:cifar10", data_dir=str(tmp_path))
    assert "not prepared" in message and str(tmp_path) in message and "--data_dir" in message
    assert list(tmp_path.iterdir()) == []


def test_a_tfds_data_set_without_pictures_is_refused(tmp_path, prepared, monkeypatch):
    import types

    import tensorflow_datasets as tfds

    info = types.SimpleNamespace(splits={"train": None}, features={"text": None})
    builder = types.SimpleNamespace(info=info, data_dir=tmp_path)
    monkeypatch.setattr(tfds, "builder", lambda *_, **__: builder)
    assert "'text'" in refusal("tfds:words", data_dir=str(tmp_path))


# Facts and parts.


@pytest.mark.parametrize("name", ["embedded:photos", "embedded:digits", "folder:{}"])
def test_a_part_that_is_not_there_is_refused_with_those_that_are(name, tmp_path):
    draw(tmp_path / "train" / "a" / "1.png", 10)
    source = open_source(name.replace("{}", str(tmp_path)))
    with pytest.raises(RequestError, match="Received: 'validation'") as caught:
        source.read("validation")
    assert f"Expected one of: {', '.join(source.parts)}." in str(caught.value)


def test_a_known_tfds_data_set_that_is_not_whole_is_refused(monkeypatch, prepared):
    from mosaickd_tf.data import datasets

    fact = datasets.DATASETS["tfds:cifar10"]
    monkeypatch.setitem(datasets.DATASETS, "tfds:tiny_pictures", fact)
    message = refusal("tfds:tiny_pictures", data_dir=str(prepared))
    assert "Expected 50,000 images" in message and "Received: 3." in message


def test_the_parts_of_a_known_tfds_data_set_are_those_of_the_facts(monkeypatch, prepared):
    """A split of another name is read as the part that it serves for."""
    import dataclasses

    from mosaickd_tf.data import datasets

    part = datasets.Part(images=2, split="test")
    fact = dataclasses.replace(datasets.DATASETS["tfds:cifar10"], parts={"train": part})
    monkeypatch.setitem(datasets.DATASETS, "tfds:tiny_pictures", fact)
    source = open_source("tfds:tiny_pictures", data_dir=str(prepared))
    assert source.parts == ("train",)
    assert sorted(read(source, "train")) == [(0, 0), (40, 0)]
