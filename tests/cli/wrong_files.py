"""Broken files for wrong requests: models, pictures, flagfiles and runs that are not right."""

import json
import os
import zipfile

import keras
from keras import layers
from PIL import Image


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


def write(folder):
    """Fills a folder with every kind of file about which a request can be wrong."""
    for write_some in (write_models, write_pictures, write_flagfiles, write_runs):
        write_some(folder)
