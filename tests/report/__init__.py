"""Folders of runs, written by hand."""

import json

import numpy as np

from mosaickd_tf.config import DistillConfig, options
from mosaickd_tf.data import grids
from mosaickd_tf.utils import files

NETWORK = {"name": "wrn10_1", "parameters": 77_562, "macs": 3_052_160, "top5_accuracy": None}
EXPORT = {
    "path": "export/student_float32.tflite", "format": "tflite_float32", "bytes": 320_372,
    "accuracy": 0.96, "agreement_with_student": 1.0, "max_abs_difference": 5.4e-7,
    "latency_ms": 0.0774, "threads": 1,
}  # fmt: skip


def result(method="mosaic", baselines=("kd",), labels=True, **config):
    """Returns the content of a result.json."""

    def accuracy(share):
        return share if labels else None

    return {
        "method": method,
        "config": dict(options(DistillConfig()))
        | {"rounds": 39200, "batch_size": 256, "image_size": 16}
        | config,
        "seed": 3,
        "precision": "float32",
        "rounds": 300,
        "seconds": 56.96,
        "images_per_second": 337.1,
        "teacher": NETWORK | {"name": "wrn16_1", "accuracy": accuracy(0.9832)},
        "student": NETWORK | {"accuracy": accuracy(0.96482)},
        "baselines": [
            NETWORK | {"method": name, "accuracy": accuracy(0.4573), "agreement": accuracy(0.4556)}
            for name in baselines
        ],
        "agreement": accuracy(0.97321),
        "selection": "validation: round 300" if labels else "last: round 300",
        "exports": [EXPORT | {"accuracy": accuracy(0.96)}],
    }


def rows(counts=None, accuracy="validation_accuracy", **terms):
    """Rows of a metrics.jsonl, of rounds 0 to 300."""
    every = {
        "distillation_loss": [0.8, 0.3, 0.1],
        "class_balance_loss": [-3.0, -3.2, -3.3],
        "label_space_alignment_loss": [0.4, 0.6, 0.7],
        "adversarial_loss": [-0.9, -1.0, -1.2],
    } | terms
    made = [{"round": 0, accuracy: 0.1}]
    for place in range(3):
        values = {name: series[place] for name, series in every.items()}
        made.append({"round": 100 * (place + 1), **values, accuracy: 0.95})
    if counts is not None:
        made[-1]["synthetic_classes"] = list(counts)
    return made


def write_run(folder, result, label_names=tuple("0123456789"), channels=1, metrics=None):
    """Writes the files of a run from which its report is made.

    Args:
        folder: where they go.
        result: as `result` makes it.
        label_names: of the classes.
        channels: of the images.
        metrics: rows of the method; made from the number of classes if None.
    """
    rng = np.random.default_rng(0)
    classes, size = len(label_names), result["config"]["image_size"]
    labelled = result["student"]["accuracy"] is not None
    game = result["method"] == "mosaic"
    counts = rng.multinomial(max(256, 10 * classes), np.ones(classes) / classes).tolist()
    if metrics is None:
        accuracy = "validation_accuracy" if labelled else "unlabeled_agreement"
        metrics = rows(counts if game else None, accuracy, gradient_norm_student=[0.5, 0.2, 0.3])
    write_rows(folder / "metrics.jsonl", metrics)
    for baseline in result["baselines"]:
        path = folder / "baselines" / baseline["method"] / "metrics.jsonl"
        write_rows(path, [{"round": 0}, {"round": 300, "distillation_loss": 0.5}])
    images = rng.integers(0, 256, (sum(counts), size, size, channels), np.uint8)
    grids.save_grid(folder / "samples" / "ood.png", images[:64])
    if game:
        named = np.repeat(np.arange(classes), counts)
        by_class = grids.by_class(grids.thumbnails(images), named.__eq__, counts)
        grids.save_grid(folder / "samples" / "by_class.png", by_class, grids.A_CLASS)
    if labelled:
        labels = rng.integers(0, classes, 500)
        student = np.where(rng.uniform(size=500) < 0.9, labels, rng.integers(0, classes, 500))
        named = {"labels": labels, "teacher": labels, "student": student}
        predictions = {name: numbers.tolist() for name, numbers in named.items()}
        predictions["label_names"] = list(label_names)
        files.write_json(folder / "test_predictions.json", predictions)
    machine = {"system": "Linux", "processor": "AMD EPYC", "cores": 2, "gpus": []}
    versions = {"machine": machine, "python": "3.11.7", "packages": {"keras": "3.15.1"}}
    files.write_json(folder / "versions.json", versions)
    files.write_text(folder / "flags.cfg", "--seed=3\n--rounds=300\n")
    files.write_json(folder / "result.json", result)


def write_rows(path, rows):
    """Writes a metrics.jsonl."""
    files.write_text(path, "".join(json.dumps(row) + "\n" for row in rows))
