"""Content of the folder: images that can be read back, with the logits of the teacher."""

import io
import json
import shutil

import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from mosaickd_tf import evaluation, synthesis
from mosaickd_tf.config import SynthesisConfig
from mosaickd_tf.data.sources import open_source
from mosaickd_tf.errors import RequestError
from mosaickd_tf.synthesis import writing
from tests.synthesis import write_deep_inversion, write_run

COUNT = 12


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Writes a run; returns its folder, its teacher's logits, and the images of seed 0."""
    folder = tmp_path_factory.mktemp("run")
    teacher, _ = write_run(folder)
    (images,) = synthesis.open_image_source(folder).draw(COUNT, 0)
    return folder, evaluation.predict_logits(teacher, images), images


def write(run, folder, **options):
    config = SynthesisConfig(workdir=str(run[0]), count=COUNT, output_dir=str(folder), **options)
    return synthesis.synthesize(config)


def test_pictures_lie_in_the_folder_of_the_class_that_the_teacher_names(run, tmp_path):
    _, logits, images = run
    write(run, tmp_path / "out")
    lines = (tmp_path / "out" / "logits.jsonl").read_text().splitlines()
    rows = [json.loads(line) for line in lines]
    assert len(rows) == COUNT
    for number, row in enumerate(rows):
        named = int(logits[number].argmax())
        assert row["file"] == f"{named}/{number:06d}.png"
        assert row["class"] == named
        np.testing.assert_allclose(row["logits"], logits[number], rtol=1e-5)
        with Image.open(tmp_path / "out" / row["file"]) as picture:
            np.testing.assert_array_equal(np.asarray(picture), images[number])


def test_the_folder_serves_as_a_data_set(run, tmp_path):
    _, logits, _ = run
    write(run, tmp_path / "out")
    source = open_source(f"folder:{tmp_path / 'out'}")
    assert source.label_names == tuple(sorted({str(c) for c in logits.argmax(axis=1)}))
    assert len(list(source.read("all"))) == COUNT


def test_records_hold_the_same(run, tmp_path):
    _, logits, images = run
    write(run, tmp_path / "out", format="tfrecord")
    form = {
        "image/encoded": tf.io.FixedLenFeature([], tf.string),
        "image/format": tf.io.FixedLenFeature([], tf.string),
        "class": tf.io.FixedLenFeature([], tf.int64),
        "logits": tf.io.FixedLenFeature([10], tf.float32),
    }
    records = list(tf.data.TFRecordDataset(str(tmp_path / "out" / "images.tfrecord")))
    assert len(records) == COUNT
    for number, record in enumerate(records):
        example = tf.io.parse_single_example(record, form)
        with Image.open(io.BytesIO(example["image/encoded"].numpy())) as picture:
            np.testing.assert_array_equal(np.asarray(picture), images[number])
        assert example["image/format"] == b"png"
        assert example["class"] == logits[number].argmax()
        np.testing.assert_allclose(example["logits"], logits[number], rtol=1e-5)


@pytest.mark.parametrize("form", ["png", "tfrecord"])
def test_the_folder_says_how_it_was_made_and_what_it_can_show(run, tmp_path, form):
    folder, about = write(run, tmp_path / "out", format=form)
    assert folder == tmp_path / "out"
    assert json.loads((folder / "about.json").read_text()) == about
    assert about["classes"] == np.bincount(run[1].argmax(axis=1), minlength=10).tolist()
    assert "inference mode" in about["made_by"]
    assert "resemble what the teacher was trained on" in about["warning"]
    assert (folder / "labels.txt").read_text().split() == list("0123456789")


def test_the_same_seed_writes_the_same_bytes(run, tmp_path):
    for name in ("one", "two"):
        write(run, tmp_path / name, format="tfrecord")
    one, two = ((tmp_path / name / "images.tfrecord").read_bytes() for name in ("one", "two"))
    assert one == two


def test_they_go_into_the_run_unless_asked_otherwise(run, tmp_path):
    shutil.copytree(run[0], tmp_path, dirs_exist_ok=True)
    folder, _ = synthesis.synthesize(SynthesisConfig(workdir=str(tmp_path), count=2))
    assert folder == tmp_path / "synthetic"


def test_a_folder_that_holds_something_is_left_alone(run, tmp_path):
    (tmp_path / "mine").write_text("kept")
    for place in (tmp_path, tmp_path / "mine"):
        with pytest.raises(RequestError, match="is not empty"):
            write(run, place)
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


def test_nothing_is_there_after_a_failure(run, tmp_path, monkeypatch):
    def broken(image):
        raise OSError("the disk is full")

    monkeypatch.setattr(writing, "as_png", broken)
    with pytest.raises(OSError):
        write(run, tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


def test_more_images_than_there_are_leave_nothing(tmp_path):
    write_deep_inversion(tmp_path / "run")
    asked = SynthesisConfig(workdir=str(tmp_path / "run"), count=7)
    with pytest.raises(RequestError, match="at most the 6"):
        synthesis.synthesize(asked)
    assert not (tmp_path / "run" / "synthetic").exists()


# Of independent labels


@pytest.fixture(scope="module")
def multi_label_run(tmp_path_factory):
    """Writes a run whose teacher has independent labels, each on half of the images."""
    folder = tmp_path_factory.mktemp("multi_label")
    write_run(folder, task="multi_label")
    (images,) = synthesis.open_image_source(folder).draw(COUNT, 0)
    inputs = keras.Input(images.shape[1:])
    logits = keras.layers.Dense(10, name="logits")
    teacher = keras.Model(inputs, logits(keras.layers.Flatten()(inputs)), name="teacher")
    kernel = np.random.RandomState(0).normal(size=logits.kernel.shape)
    products = (images / 255).reshape(COUNT, -1) @ kernel
    logits.set_weights([kernel, -np.median(products, axis=0)])
    teacher.save(folder / "teacher" / "teacher.keras")
    return folder, evaluation.predict_logits(teacher, images), images


def test_images_of_several_labels_lie_in_one_folder_with_their_labels(multi_label_run, tmp_path):
    _, logits, images = multi_label_run
    _, about = write(multi_label_run, tmp_path / "out")
    lines = (tmp_path / "out" / "logits.jsonl").read_text().splitlines()
    rows = [json.loads(line) for line in lines]
    assert [row["file"] for row in rows] == [f"images/{n:06d}.png" for n in range(COUNT)]
    for row, values, image in zip(rows, logits, images, strict=True):
        assert row["labels"] == [label for label in range(10) if values[label] > 0]
        np.testing.assert_allclose(row["logits"], values, rtol=1e-5)
        with Image.open(tmp_path / "out" / row["file"]) as picture:
            np.testing.assert_array_equal(np.asarray(picture), image)
    assert about["classes"] == (logits > 0).sum(axis=0).tolist()
    assert min(about["classes"]) > 0 and len({len(row["labels"]) for row in rows}) > 1


def test_a_record_has_any_number_of_labels(multi_label_run, tmp_path):
    _, logits, _ = multi_label_run
    write(multi_label_run, tmp_path / "out", format="tfrecord")
    form = {"class": tf.io.VarLenFeature(tf.int64)}
    for number, record in enumerate(
        tf.data.TFRecordDataset(str(tmp_path / "out" / "images.tfrecord"))
    ):
        labels = tf.io.parse_single_example(record, form)["class"].values.numpy()
        assert labels.tolist() == np.flatnonzero(logits[number] > 0).tolist()
