"""Comparison of two finished runs, bit for bit."""

import json
import re
import zipfile

import h5py
import numpy as np


def differences(reference, folder):
    """Returns the differences of a finished run from another, one line each."""
    found = []
    for name in ("teacher/teacher.keras", "export/student.keras"):
        if (reference / name).is_file() and weights(reference / name) != weights(folder / name):
            found.append(f"the weights in {name} differ")
    for path in sorted((reference / "export").glob("*")):
        if served(path) != served(folder / "export" / path.name):
            found.append(f"the outputs of {path.name} differ")
    for path in sorted(reference.rglob("metrics.jsonl")):
        name = path.relative_to(reference)
        if rows(path) != rows(folder / name):
            found.append(f"{name} differs")
    for name in ("result.json", "test_predictions.json"):
        if counted(reference / name) != counted(folder / name):
            found.append(f"the numbers of {name} differ")
    left = [path.name for path in folder.rglob(".*")]
    return [*found, *(f"{name} was left" for name in left)]


def weights(path):
    """Returns the bytes of every array in a .keras file, by name."""
    found = {}

    def note(name, item):
        if isinstance(item, h5py.Dataset):
            found[name] = np.asarray(item).tobytes()

    with zipfile.ZipFile(path) as archive, archive.open("model.weights.h5") as file:
        with h5py.File(file, "r") as content:
            content.visititems(note)
    return found


def served(path):
    """Returns the bytes of a classifier's outputs for fixed noise; None for other files."""
    from mosaickd_tf import evaluation

    if path.suffix not in (".keras", ".tflite"):
        return None
    model = evaluation.open_model(path)
    images = np.random.RandomState(0).randint(0, 256, (8, *model.image_shape), "uint8")
    return model.predict(images).tobytes()


def rows(path):
    """Returns the rows of a metrics.jsonl without values of the clock and of interruptions."""
    ignored = ("images_per_second", "resumed_from")
    content = [json.loads(line) for line in lines(path)]
    return [{name: value for name, value in row.items() if name not in ignored} for row in content]


def counted(path):
    """Returns the content of a JSON file without values of the clock and the folder."""
    spared = re.compile("seconds|images_per_second|latency_ms.*|command|commit|(gzip_)?bytes")

    def without(value):
        if isinstance(value, dict):
            kept = {name: inner for name, inner in value.items() if not spared.fullmatch(name)}
            return {name: without(inner) for name, inner in kept.items()}
        return [without(inner) for inner in value] if isinstance(value, list) else value

    return without(json.loads(path.read_text())) if path.is_file() else None


def lines(path):
    """Returns the lines of a text file; none without such a file."""
    return path.read_text().splitlines() if path.is_file() else []
