"""Compares images for the calibration of int8 files of finished runs, on their test splits.

    bin/python -m benchmarks.calibration runs/quickstart runs/quickstart1 runs/quickstart2

Calibrates with images of the run's generator (three draws), OOD images and both, and as a control
with uniform noise and one gray. Prints the accuracy of the files and their agreement with the
float student.
"""

import argparse
import pathlib
import tempfile

import numpy as np

from mosaickd_tf import export
from mosaickd_tf.config import ExportConfig, ExportSourceConfig
from mosaickd_tf.export import calibration, sources
from mosaickd_tf.report.table import columns, percent

DRAWS = ("synthetic", "synthetic, 2nd draw", "synthetic, 3rd draw")
KINDS = (*DRAWS, "ood", "mixed", "noise", "gray")


def images_of(kind, count, images):
    """Returns the `Calibration` of a kind, or of a control that no export offers.

    Args:
        kind: one of `KINDS`.
        count: number of images.
        images: `ExportImages` of the run.
    """
    shape = (count, *images.test.images.shape[1:])
    controls = {
        "noise": np.random.default_rng(0).integers(0, 256, shape, np.uint8),
        "gray": np.full(shape, 128, np.uint8),
    }
    if kind in controls:
        return export.Calibration(images=controls[kind], counts={kind: count})
    if kind in DRAWS:
        draw = DRAWS.index(kind)
        synthetic = images.synthesize((draw + 1) * count)[draw * count :]
        return export.Calibration(images=synthetic, counts={kind: count})
    synthetic = images.synthesize(count)
    return calibration.select_calibration(kind, count, synthetic=synthetic, ood=images.ood.images)


def measure(run, count):
    """Exports a run's student with each kind of images; returns the entries by kind.

    Args:
        run: folder of a finished run with a generator and a test split.
        count: number of images that calibrate.
    """
    source = ExportSourceConfig(workdir=str(run))
    path = pathlib.Path(run) / "export" / "student.keras"
    student, task, images = sources.open_student(path, source)
    config = ExportConfig(exports=("tflite_int8",), min_agreement=0.0)
    found = {}
    for kind in KINDS:
        with tempfile.TemporaryDirectory() as folder:
            (found[kind],) = export.export_student(
                student,
                folder,
                config,
                images.test.images,
                labels=images.test.labels,
                calibration=images_of(kind, count, images),
                task=task,
            )
    return found


def main():
    """Prints the means over the runs, and each run's agreement."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("runs", nargs="+", help="folders of finished runs with a generator")
    parser.add_argument(
        "--count", type=int, default=ExportConfig().calibration_images, help="images that calibrate"
    )
    options = parser.parse_args()
    found = [measure(run, options.count) for run in options.runs]
    rows = [("calibrated with", "accuracy", "agreement", "of each run", "max abs. error")]
    for kind in KINDS:
        entries = [of_run[kind] for of_run in found]
        agreements = [entry["agreement_with_student"] for entry in entries]
        rows.append(
            (
                kind,
                percent(np.mean([entry["accuracy"] for entry in entries])),
                percent(np.mean(agreements)),
                ", ".join(map(percent, agreements)),
                f"{max(entry['max_abs_difference'] for entry in entries):.3f}",
            )
        )
    print(columns(rows))


if __name__ == "__main__":
    main()
