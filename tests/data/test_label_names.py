"""Names of a model's outputs: files of each kind by hand, and their match with class folders."""

import codecs
import dataclasses

import pytest

from mosaickd_tf.config import DataConfig
from mosaickd_tf.data import label_names, loading
from mosaickd_tf.data.label_names import find_labels, match_names, read_label_names
from mosaickd_tf.data.sources import open_source
from mosaickd_tf.errors import RequestError
from tests.data import draw, read


def write(folder, content, name="labels.txt"):
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


@pytest.mark.parametrize(
    "content",
    [
        "cardboard\nold glass\nmetal",
        "cardboard\r\nold glass\r\nmetal\r\n\r\n \r\n",
        codecs.BOM_UTF8 + b"cardboard\nold glass\nmetal\n",
        "cardboard\nold glass\nmetal\n".encode("utf-16"),
        "0 cardboard\n1 old glass\n2 metal\n",
        "2 metal\n0 cardboard\n1 old glass\n",
        "1: cardboard\n2: old glass\n3: metal\n",
        "0,cardboard\n1,old glass\n2,metal\n",
        "0\tcardboard\n1\told glass\n2\tmetal\n",
        '["cardboard", "old glass", "metal"]',
        codecs.BOM_UTF8 + b'["cardboard", "old glass", "metal"]',
        '{"metal": 2, "cardboard": 0, "old glass": 1}',
        '{"2": "metal", "0": "cardboard", "1": "old glass"}',
        '{"labels": ["cardboard", "old glass", "metal"]}',
    ],
)
def test_every_kind_of_file_gives_the_names_in_the_order_of_the_outputs(tmp_path, content):
    assert read_label_names(write(tmp_path, content), 3) == ("cardboard", "old glass", "metal")


def test_names_that_are_numbers_or_start_with_some_are_kept(tmp_path):
    assert read_label_names(write(tmp_path, "0\n1\n10\n")) == ("0", "1", "10")
    assert read_label_names(write(tmp_path, "3 series\ncoupe\n")) == ("3 series", "coupe")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("0 a\n2 b\n", "number 1 is missing"),
        ("0 a\n0 b\n", "number 0 is repeated"),
        ('{"a": 0, "b": 0}', "number 0 is repeated"),
        ('{"a": 0, "b": 2}', "number 1 is missing"),
        ('{"a": true}', "neither a list"),
        ('["a", 1]', "neither a list"),
        ('["a"', "Expecting"),
        ("[" * 100_000, "Received"),
        ("\n\n", "Received: 0"),
        (b"\xff\x00", "Not a text file|Received"),
        ("a\nb\nc\n", "Expected 2, one a class. Received: 3"),
    ],
)
def test_a_wrong_file_is_refused_with_the_reason(tmp_path, content, reason):
    with pytest.raises(RequestError, match=reason) as caught:
        read_label_names(write(tmp_path, content), 2)
    assert len(str(caught.value).splitlines()) == 1


def test_a_missing_file_and_a_huge_one_are_refused(tmp_path, monkeypatch):
    with pytest.raises(RequestError, match="No such file"):
        read_label_names(tmp_path / "nowhere.txt")
    monkeypatch.setattr(label_names, "MAX_BYTES", 3)
    with pytest.raises(RequestError, match="at most 3 bytes"):
        read_label_names(write(tmp_path, "a\nb\n"))


@pytest.mark.parametrize(
    ("given", "names", "expected"),
    [
        (("b", "a"), ("a", "b"), [1, 0]),
        (("Old_Glass", "METAL"), ("metal", "old glass"), [1, 0]),
        (("a",), ("a", "b"), [0]),
        (("a b", "a_b"), ("a_b", "a b"), [1, 0]),  # exact names come first
        (("ab", "x"), ("a_b", "a b", "x"), None),  # ambiguous
        (("a", "A"), ("a", "b"), None),
        (("0", "1", "10", *"23456789"), tuple("qwertyuiopa"), [0, 1, 10, *range(2, 10)]),
        (("1", "2"), ("a", "b"), None),  # numbered from 1, which is not that of the outputs
        (("a", "c"), ("a", "b"), None),
    ],
)
def test_classes_are_matched_by_name(given, names, expected):
    assert match_names(given, names) == expected


def test_a_file_beside_a_model_is_found_if_it_fits(tmp_path):
    model = write(tmp_path, "", "model.keras")
    assert find_labels(model, 2) is None
    write(tmp_path, "a\nb\nc\n", "labels.txt")
    path = write(tmp_path, '{"dog": 1, "cat": 0}', "class_indices.json")
    assert find_labels(model, 2) == (path, ("cat", "dog"))
    assert find_labels(model, 4) is None
    path = write(tmp_path, "p\nq\nr\ns\n", "saved/assets/labels.txt")
    assert find_labels(tmp_path / "saved", 4) == (path, ("p", "q", "r", "s"))


def folders(tmp_path, names):
    for level, name in enumerate(names):
        draw(tmp_path / "data" / name / "1.png", level)
    return f"folder:{tmp_path / 'data'}"


def test_class_folders_are_numbered_as_the_outputs(tmp_path, caplog):
    name = folders(tmp_path, ["eins", "null", "zwei"])
    labels = write(tmp_path, "0 null\n1 eins\n2 zwei\n3 drei\n")
    source = label_names.with_label_names(open_source(name), read_label_names(labels), labels)
    assert source.label_names == ("null", "eins", "zwei", "drei")
    assert read(source, "all") == [(0, 1), (1, 0), (2, 2)]
    assert "no images of 1 of the 4 labels: drei" in caplog.text
    data = DataConfig(target_dataset=name, image_size=8, labels=str(labels))
    assert loading.load_target(data).test.labels.tolist() == [1, 0, 2]


def test_several_labels_an_image_are_renumbered(tmp_path):
    source = open_source(folders(tmp_path, ["a", "b"]))
    source = dataclasses.replace(source, read=lambda split: iter([(None, (0, 1)), (None, ())]))
    renumbered = label_names.with_label_names(source, ("b", "x", "a"), "file")
    assert [label for _, label in renumbered.read("all")] == [(0, 2), ()]


def test_a_class_that_the_labels_lack_is_refused_with_both_lists(tmp_path):
    name = folders(tmp_path, ["cat", "dog"])
    labels = write(tmp_path, "cat\nbird\n")
    data = DataConfig(target_dataset=name, image_size=8, labels=str(labels))
    with pytest.raises(RequestError, match="cat, dog. Received: .* with cat, bird"):
        loading.load_target(data)


def test_without_a_data_set_the_labels_are_those_of_the_file(tmp_path):
    labels = str(write(tmp_path, "cat\nbird\n"))
    assert loading.label_names(DataConfig(labels=labels), None) == ("cat", "bird")
    assert loading.label_names(DataConfig(), None) == ()
