"""What calibration with other images gives: int8 files of finished runs, on their test parts.

    bin/python -m benchmarks.calibration runs/quickstart runs/quickstart1 runs/quickstart2

Images of the run's generator (three draws), OOD images, both, and as a control uniform noise and
one gray: how often the file names the class that the float student names, and how often the right
one.
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


def images_of(kind, count, supplies):
    """The `Calibration` of a kind, or a control that no export offers."""
    shape = (count, *supplies.test.images.shape[1:])
    controls = {
        "noise": np.random.default_rng(0).integers(0, 256, shape, np.uint8),
        "gray": np.full(shape, 128, np.uint8),
    }
    if kind in controls:
        return export.Calibration(images=controls[kind], counts={kind: count})
    if kind in DRAWS:
        draw = DRAWS.index(kind)
        images = supplies.synthesize((draw + 1) * count)[draw * count :]
        return export.Calibration(images=images, counts={kind: count})
    synthetic = supplies.synthesize(count)
    return calibration.gather(kind, count, synthetic=synthetic, ood=supplies.ood.images)


def measure(run, count):
    """The entry of `export_student` for each kind, by its name."""
    source = ExportSourceConfig(workdir=str(run))
    student, supplies = sources.gather(pathlib.Path(run) / "export" / "student.keras", source)
    config = ExportConfig(exports=("tflite_int8",), min_agreement=0.0)
    found = {}
    for kind in KINDS:
        with tempfile.TemporaryDirectory() as folder:
            (found[kind],) = export.export_student(
                student,
                folder,
                config,
                supplies.test.images,
                labels=supplies.test.labels,
                calibration=images_of(kind, count, supplies),
            )
    return found


def main():
    """Prints the means over the runs, and each run's agreement."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("runs", nargs="+", help="folders of finished runs with a generator")
    parser.add_argument("--count", type=int, default=ExportConfig().calibration_images)
    asked = parser.parse_args()
    found = [measure(run, asked.count) for run in asked.runs]
    rows = [("calibrated with", "accuracy", "agreement", "of each run", "worst difference")]
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
