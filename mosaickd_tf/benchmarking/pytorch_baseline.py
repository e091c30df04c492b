"""Baseline of the same round in PyTorch, in a subprocess, run in turn with ours."""

import importlib.util
import json
import pathlib
import re
import statistics
import subprocess
import sys
import tempfile

from mosaickd_tf.errors import RequestError, RunError
from mosaickd_tf.utils import machine

_ROOT = pathlib.Path(__file__).resolve().parents[2]
_MODULE = "benchmarks.pytorch_round"
_NETWORKS = re.compile(r"wrn\d+_\d+|resnet18|resnet34|vgg11_bn")  # available in PyTorch
_SHARED = (
    "teacher",
    "student",
    "num_classes",
    "image_size",
    "channels",
    "batch_size",
    "student_steps_per_round",
)


class PyTorchBaseline:
    """PyTorch subprocess that runs a round at each call; a context manager that starts it.

    Args:
        config: a `BenchmarkConfig`.
        precision: `"float32"` or `"mixed_bfloat16"`.
        lean: whether it uses channels last and skips gradients that no update needs.
        compiled: whether its networks are compiled by `torch.compile`.
    """

    def __init__(self, config, *, precision, lean, compiled=False):
        options = [*(["lean"] if lean else []), *(["compile"] if compiled else [])]
        self.name = f"PyTorch, {precision}, {', '.join(options) or 'as shipped'}"
        self.precision, self.lean = precision, lean
        self.rounds = []
        flags = [f"--{name}={getattr(config, name)}" for name in _SHARED]
        flags += [f"--precision={precision}", *(f"--{option}" for option in options)]
        self.command = [sys.executable, "-m", _MODULE, *flags]

    def __enter__(self):
        # A pipe that is not read during the rounds would fill up and block the process.
        self._stderr = tempfile.TemporaryFile("w+")
        self._process = subprocess.Popen(
            self.command,
            cwd=_ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._stderr,
            text=True,
        )
        return self

    def __exit__(self, *_):
        """Ends the process."""
        self._process.communicate()
        self._stderr.close()

    def __call__(self):
        """Runs a round; returns its seconds."""
        try:
            self._process.stdin.write("\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            pass  # the reason is read below
        line = self._process.stdout.readline()
        if not line:
            self._process.communicate()
            self._stderr.seek(0)
            reason = self._stderr.read().strip().splitlines() or ["none"]
            raise RunError(f"The PyTorch round failed. Its error: {reason[-1]}")
        self.rounds.append(json.loads(line))
        return self.rounds[-1]["seconds"]

    def facts(self, ours, theirs):
        """Summarizes the comparison as a JSON-able dict.

        Args:
            ours: seconds of our rounds.
            theirs: seconds of this baseline's rounds, in turn with ours.
        """
        ratios = [their / our for our, their in zip(ours, theirs, strict=True)]
        return {
            "name": self.name,
            "precision": self.precision,
            "lean": self.lean,
            "seconds_per_round": statistics.median(theirs),
            "seconds": theirs,
            "peak_bytes": self.rounds[-1]["peak_bytes"],
            "times_as_fast": statistics.median(ratios),
        }


def pytorch_baselines(config, precision):
    """Builds two baselines: PyTorch as the official script ships, and the fastest known one.

    On a GPU the fastest is compiled. Neither is started yet.

    Args:
        config: a `BenchmarkConfig`.
        precision: name of the dtype policy of our own rounds.

    Returns:
        A list of `PyTorchBaseline`.

    Raises:
        RequestError: without PyTorch or the source tree, or for a method, a network or a
            precision that the PyTorch round does not support.
    """
    _check(config, precision)
    compiled = machine.compiles_with_xla("auto")
    return [
        PyTorchBaseline(config, precision="float32", lean=False),
        PyTorchBaseline(config, precision=precision, lean=True, compiled=compiled),
    ]


def _check(config, precision):
    if config.method != "mosaic":
        raise RequestError(
            "`against_pytorch` supports one method. Expected `method`=mosaic. Received: "
            f"`method`={config.method}. Omit `against_pytorch`"
        )
    for role in ("teacher", "student"):
        if not _NETWORKS.fullmatch(name := getattr(config, role)):
            raise RequestError(
                f"`against_pytorch` does not support this {role}. Expected wrnD_W, resnet18, "
                f"resnet34 or vgg11_bn. Received: `{role}`={name}. Choose one of them"
            )
    if precision == "mixed_float16":
        raise RequestError(
            "`against_pytorch` does not support float16. Expected `precision`=float32 or "
            f"bfloat16. Received: {precision}. Choose one of them"
        )
    if importlib.util.find_spec("torch") is None:
        raise RequestError(
            "`against_pytorch` needs PyTorch. Expected it to be installed: pip install torch, or "
            "bin/python -m pip install torch. Received: none. Install it"
        )
    if not (_ROOT / f"{_MODULE.replace('.', '/')}.py").is_file():
        raise RequestError(
            "`against_pytorch` needs the source tree. Expected benchmarks/ beside the package. "
            "Received: an installed package. Use a clone"
        )
