"""How a round grows with the batch, the image and the number of classes."""

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
_OF_THE_WHOLE = ("growth", "json", "against_pytorch", "latency")


def measure_growth(config, folder):
    """Measures each point in a process of its own and writes `growth.json` and `growth.html`.

    What a point does not vary is as the config says.

    Args:
        config: a `BenchmarkConfig`.
        folder: where the numbers go.

    Returns:
        The path of the page.

    Raises:
        RunError: when a point could not be measured.
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
    words = [
        f"--{assignment(field.name, getattr(config, field.name))}"
        for field in dataclasses.fields(config)
        if field.name not in _OF_THE_WHOLE
    ]
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "point.json"
        command = [sys.executable, "-P", "-m", "mosaickd_tf.cli.benchmark", f"--json={path}"]
        run = subprocess.run([*command, *words], capture_output=True, text=True)
        if run.returncode:
            reason = run.stderr.strip().splitlines() or [f"exit code {run.returncode}"]
            raise RunError(
                f"A point could not be measured: {' '.join(words)}. It said: {reason[-1]}"
            )
        return files.read_json(path)
