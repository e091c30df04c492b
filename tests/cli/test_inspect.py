"""`bin/inspect` in this process: facts as text and JSON, wrong requests."""

import json

import keras
from keras import layers

from mosaickd_tf.cli import inspect
from tests.cli import call


def test_the_facts_are_printed_and_written_as_json(tmp_path, capsys):
    images = keras.Input((32, 32, 3))
    hidden = layers.Flatten()(layers.Rescaling(1 / 255)(images))
    network = keras.Model(images, layers.Dense(3, activation="softmax")(hidden))
    network.save(tmp_path / "model.keras")
    assert call(inspect, f"--teacher={tmp_path}/model.keras", f"--json={tmp_path}/facts.json") == 0
    facts, printed = json.loads((tmp_path / "facts.json").read_text()), capsys.readouterr().out
    assert facts["command"][0] in printed and "softmax" in printed
    assert (facts["pixels"], facts["head"]) == ("bytes", "softmax")


def test_without_a_file_the_flag_is_named(capsys):
    assert call(inspect) == 2
    error = capsys.readouterr().err
    assert "`--teacher` is needed" in error or "--teacher is needed" in error
    assert error.count("\n") == 1
