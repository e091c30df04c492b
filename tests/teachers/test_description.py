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


def test_what_cannot_be_told_is_a_doubt_and_no_error(tmp_path):
    """Nothing in a network without normalization shows which range it was trained with."""
    images = keras.Input((16, 16, 1), name="input_1")
    network = keras.Model(images, layers.Dense(3)(layers.Flatten()(images)))
    network.save(tmp_path / "teacher.keras")
    facts = mosaickd_tf.inspect_teacher(tmp_path / "teacher.keras")
    assert len(facts["doubts"]) == 1 and "`teacher_input`" in facts["doubts"][0]
    assert "unsure" in description.as_text(facts)
    facts = mosaickd_tf.inspect_teacher(tmp_path / "teacher.keras", teacher_input="signed")
    assert facts["doubts"] == [] and facts["pixels"] == "signed"


def test_a_large_teacher_comes_with_the_hint_of_a_smaller_student(tmp_path):
    path = stranger(tmp_path / "large.keras", shape=(160, 160, 3), head=[layers.Rescaling(1 / 255)])
    assert "--image_size=96" in mosaickd_tf.inspect_teacher(path)["command"][1]


def test_a_file_that_is_no_model_is_refused(tmp_path):
    with pytest.raises(RequestError, match="No such file"):
        mosaickd_tf.inspect_teacher(tmp_path / "missing.keras")
