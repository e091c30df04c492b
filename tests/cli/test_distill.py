"""`bin/distill`: wrong requests in this process, the whole way in processes of their own."""

import pathlib
import re

import keras
import pytest
from keras import layers
from PIL import Image

from mosaickd_tf.cli import distill
from mosaickd_tf.config import METHODS
from tests.cli import call

ROOT = pathlib.Path(__file__).resolve().parents[2]


# Wrong requests


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """Files that a request can be wrong about."""
    folder = tmp_path_factory.mktemp("place")
    for name in ("empty", "pictures", "broken"):
        (folder / name).mkdir()
    Image.new("RGB", (16, 16), (200, 100, 0)).save(folder / "pictures" / "0.png")
    (folder / "broken" / "0.png").write_bytes(b"\x89PNG\r\n\x1a\n and no more")
    (folder / "text.keras").write_text("not a model")
    (folder / "a file").write_text("a file")

    def save(name, num_classes=10, shape=(8, 8, 1), probabilities=False, leaky=False):
        inputs = keras.Input(shape)
        hidden = layers.LeakyReLU(name="leaky")(inputs) if leaky else inputs
        outputs = layers.Dense(num_classes)(layers.GlobalAveragePooling2D()(hidden))
        outputs = layers.Softmax()(outputs) if probabilities else outputs
        keras.Model(inputs, outputs).save(folder / name)

    save("teacher.keras")
    save("seven.keras", num_classes=7)
    save("large.keras", shape=(12, 12, 1))
    save("softmax.keras", probabilities=True)
    save("leaky.keras", leaky=True)
    (folder / "text.pth").write_text("not weights")
    return folder


GOOD = [
    "--target_dataset=embedded:digits",
    "--ood_dataset=folder:{}/pictures",
    "--teacher={}/teacher.keras",
    "--teacher_input=unit",
    "--student={}/teacher.keras",
    "--image_size=8",
    "--channels=1",
    "--patch_size=4",
    "--rounds=1",  # lest a request that is right after all takes hours
    "--generator_filters=2",
    "--discriminator_filters=2",
]


def request(place, workdir, *words):
    words = [word.replace("{}", str(place)) for word in (*GOOD, *words)]
    return call(distill, *words, f"--workdir={workdir}")


@pytest.mark.parametrize(
    "words, expected",
    [
        (["--teacher="], "--teacher is needed"),
        (["--ood_dataset="], "--ood_dataset is needed"),
        (["--ood_dataset=folder:{}/nowhere"], "No such folder"),
        (["--ood_dataset=folder:{}/empty"], "No images below"),
        (["--ood_dataset=folder:{}/broken"], "Broken image"),
        (["--ood_dataset={}/pictures"], "Unknown data set"),
        (["--ood_fit=crops", "--ood_smallest_crop=32"], "at least 32 pixels a side"),
        (["--ood_fit=crops", "--ood_largest_crop=4"], "ood_largest_crop"),
        (["--target_dataset=folder:{}/pictures"], "needs labels"),
        (["--teacher={}/none.keras"], "No such file"),
        (["--teacher={}/text.keras"], "of another kind"),
        (["--teacher={}/seven.keras"], "7 classes"),
        (["--teacher={}/softmax.keras", "--teacher_output_kind=logits"], "Expected softmax"),
        (["--teacher=resnet19"], "Unknown network"),
        (["--teacher=wrn10_1", "--target_dataset="], "--target_dataset"),
        (["--teacher={}/text.pth"], "--teacher_network is needed"),
        (["--teacher_network=wrn10_1"], "goes with a file of weights"),
        (["--teacher={}/text.pth", "--teacher_network=lenet"], "Unknown network"),
        (["--teacher={}/none.pth", "--teacher_network=wrn10_1"], "No such file"),
        (
            ["--teacher_mean=0.1", "--teacher_std=0.2", "--teacher_input=bytes"],
            "--teacher_mean takes the place of --teacher_input",
        ),
        (["--teacher=wrn10_1", "--teacher_mean=0.1"], "1 and 0 numbers"),
        (["--teacher=wrn10_1", "--teacher_mean=0,0,0", "--teacher_std=1,1,1"], "Received: 3"),
        (["--teacher=wrn10_1", "--teacher_mean=a", "--teacher_std=1"], "teacher_mean"),
        (["--student=resnet19"], "Did you mean resnet18"),
        (["--student={}/none.keras"], "No such file"),
        (["--student={}/seven.keras"], "other outputs"),
        (["--student={}/large.keras"], "takes other images"),
        (["--image_size=4"], "image_size"),
        (["--patch_size=9"], "patch_size"),
        (["--local_weight=-1"], "local_weight"),
        (["--rounds=none"], "rounds"),
        (["--compare_with=magic"], "compare_with"),
        (["--exports=onnx"], "exports"),
        (["--exports=tflite_pruned", "--combine=clustered_int8"], "is not supported"),
        (["--exports=tflite_pruned", "--sparsity_pattern=2_of_4"], "sparsity=0.5"),
        (["--exports=tflite_pruned", "--student={}/leaky.keras"], "The layer 'leaky'"),
        (["--no_such_flag=1"], "no_such_flag"),
        (["--flagfile={}/none.cfg"], "none.cfg"),
        (["pictures"], "pictures"),
    ],
    ids=str,
)
def test_a_wrong_request_is_one_line_and_makes_no_folder(place, tmp_path, capsys, words, expected):
    assert request(place, tmp_path / "run", *words) == 2
    out, err = capsys.readouterr()
    (line,) = err.splitlines()
    assert line.startswith("bin/distill: ")
    assert expected in line
    assert out == ""
    assert not (tmp_path / "run").exists()


# A teacher of the official code


@pytest.fixture(scope="module")
def weights(place):
    """Names of .pth files of 10 classes of grey images, next to the other files."""
    torch = pytest.importorskip("torch")
    from tests import reference_classifiers

    def save(name, **sizes):
        network = reference_classifiers.build("wrn10_1", **sizes)
        torch.save({"state_dict": network.state_dict()}, place / name)

    save("official.pth", channels=1, classes=10)
    save("seven.pth", channels=1, classes=7)
    save("colours.pth", channels=3, classes=10)


OFFICIAL = ["--teacher={}/official.pth", "--teacher_network=wrn10_1", "--student=wrn10_1"]
STATISTICS = ["--teacher_mean=0.3", "--teacher_std=0.4"]


@pytest.mark.parametrize(
    "words, expected",
    [
        (["--teacher={}/text.pth"], "Not readable as weights"),
        (["--teacher={}/seven.pth"], "7 classes"),
        (["--teacher={}/colours.pth"], "conv1.weight of (16, 3, 3, 3) instead of (16, 1, 3, 3)"),
        (["--teacher_network=wrn16_1"], "30 missing: block1.layer.1.bn1.weight"),
        (["--teacher_network=mobilenet_v2"], "no such weights"),
        (["--target_dataset="], "--teacher_mean and --teacher_std"),
        (["--teacher_mean=0.1,0.1", "--teacher_std=1,1"], "Received: 2"),
        (["--teacher_input=bytes"], "--teacher_input"),
    ],
    ids=str,
)
def test_a_wrong_pth_file_is_one_line(weights, place, tmp_path, capsys, words, expected):
    assert request(place, tmp_path / "run", *OFFICIAL, *words) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert expected in line
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("words", [[], ["--target_dataset=", *STATISTICS]], ids=["data", "given"])
def test_a_pth_file_is_a_teacher(weights, place, tmp_path, capsys, words):
    assert request(place, tmp_path / "run", *OFFICIAL, *words, "--dry_run") == 0
    out = capsys.readouterr().out
    assert out.count("wrn10_1") == 2  # teacher and student


def test_without_a_folder_for_the_run_nothing_is_done(place, capsys):
    words = [word.replace("{}", str(place)) for word in GOOD]
    assert call(distill, *words) == 2
    assert "--workdir is needed" in capsys.readouterr().err


def test_the_methods_are_listed_for_a_person_who_asks(tmp_path, capsys):
    assert call(distill, "--method=help", f"--workdir={tmp_path / 'run'}") == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == ["method", *METHODS]
    (crd,) = [line for line in lines if line.startswith("crd ")]
    assert "OOD images, features of teacher and student" in crd and "Tian et al." in crd
    assert not (tmp_path / "run").exists()


def test_a_file_in_the_place_of_the_folder_is_left_alone(place, capsys):
    assert request(place, place / "a file") == 2
    assert len(capsys.readouterr().err.splitlines()) == 1
    assert (place / "a file").read_text() == "a file"


def test_a_folder_with_another_run_is_left_alone(place, tmp_path, capsys):
    (tmp_path / "flags.cfg").write_text("--rounds=5\n")
    assert request(place, tmp_path) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "holds a run already" in line
    assert (tmp_path / "flags.cfg").read_text() == "--rounds=5\n"
    assert [path.name for path in tmp_path.iterdir()] == ["flags.cfg"]


def test_a_dry_run_says_what_would_be_done_and_writes_nothing(place, tmp_path, capsys):
    assert request(place, tmp_path / "run", "--dry_run", "--rounds=1234") == 0
    lines = capsys.readouterr().out.splitlines()
    assert "target, train: 1,080 images" in lines  # nine tenths of 1,200
    assert "target, validation: 120 images" in lines
    assert "target, test: 597 images" in lines
    assert "OOD: 1 images" in lines
    cost = " 20 parameters, 10 multiply-accumulates an image"  # 1 · 10 + 10 and 1 · 10
    assert sum(line.endswith(cost) for line in lines) == 2
    assert any(line.startswith("mosaic: 1,234 rounds of batch 256 in ") for line in lines)
    assert re.match(r"mosaic: \S+ s a round, \S+ \w+ in all", lines[-2])
    assert re.match(r"peak memory: \S+ GiB; ", lines[-1])
    assert not (tmp_path / "run").exists()
