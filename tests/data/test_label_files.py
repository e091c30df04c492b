"""Multi-label annotations: files by hand, and everything that can be wrong in one."""

import numpy as np
import pytest
from PIL import Image

from mosaickd_tf.config import DataConfig
from mosaickd_tf.data import label_files, loading
from mosaickd_tf.data.sources import open_source
from mosaickd_tf.errors import RequestError


def write(folder, lines, images=("a.png", "b.png", "c.png")):
    folder.mkdir(parents=True, exist_ok=True)
    for name in images:
        (folder / name).parent.mkdir(exist_ok=True)
        Image.new("RGB", (8, 8)).save(folder / name)
    if lines is not None:
        (folder / "labels.csv").write_text(lines, encoding="utf-8")
    return folder


def read(folder, files=("a.png", "b.png", "c.png")):
    return label_files.read_labels({"all": folder}, {"all": files})


@pytest.mark.parametrize("header", ["", "file,labels\n", "File,label\n"])
def test_labels_are_numbered_in_order_of_their_names(tmp_path, header):
    folder = write(tmp_path / "x", header + "b.png,sun;cat\na.png,cat\nc.png,\n")
    names, labels = read(folder)
    assert names == ("cat", "sun")
    assert labels == {"all": {"a.png": (0,), "b.png": (0, 1), "c.png": ()}}


def test_spaces_byte_order_marks_quotes_and_blank_lines_do_no_harm(tmp_path):
    text = '\ufeffa.png, cat ; sun\n\n"b.png","sun"\nc.png\n'
    _, labels = read(write(tmp_path / "x", text))
    assert labels["all"] == {"a.png": (0, 1), "b.png": (1,), "c.png": ()}


def test_labels_may_be_in_utf_16(tmp_path):
    folder = write(tmp_path / "x", None)
    (folder / "labels.csv").write_bytes("a.png,größe\r\nb.png\r\nc.png\r\n".encode("utf-16"))
    names, labels = read(folder)
    assert names == ("größe",) and labels["all"] == {"a.png": (0,), "b.png": (), "c.png": ()}


def test_a_label_of_one_split_is_a_label_of_all(tmp_path):
    train = write(tmp_path / "train", "a.png,cat\n", ["a.png"])
    test = write(tmp_path / "test", "b.png,ant\n", ["b.png"])
    folders = {"train": train, "test": test}
    names, labels = label_files.read_labels(folders, {"train": ["a.png"], "test": ["b.png"]})
    assert names == ("ant", "cat")
    assert labels == {"train": {"a.png": (1,)}, "test": {"b.png": (0,)}}


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (None, "no '.*labels.csv'"),
        ("a.png,cat\nb.png,cat\n", "no line for 1 of its files, such as 'c.png'"),
        ("a.png,cat\nb.png,\nc.png,\nd.png,cat\n", "no image for 1 of its files, such as 'd.png'"),
        ("a.png,cat\na.png,sun\nb.png,\nc.png,\n", "line 2 names 'a.png' again"),
        ("a.png,cat,sun\nb.png,\nc.png,\n", "line 1 has 3 columns"),
        ('a.png,"cat\nb.png,\nc.png,\n', "Received: .*labels.csv"),
        ("a.png,\nb.png,\nc.png,\n", "none in any line"),
    ],
)
def test_a_wrong_file_is_refused_with_the_reason(tmp_path, text, reason):
    with pytest.raises(RequestError, match=reason) as error:
        read(write(tmp_path / "x", text))
    assert "\n" not in str(error.value)


def test_bytes_that_are_no_text_are_refused(tmp_path):
    folder = write(tmp_path / "x", "")
    (folder / "labels.csv").write_bytes(b"a.png,\xff\xfe\n")
    with pytest.raises(RequestError, match="labels.csv"):
        read(folder)


def test_a_data_set_with_labels_is_read_as_multi_hot_rows(tmp_path):
    for split in ("train", "test"):
        write(tmp_path / split, "a.png,sun;cat\nb.png,\nmore/c.png,cat\n", ["a.png", "b.png"])
        write(tmp_path / split, None, ["more/c.png"])
    data = DataConfig(
        task="multi_label",
        target_dataset=f"folder:{tmp_path}",
        image_size=8,
        validation_fraction=0.0,
    )
    target = loading.load_target(data)
    assert target.label_names == ("cat", "sun")
    for split in (target.train, target.test):
        assert split.labels.dtype == np.uint8
        np.testing.assert_array_equal(split.labels, [[1, 1], [0, 0], [1, 0]])


def test_data_with_one_label_an_image_are_taken_one_hot():
    target = loading.load_target(
        DataConfig(target_dataset="embedded:digits", task="multi_label", image_size=8, channels=1),
        num_labels=10,
    )
    classes = loading.load_target(
        DataConfig(target_dataset="embedded:digits", image_size=8, channels=1)
    )
    assert target.test.labels.shape == (len(target.test), 10)
    assert (target.test.labels.argmax(axis=1) == classes.test.labels).all()
    assert (target.test.labels.sum(axis=1) == 1).all()


def test_two_class_folders_are_the_one_label_of_a_model_of_one_output(tmp_path):
    for name in ("cat", "dog"):
        (tmp_path / name).mkdir()
        Image.new("RGB", (8, 8)).save(tmp_path / name / "0.png")
    config = DataConfig(target_dataset=f"folder:{tmp_path}", task="multi_label", image_size=8)
    target = loading.load_target(config, num_labels=1)
    assert target.label_names == ("dog",) and target.test.labels.tolist() == [[0], [1]]


def test_images_without_labels_need_no_file():
    assert open_source("embedded:photos", task="multi_label").label_names == ()
