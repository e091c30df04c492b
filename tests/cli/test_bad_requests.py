"""Requests that are wrong, a row each: exit code 2, one line that helps, nothing written.

A row is a command, its words and what the line must contain. `{}` is the folder of
`place`, in which every kind of file lies that a request can be wrong about.
"""

import hashlib
import json
import os
import pathlib
import re
import shlex
import subprocess
import sys
import zipfile

import keras
import numpy as np
import pytest
from keras import layers
from PIL import Image

from mosaickd_tf.cli import benchmark, distill, evaluate, export, report, results, train_teacher
from tests.cli import call

ROOT = pathlib.Path(__file__).resolve().parents[2]
COMMANDS = {
    "distill": (
        distill,
        "--target_dataset=folder:{}/labelled --ood_dataset=folder:{}/pictures "
        "--teacher={}/teacher.keras --student={}/teacher.keras --image_size=8 --patch_size=4 "
        "--generator_filters=2 --discriminator_filters=2 --workdir={}/run",
    ),
    "train_teacher": (
        train_teacher,
        "--target_dataset=folder:{}/labelled --teacher=wrn10_1 --image_size=8 --workdir={}/run",
    ),
    "evaluate": (
        evaluate,
        "--model={}/teacher.keras --target_dataset=folder:{}/labelled --json={}/numbers.json",
    ),
    "export": (
        export,
        "--student={}/teacher.keras --images=folder:{}/pictures --export_dir={}/out "
        "--exports=keras",
    ),
    "report": (report, "--workdir={}/finished"),
    "results": (results, "--results_dir={}/results --page={}/results.md"),
    "benchmark": (
        benchmark,
        "--teacher=wrn10_1 --student=wrn10_1 --image_size=8 --json={}/numbers.json",
    ),
}

# Command, words after those of COMMANDS, and what the line must contain.
TYPES_AND_RANGES = [
    ("distill", "--rounds=many", "an integer", "--rounds=many"),
    ("distill", "--rounds=1.5", "an integer", "--rounds=1.5"),
    ("distill", "--rounds=", "an integer", "--rounds="),
    ("distill", "--rounds=0", "at least 1", "rounds=0"),
    ("distill", "--steps_per_execution=0", "at least 1", "steps_per_execution=0"),
    ("distill", "--rounds=9 --steps_per_execution=2", "multiples of", "Received: 9, 1 and 1"),
    ("distill", f"--rounds={5000 * '9'}", "an integer", "--rounds=999"),
    ("distill", "--batch_size=1", "at least 2", "batch_size=1"),
    ("distill", "--seed=-1", "at least 0", "seed=-1"),
    ("distill", "--weight_decay=little", "a number", "--weight_decay=little"),
    ("distill", "--weight_decay=-1e-4", "at least 0.0", "weight_decay=-0.0001"),
    ("distill", "--temperature=0", "above 0.0", "temperature=0.0"),
    ("distill", "--student_momentum=1", "at most 0.999", "student_momentum=1.0"),
    ("distill", "--balance_weight=nan", "finite", "balance_weight=nan"),
    ("distill", "--local_weight=inf", "finite", "local_weight=inf"),
    ("distill", "--deterministic=perhaps", "true or false", "--deterministic=perhaps"),
    ("distill", "--channels=2", "one of: 1, 3", "channels=2"),
    ("distill", "--method=magic", "one of: mosaic", "method=magic"),
    ("distill", "--compare_with=kd,magic", "one of: mosaic", "compare_with=magic"),
    ("distill", "--precision=int8", "one of: auto", "precision=int8"),
    ("distill", "--exports=keras,onnx", "one of: keras", "exports=onnx"),
    ("distill", "--teacher_mean=a", "numbers with commas", "--teacher_mean=a"),
    ("distill", "--validation_fraction=0.6", "at most 0.5", "validation_fraction=0.6"),
    ("distill", "--max_broken=-1", "at least 0.0", "max_broken=-1.0"),
    ("distill", "--image_size=4", "at least 8", "image_size=4"),
    ("train_teacher", "--teacher_epochs=0", "at least 1", "teacher_epochs=0"),
    ("train_teacher", "--teacher_learning_rate=0", "above 0.0", "teacher_learning_rate=0.0"),
    ("train_teacher", "--teacher_augmentation=blur", "one of: none", "teacher_augmentation=blur"),
    ("evaluate", "--teacher_input=raw", "one of: unit", "teacher_input=raw"),
    ("export", "--outputs=labels", "one of: probabilities", "outputs=labels"),
    ("benchmark", "--num_classes=1", "at least 2", "num_classes=1"),
    ("benchmark", "--warmup_rounds=-1", "at least 0", "warmup_rounds=-1"),
    ("benchmark", "--jit_compile=maybe", "one of: auto", "jit_compile=maybe"),
    ("results", "--check=2", "true or false", "--check=2"),
]
WORDS = [
    ("distill", "--ruonds=5", "--ruonds", "rounds"),
    ("evaluate", "--batch_size=4", "--batch_size", "--help lists"),
    ("distill", "pictures", "'pictures'", "start with --"),
    ("distill", f"--{2000 * 'x'}=1", "of 2,002 characters", "--help lists"),
    ("distill", "--rounds", "--rounds", "--name=value"),
    ("report", "--workdir=", "`workdir`", "a folder of a run"),
    ("distill", "--workdir=", "`workdir`", "a folder for the run"),
    ("distill", "--teacher=", "`teacher`", "a name or a path"),
    ("distill", "--ood_dataset=", "`ood_dataset`", "--method=mosaic"),
    ("train_teacher", "--teacher=", "`teacher`", "the name of a network"),
    ("train_teacher", "--target_dataset=", "`target_dataset`", "with labels"),
    ("evaluate", "--model=", "`model`", ".tflite"),
    ("evaluate", "--target_dataset=", "`target_dataset`", "with labels"),
    ("export", "--student=", "`student`", "the folder of a run"),
    ("export", "--export_dir=", "`export_dir`", "a folder"),
]
FLAGFILES = [
    ("distill", "--flagfile={}/none.cfg", "none.cfg", "No such file"),
    ("distill", "--flagfile={}", "--flagfile", "it is no file"),
    ("distill", "--flagfile={}/pipe", "/pipe", "it is no file"),
    ("distill", "--flagfile={}/loop.cfg", "loop.cfg", "it includes itself"),
    ("distill", "--flagfile={}/many.cfg", "small.cfg", "200 files"),
    ("distill", "--flagfile={}/large.cfg", "large.cfg", "1,000,000 bytes"),
    ("distill", "--flagfile={}/binary.cfg", "binary.cfg", "can't decode"),
    ("distill", "--flagfile={}/wrong.cfg", "--rounds=none", "an integer"),
]
COMBINATIONS = [
    ("distill", "--teacher={}/text.pth", "`teacher_network` is needed", "text.pth"),
    ("distill", "--teacher_network=wrn10_1", "goes with a .pth file", "teacher.keras"),
    ("distill", "--teacher_mean=0,0,0 --teacher_std=1,1,1", "`teacher_mean`", "`teacher_input`"),
    ("distill", "--teacher=wrn10_1 --teacher_mean=0.1", "a number a channel", "1 and 0 numbers"),
    ("distill", "--teacher=wrn10_1 --teacher_mean=0 --teacher_std=1", "Expected 3", "--channels"),
    ("distill", "--teacher=wrn10_1 --target_dataset=", "--target_dataset", "a training part"),
    ("distill", "--patch_size=9", "`patch_size`", "patch_size=9"),
    ("distill", "--image_size=10 --teacher=wrn10_1 --student=wrn10_1", "image_size=10", "of 4"),
    ("distill", "--ood_fit=crops --ood_largest_crop=4", "`ood_largest_crop`", "4 below 8"),
    (
        "distill",
        "--ood_fit=crops --ood_smallest_crop=32",
        "at least 32 pixels a side",
        "--ood_smallest_crop",
    ),
    ("distill", "--method=fitnet --teacher_layers=nothing", "'nothing'", "the name of one layer"),
    ("distill", "--method=crd --ood_subset=-1", "at least 0", "ood_subset=-1"),
]
DATA = [
    ("distill", "--ood_dataset={}/pictures", "folder:PATH", "/pictures"),
    ("distill", "--ood_dataset=folder:{}/nowhere", "/nowhere", "a folder of images"),
    ("distill", "--ood_dataset=folder:{}/text.pth", "/text.pth", "a folder of images"),
    ("distill", "--ood_dataset=folder:{}/empty", "/empty", ".jpeg"),
    ("distill", "--ood_dataset=folder:{}/broken", "/broken/0.png", "--max_broken=0.01"),
    ("distill", "--ood_dataset=folder:{}/broken --max_broken=1", "1 broken", "/broken"),
    ("distill", "--ood_dataset=folder:{}/piped", "/piped/0.png", "a pipe"),
    ("distill", "--ood_dataset=folder:{}/linked", "/linked/0.png", "leads out of the folder"),
    ("distill", "--ood_dataset=tfds:no_such", "'tfds:no_such'", "catalogue"),
    ("distill", "--target_dataset=folder:{}/pictures", "needs labels", "/pictures"),
    ("distill", "--target_dataset=folder:{}/uneven", "the same class folders", "lacks b"),
    ("distill", "--target_dataset=folder:{}/away", "/away/train", "leads to"),
    ("train_teacher", "--target_dataset=folder:{}/labelled/test", "training part", "/test"),
    ("train_teacher", "--target_dataset=folder:{}/spoiled", "/spoiled/train/a/1.png", "Broken"),
    ("evaluate", "--target_dataset=embedded:photos", "needs labels", "embedded:photos"),
    ("evaluate", "--target_dataset=folder:{}/trained", "a data set that has one", "/trained"),
    ("export", "--images=folder:{}/nowhere", "/nowhere", "a folder of images"),
    ("export", "--images=folder:{}/broken", "/broken/0.png", "--max_broken"),
]
MODELS = [
    ("distill", "--teacher={}/none.keras", "none.keras", "No such file"),
    ("distill", "--teacher={}/empty.keras", "empty.keras", "not a zip"),
    ("distill", "--teacher={}/text.keras", "text.keras", "not a zip"),
    ("distill", "--teacher={}/cut.keras", "cut.keras", "not a zip"),
    ("distill", "--teacher={}/bomb.keras", "bomb.keras", "unpack to"),
    ("distill", "--teacher={}/code.keras", "code.keras", "keras.layers.Lambda"),
    ("distill", "--teacher={}/foreign.keras", "foreign.keras", "os.system"),
    ("distill", "--teacher={}/wide.keras", "wide.keras", "are stored"),
    ("distill", "--teacher={}/seven.keras", "a teacher of 7 classes", "2 classes"),
    ("distill", "--teacher={}/large.keras", "(12, 12, 3)", "(8, 8, 3)"),
    ("distill", "--teacher={}/gray.keras", "(8, 8, 1)", "--channels"),
    ("distill", "--teacher={}/softmax.keras", "logits", "sum to 1"),
    ("distill", "--teacher={}/map.keras", "map.keras", "one output"),
    ("distill", "--teacher={}/graph", "--allow_code", "WriteFile"),
    ("distill", "--teacher={}/none.pth --teacher_network=wrn10_1", "none.pth", "No such file"),
    ("distill", "--teacher={}/text.pth --teacher_network=lenet", "'lenet'", "one of: wrn"),
    ("distill", "--teacher={}/text.pth --teacher_network=mobilenet_v2", "'mobilenet_v2'", "wrnD_W"),
    ("distill", "--teacher=resnet19", "'resnet19'", "Did you mean resnet18"),
    ("distill", "--student=resnet19", "'resnet19'", "Did you mean resnet18"),
    ("distill", "--student={}/none.keras", "none.keras", "No such file"),
    ("distill", "--student={}/seven.keras", "same output shape", "(7,)"),
    ("distill", "--student={}/large.keras", "same input shape", "(12, 12, 3)"),
    ("distill", "--student={}/graph", "/graph", "a SavedModel"),
    ("train_teacher", "--teacher={}/teacher.keras", "teacher.keras", "Unknown network"),
    ("evaluate", "--model={}/none.tflite", "none.tflite", "No such file"),
    ("evaluate", "--model={}/text.tflite", "text.tflite", "TFL3"),
    ("evaluate", "--model={}/empty.tflite", "empty.tflite", "TFL3"),
    ("evaluate", "--model={}/hollow.tflite", "hollow.tflite", "out of the file"),
    ("evaluate", "--model={}/seven.keras", "7 classes", "the 2 classes"),
    ("evaluate", "--model={}/oblong.keras", "oblong.keras", "square images"),
    ("evaluate", "--teacher={}/large.keras", "large.keras", "images of (8, 8, 3)"),
    ("evaluate", "--teacher={}/gray.keras --teacher_input=imagenet", "gray.keras", "of 1 in"),
    ("export", "--student={}/text.keras", "text.keras", "not a zip"),
    ("export", "--student={}/bytes.keras", "bytes.keras", "uint8"),
    ("export", "--labels={}/none.txt", "none.txt", "a name a line"),
    ("export", "--labels={}/binary.cfg", "binary.cfg", "UTF-8"),
    ("export", "--labels={}/wrong.cfg --student={}/seven.keras", "wrong.cfg", "Expected 7"),
    ("benchmark", "--student={}/none.keras", "none.keras", "No such file"),
    ("benchmark", "--teacher=wrn11_1", "'wrn11_1'", "one of"),
]
RUNS = [
    ("distill", "--workdir={}/text.keras/run", "text.keras/run", "a writable folder"),
    ("distill", "--workdir={}/other", "/other", "--rounds=5"),
    ("report", "--workdir={}/empty", "/empty", "result.json"),
    ("report", "--workdir={}/finished", "/finished", "KeyError"),
    ("report", "--workdir={}/list", "/list", "result.json"),
    ("results", "--add={}/none.json", "none.json", "result.json"),
    ("results", "--add={}/text.keras", "text.keras", "the result.json"),
    ("results", "--add={}/finished/result.json", "finished/result.json", "config"),
    ("results", "--check", "results.md", "Run bin/results"),
]
TABLE = [
    *TYPES_AND_RANGES, *WORDS, *FLAGFILES, *COMBINATIONS, *DATA, *MODELS, *RUNS,
]  # fmt: skip


# The files.


def classifier(path, classes=2, shape=(8, 8, 3), dtype="float32", ending=None):
    images = keras.Input(shape, dtype=dtype)
    inner = layers.Rescaling(1.0)(images)
    outputs = layers.Dense(classes)(layers.GlobalAveragePooling2D()(inner))
    keras.Model(images, ending(outputs) if ending else outputs).save(path)


def described_otherwise(source, path, change):
    """A copy of a .keras file whose config.json went through `change`."""
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(path, "w") as new:
        for name in old.namelist():
            content = old.read(name)
            new.writestr(name, change(content.decode()) if name == "config.json" else content)


def write_models(folder):
    classifier(folder / "teacher.keras")
    classifier(folder / "seven.keras", classes=7)
    classifier(folder / "large.keras", shape=(12, 12, 3))
    classifier(folder / "oblong.keras", shape=(8, 12, 3))
    classifier(folder / "gray.keras", shape=(8, 8, 1))
    classifier(folder / "bytes.keras", dtype="uint8")
    classifier(folder / "softmax.keras", ending=layers.Softmax())
    images = keras.Input((8, 8, 3))
    keras.Model(images, layers.Conv2D(2, 3)(images)).save(folder / "map.keras")
    good = folder / "teacher.keras"
    (folder / "cut.keras").write_bytes(good.read_bytes()[:5000])
    described_otherwise(good, folder / "code.keras", lambda t: t.replace("Rescaling", "Lambda"))
    foreign = '"module": "os", "class_name": "system"'
    described_otherwise(
        good,
        folder / "foreign.keras",
        lambda t: t.replace('"module": "keras.layers", "class_name": "Rescaling"', foreign),
    )
    described_otherwise(
        good,
        folder / "wide.keras",
        lambda t: t.replace('"units": 2', '"units": 2000000000'),
    )
    with zipfile.ZipFile(folder / "bomb.keras", "w", zipfile.ZIP_DEFLATED) as bomb:
        bomb.writestr("config.json", "{}")
        bomb.writestr("model.weights.h5", bytes(50_000_000))
    (folder / "hollow.tflite").write_bytes(b"\xff\xff\0\0TFL3" + bytes(64))
    for name in ("text.keras", "text.pth", "text.tflite"):
        (folder / name).write_text("no model, and no zip file")
    for name in ("empty.keras", "empty.tflite"):
        (folder / name).touch()
    write_graph(folder / "graph", folder / "witness")


def write_graph(folder, witness):
    """A SavedModel that would write a file, as bytes alone: nothing of it has run."""
    from tensorflow.core.protobuf import saved_model_pb2

    saved = saved_model_pb2.SavedModel()
    node = saved.meta_graphs.add().graph_def.node.add()
    node.op, node.name = "WriteFile", str(witness)
    folder.mkdir()
    (folder / "saved_model.pb").write_bytes(saved.SerializeToString())


def write_pictures(folder):
    def draw(path, size=(8, 8)):
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", size, (200, 100, 0)).save(folder / path)

    for part in ("train", "test"):
        for label in ("a", "b"):
            for number in range(5):
                draw(f"labelled/{part}/{label}/{number}.png")
            draw(f"trained/train/{label}/0.png")
    for name in ("pictures/0.png", "uneven/train/a/0.png", "uneven/train/b/0.png"):
        draw(name)
    draw("uneven/test/a/0.png")
    for name in ("broken", "piped", "linked", "away", "empty"):
        (folder / name).mkdir()
    draw("spoiled/train/a/0.png")
    (folder / "spoiled" / "train" / "a" / "1.png").write_bytes(b"no picture")
    (folder / "broken" / "0.png").write_bytes(b"\x89PNG\r\n\x1a\n and no more")
    os.mkfifo(folder / "piped" / "0.png")
    (folder / "linked" / "0.png").symlink_to(folder / "pictures" / "0.png")
    (folder / "away" / "train").symlink_to(folder / "labelled" / "train")


def write_flagfiles(folder):
    os.mkfifo(folder / "pipe")
    (folder / "loop.cfg").write_text(f"--seed=1\n--flagfile={folder}/inner.cfg\n")
    (folder / "inner.cfg").write_text(f"--flagfile={folder}/loop.cfg\n")
    (folder / "many.cfg").write_text(300 * f"--flagfile={folder}/small.cfg\n")
    (folder / "small.cfg").write_text("--seed=1\n")
    (folder / "large.cfg").write_text(100_001 * "--seed=10\n")
    (folder / "binary.cfg").write_bytes(bytes(range(128, 256)))
    (folder / "wrong.cfg").write_text("--seed=1\n--rounds=none\n")


def write_runs(folder):
    for name, content in (("finished", {"method": "mosaic"}), ("list", [])):
        (folder / name).mkdir()
        (folder / name / "result.json").write_text(json.dumps(content))
    (folder / "other").mkdir()
    (folder / "other" / "flags.cfg").write_text("--rounds=5\n")
    (folder / "results").mkdir()


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    folder = tmp_path_factory.mktemp("place")
    for write in (write_models, write_pictures, write_flagfiles, write_runs):
        write(folder)
    return folder


def snapshot(folder):
    """Every path below a folder, with what stands there and when it was written."""
    found = {}
    for path in sorted(folder.rglob("*")):
        status = path.lstat()
        content = hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""
        found[path] = (status.st_mode, status.st_mtime_ns if content else 0, content)
    return found


def words_of(command, words, place):
    _, good = COMMANDS[command]
    return [word.replace("{}", str(place)) for word in shlex.split(f"{good} {words}")]


def check_line(line, command, parts):
    """The line names flag or file, what was expected, what came, and what to do."""
    assert line.startswith(f"bin/{command}: ")
    assert re.search(r"Expected:? .*\. Received: .+\. \S", line), line
    for part in parts:
        assert part in line, f"{part!r} is not in: {line}"
    assert line.isprintable()
    assert "Traceback" not in line


def test_the_table_is_long_and_no_row_stands_twice():
    assert len({row[:2] for row in TABLE}) == len(TABLE) >= 60
    assert {row[0] for row in TABLE} == set(COMMANDS)


@pytest.mark.parametrize("row", TABLE, ids=lambda row: f"{row[0]} {row[1][:60]}")
def test_a_wrong_request_is_one_line_and_leaves_everything_as_it_was(place, capsys, row):
    command, words, *parts = row
    before = snapshot(place)
    assert call(COMMANDS[command][0], *words_of(command, words, place)) == 2
    out, err = capsys.readouterr()
    (line,) = err.splitlines()
    check_line(line, command, parts)
    assert out == ""
    assert snapshot(place) == before


def test_the_requests_that_the_rows_spoil_are_right(place, tmp_path, capsys):
    """Else a row could be refused for another reason than its own."""
    for command in ("distill", "train_teacher"):
        words = words_of(command, f"--dry_run --workdir={tmp_path / command}", place)
        assert call(COMMANDS[command][0], *words) == 0
    assert call(evaluate, *words_of("evaluate", f"--json={tmp_path / 'json'}", place)) == 0
    assert call(export, *words_of("export", f"--export_dir={tmp_path / 'out'}", place)) == 0
    assert capsys.readouterr().err == ""


@pytest.mark.slow
def test_a_process_of_its_own_says_the_same(place, tmp_path):
    command, words, *parts = MODELS[5]  # with code in it
    before = snapshot(place)
    answer = subprocess.run(
        [sys.executable, "-m", f"mosaickd_tf.cli.{command}", *words_of(command, words, place)],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert (answer.returncode, answer.stdout) == (2, "")
    (line,) = answer.stderr.splitlines()
    check_line(line, command, parts)
    assert snapshot(place) == before
    assert not np.any([path.name == "witness" for path in before])
