"""Parallel runs of bin/distill on the digits, each with the teacher of its seed."""

import concurrent.futures
import os
import pathlib
import subprocess

from mosaickd_tf.training.metrics_log import read_rows
from mosaickd_tf.utils import machine

ROOT = pathlib.Path(__file__).resolve().parents[1]
_FLAGFILES = ("data/digits_from_photos", "pairs/wrn16_1_to_wrn10_1")


def validation_accuracy(folder):
    """Returns the best accuracy of a run on the validation split."""
    rows = read_rows(folder / "metrics.jsonl")
    return max(row["validation_accuracy"] for row in rows if "validation_accuracy" in row)


class ShortRuns:
    """Runs below one folder; finished ones are not repeated.

    Args:
        workdir: that folder, a `pathlib.Path`.
        jobs: number of parallel runs, among which the processor's cores are shared.
        precision: of the students, as of bin/distill; teachers are trained in float32.
    """

    def __init__(self, workdir, jobs, precision="float32"):
        self.workdir = workdir
        self.jobs = jobs
        self.precision = precision
        self.threads = max(1, machine.cores() // jobs)

    def train_teachers(self, seeds):
        """Trains the teachers by name, each in the shortest of runs."""
        self._run(
            (f"teachers/{seed}", "kd", seed, ["--rounds=1", "--precision=float32"])
            for seed in seeds
        )

    def train_students(self, requested):
        """Runs each `(name, method, seed, flags)` with the teacher of its seed.

        Returns:
            Their folders, in order.
        """
        return self._run(
            (name, method, seed, [self._teacher(seed), f"--precision={self.precision}", *flags])
            for name, method, seed, flags in requested
        )

    def _teacher(self, seed):
        return f"--teacher={self.workdir}/teachers/{seed}/teacher/teacher.keras"

    def _run(self, runs):
        with concurrent.futures.ThreadPoolExecutor(self.jobs) as pool:
            return list(pool.map(self._distill, *zip(*runs, strict=True)))

    def _distill(self, name, method, seed, flags):
        """Runs the command unless its folder has a result; returns the folder."""
        folder = self.workdir / name
        if (folder / "result.json").is_file():
            return folder
        folder.mkdir(parents=True, exist_ok=True)
        flagfiles = (*_FLAGFILES, f"methods/{method}")
        words = [
            *(f"--flagfile={ROOT}/configs/{path}.cfg" for path in flagfiles),
            f"--seed={seed}",
            "--exports=keras",
            *flags,
            f"--workdir={folder}",
        ]
        with open(folder.with_suffix(".log"), "w", encoding="utf-8") as log:
            subprocess.run(
                [ROOT / "bin" / "distill", *words],
                env=os.environ | {"TF_NUM_INTRAOP_THREADS": str(self.threads)},
                stdout=log,
                stderr=log,
                check=True,
            )
        print("finished", folder, flush=True)
        return folder
