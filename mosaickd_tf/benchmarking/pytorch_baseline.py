"""The same round in PyTorch, in a process of its own, to take turns with."""

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
_NETWORKS = re.compile(r"wrn\d+_\d+|resnet18|resnet34|vgg11_bn")  # that are written in PyTorch
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
    """A PyTorch process that plays a round when it is asked to; entering it starts it.

    Args:
        config: a `BenchmarkConfig`.
        precision: `"float32"` or `"mixed_bfloat16"`.
        lean: whether it keeps channels last and leaves out gradients that no update needs.
        compiled: whether its networks go through `torch.compile`.
    """

    def __init__(self, config, *, precision, lean, compiled=False):
        ways = [*(["lean"] if lean else []), *(["compile"] if compiled else [])]
        self.name = f"PyTorch, {precision}, {', '.join(ways) or 'as shipped'}"
        self.precision, self.lean = precision, lean
        self.rounds = []
        words = [f"--{name}={getattr(config, name)}" for name in _SHARED]
        words += [f"--precision={precision}", *(f"--{way}" for way in ways)]
        self.command = [sys.executable, "-m", _MODULE, *words]

    def __enter__(self):
        # A pipe that nobody reads while rounds are played would fill, and hold the process.
        self._said = tempfile.TemporaryFile("w+")
        self._process = subprocess.Popen(
            self.command,
            cwd=_ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._said,
            text=True,
        )
        return self

    def __exit__(self, *_):
        """Ends the process."""
        self._process.communicate()
        self._said.close()

    def __call__(self):
        """Plays a round; returns the seconds that it took."""
        try:
            self._process.stdin.write("\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            pass  # why, is read below
        answer = self._process.stdout.readline()
        if not answer:
            self._process.communicate()
            self._said.seek(0)
            reason = self._said.read().strip().splitlines() or ["nothing"]
            raise RunError(f"The PyTorch round did not end. It said: {reason[-1]}")
        self.rounds.append(json.loads(answer))
        return self.rounds[-1]["seconds"]

    def facts(self, ours, theirs):
        """What the comparison came to, as a JSON-able dict.

        Args:
            ours: seconds of our rounds.
            theirs: seconds of the rounds that this one played in turn with them.
        """
        ratios = [rival / own for own, rival in zip(ours, theirs, strict=True)]
        return {
            "name": self.name,
            "precision": self.precision,
            "lean": self.lean,
            "seconds_per_round": statistics.median(theirs),
            "seconds": theirs,
            "peak_bytes": self.rounds[-1]["peak_bytes"],
            "times_as_fast": statistics.median(ratios),
        }


def rivals(config, precision):
    """PyTorch as the official script ships, and the best that we know in a precision.

    On a GPU that one is compiled. None is started yet.

    Args:
        config: a `BenchmarkConfig`.
        precision: name of the dtype policy of our own rounds.

    Raises:
        RequestError: where PyTorch or the source tree is not there, or for another method, a
            network or a precision that the PyTorch round does not have.
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
            "`against_pytorch` knows one method. Expected --method=mosaic. Received: "
            f"--method={config.method}. Leave --against_pytorch out"
        )
    for role in ("teacher", "student"):
        if not _NETWORKS.fullmatch(name := getattr(config, role)):
            raise RequestError(
                f"`against_pytorch` does not have this {role}. Expected wrnD_W, resnet18, resnet34 "
                f"or vgg11_bn. Received: --{role}={name}. Name one of them"
            )
    if precision == "mixed_float16":
        raise RequestError(
            "`against_pytorch` does not play in float16. Expected --precision=float32 or "
            f"bfloat16. Received: {precision}. Name one of them"
        )
    if importlib.util.find_spec("torch") is None:
        raise RequestError(
            "`against_pytorch` needs PyTorch. Expected it to be installed: pip install torch, or "
            "bin/python -m pip install torch. Received: none. Install it"
        )
    if not (_ROOT / f"{_MODULE.replace('.', '/')}.py").is_file():
        raise RequestError(
            "`against_pytorch` needs the source tree. Expected benchmarks/ beside the package. "
            "Received: an installed package without. Use a clone"
        )
