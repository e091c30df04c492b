"""Growth of a round with the batch, the image size and the number of classes."""

import dataclasses
import pathlib
import subprocess
import sys
import tempfile

from mosaickd_tf.config import assignment
from mosaickd_tf.errors import RunError
from mosaickd_tf.report import growth_page
from mosaickd_tf.utils import files

SWEEPS = {
    "batch_size": (16, 64, 128, 256),
    "image_size": (32, 64, 128),
    "num_classes": (10, 100, 1000),
}
_NOT_OF_A_POINT = ("growth", "json", "against_pytorch", "latency")


def measure_growth(config, folder):
    """Measures each point in a subprocess and writes `growth.json` and `growth.html`.

    A point varies one option of the config.

    Args:
        config: a `BenchmarkConfig`.
        folder: folder of both files.

    Returns:
        The path of the page.

    Raises:
        RunError: when the measurement of a point fails.
    """
    folder = pathlib.Path(folder)
    sweeps = {
        name: [_point(dataclasses.replace(config, **{name: value})) for value in values]
        for name, values in SWEEPS.items()
    }
    files.write_json(folder / "growth.json", sweeps)
    page = folder / "growth.html"
    files.write_text(page, growth_page.page(sweeps))
    return page


def _point(config):
    flags = [
        f"--{assignment(field.name, getattr(config, field.name))}"
        for field in dataclasses.fields(config)
        if field.name not in _NOT_OF_A_POINT
    ]
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "point.json"
        command = [sys.executable, "-P", "-m", "mosaickd_tf.cli.benchmark", f"--json={path}"]
        run = subprocess.run([*command, *flags], capture_output=True, text=True)
        if run.returncode:
            reason = run.stderr.strip().splitlines() or [f"exit code {run.returncode}"]
            raise RunError(
                f"A point could not be measured: {' '.join(flags)}. Its error: {reason[-1]}"
            )
        return files.read_json(path)
