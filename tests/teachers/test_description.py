"""Description of a teacher's file, and the command that distills it."""

import json
import shlex

import keras
import pytest
from keras import layers

import mosaickd_tf
from mosaickd_tf import models
from mosaickd_tf.errors import RequestError
from mosaickd_tf.teachers import description
from tests.teachers.range_models import LEARNED


def stranger(path, *, shape=(32, 32, 3), head=(), tail=()):
    """Saves a small network of someone else; `head` and `tail` are layers around it."""
    keras.utils.set_random_seed(0)
    images = hidden = keras.Input(shape, name="input_1")
    body = [
        layers.Conv2D(8, 3, strides=2, activation="relu", name="conv"),
        layers.BatchNormalization(name="norm"),
        layers.GlobalAveragePooling2D(),
        layers.Dense(4, name="head"),
    ]
    for layer in (*head, *body, *tail):
        hidden = layer(hidden)
    keras.Model(images, hidden).save(path)
    return str(path)


def test_everything_that_is_in_the_file_is_reported(tmp_path):
    (tmp_path / "labels.txt").write_text("0 cat\n1 dog\n2 owl\n3 pig\n")
    head = [layers.Rescaling(1 / 255, name="to_unit"), layers.RandomFlip(name="flip")]
    path = stranger(tmp_path / "model.keras", head=head, tail=[layers.Softmax(name="probs")])
    facts = mosaickd_tf.inspect_teacher(path)
    assert facts["kind"] == "Keras file" and facts["written_by"] == f"Keras {keras.__version__}"
    assert facts["inputs"] == [[None, 32, 32, 3]]
    assert list(facts["outputs"].values()) == [[None, 4]]
    assert (facts["pixels"], facts["head"], facts["task"]) == ("bytes", "softmax", "single_label")
    assert facts["labels"] == ["cat", "dog", "owl", "pig"]
    assert (facts["rescaling"], facts["augmentation"]) == (["to_unit"], ["flip"])
    assert facts["batch_normalizations"] == 1
    assert facts["parameters"] == (3 * 3 * 3 * 8 + 8) + 2 * 8 + (8 * 4 + 4)
    assert facts["macs"] == 15 * 15 * 3 * 3 * 3 * 8 + 8 * 4
    assert facts["doubts"] == []
    json.dumps(facts)


def test_the_command_repeats_what_was_concluded(tmp_path):
    path = stranger(tmp_path / "my model.keras", head=[layers.Rescaling(1 / 255)])
    words = shlex.split(mosaickd_tf.inspect_teacher(path)["command"][0])
    assert words[:2] == ["bin/distill", f"--teacher={path}"]
    assert {"--teacher_input=bytes", "--student=wrn10_1", "--ood_dataset=folder:IMAGES"} <= {*words}


def test_of_a_network_of_this_package_nothing_has_to_be_said(tmp_path):
    network = models.build_classifier("wrn10_1", num_classes=3, input_shape=(16, 16, 1))
    network.save(tmp_path / "teacher.keras")
    facts = mosaickd_tf.inspect_teacher(tmp_path / "teacher.keras")
    assert (facts["pixels"], facts["head"]) == ("unit", "logits")
    assert "teacher_input" not in facts["command"][0]


def words_of(facts):
    return set(shlex.split(facts["command"][0]))


def without_normalization(path, *outputs, shape=(16, 16, 1)):
    """Saves a network in which nothing shows which range it was trained with."""
    images = keras.Input(shape, name="input_1")
    hidden = layers.Flatten()(images)
    heads = [layers.Dense(3, bias_initializer=LEARNED, name=name)(hidden) for name in outputs]
    keras.Model(images, heads[0] if len(heads) == 1 else heads).save(path)
    return str(path)


def test_what_cannot_be_told_is_a_doubt_and_no_error(tmp_path):
    path = without_normalization(tmp_path / "teacher.keras", "head")
    facts = mosaickd_tf.inspect_teacher(path)
    assert len(facts["doubts"]) == 1 and "`teacher_input`" in facts["doubts"][0]
    assert (facts["pixels"], facts["pixels_by"]) == (None, "it cannot be told")
    facts = mosaickd_tf.inspect_teacher(path, teacher_input="signed")
    assert facts["doubts"] == [] and facts["pixels"] == "signed"
    assert "--teacher_input=signed" in words_of(facts)


def test_doubts_are_in_text_and_json_and_no_guess_in_the_command(tmp_path):
    """The command stops with the same doubts, as it says nothing about them."""
    facts = mosaickd_tf.inspect_teacher(
        without_normalization(tmp_path / "teacher.keras", "first", "second")
    )
    assert facts["head"] is facts["task"] is facts["num_labels"] is facts["output"] is None
    assert json.loads(json.dumps(facts)) == facts
    lines = description.as_text(facts).splitlines()
    unsure = [line for line in lines if line.startswith("unsure")]
    assert [line.split(maxsplit=1)[1] for line in unsure] == facts["doubts"]
    assert "`teacher_input`" in unsure[0] and "`teacher_output`" in unsure[1]
    assert not [word for word in words_of(facts) if word.startswith("--teacher_")]


def test_the_command_repeats_what_was_given(tmp_path):
    path = without_normalization(tmp_path / "my.keras", "first", "second", shape=(3, 16, 3))
    given = {
        "teacher_layout": "channels_first",
        "teacher_output": "1",
        "teacher_mean": (0.1, 0.2, 0.3),
        "teacher_std": (0.4, 0.5, 0.6),
        "image_size": (24, 32),
        "channels": 1,
        "task": "multi_label",
    }
    words = words_of(mosaickd_tf.inspect_teacher(path, **given))
    expected = "teacher_layout=channels_first teacher_output=second teacher_mean=0.1,0.2,0.3 "
    expected += "teacher_std=0.4,0.5,0.6 image_size=24x32 channels=1 task=multi_label"
    assert {f"--{word}" for word in expected.split()} <= words
    assert not [word for word in words if word.startswith("--teacher_input")]


def test_a_range_that_is_given_for_a_network_of_this_package_is_repeated(tmp_path):
    network = models.build_classifier("wrn10_1", num_classes=3, input_shape=(16, 16, 1))
    network.save(tmp_path / "teacher.keras")
    facts = mosaickd_tf.inspect_teacher(tmp_path / "teacher.keras", teacher_input="signed")
    assert "--teacher_input=signed" in words_of(facts)


def test_the_text_has_what_the_facts_have(tmp_path):
    head = [layers.Rescaling(1 / 255, name="to_unit"), layers.RandomFlip(name="flip")]
    path = stranger(tmp_path / "model.keras", head=head, tail=[layers.Softmax(name="probs")])
    facts = mosaickd_tf.inspect_teacher(path)
    text = description.as_text(facts)
    assert f"{path}: Keras file of Keras {keras.__version__}" in text
    assert "images      ?x32x32x3, channels_last, pixels bytes (Rescaling inside)" in text
    assert "outputs     probs [None, 4]" in text
    assert "labels      4, softmax (ends in softmax), single_label\n" in text
    assert "rescaling: to_unit; augmentation: flip" in text
    assert f"{facts['parameters']:,} parameters, {facts['macs']:,} multiply-accumulates" in text
    assert text.endswith("\n\n" + facts["command"][0]) and "unsure" not in text


def test_a_large_teacher_comes_with_the_hint_of_a_smaller_student(tmp_path):
    path = stranger(tmp_path / "large.keras", shape=(160, 160, 3), head=[layers.Rescaling(1 / 255)])
    assert "--image_size=96" in mosaickd_tf.inspect_teacher(path)["command"][1]


def test_a_file_that_is_no_model_is_refused(tmp_path):
    with pytest.raises(RequestError, match="No such file"):
        mosaickd_tf.inspect_teacher(tmp_path / "missing.keras")
