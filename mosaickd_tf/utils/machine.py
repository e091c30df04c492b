"""Precision, XLA, versions and cores of this machine."""

import importlib.metadata
import os
import pathlib
import platform
import subprocess

import tensorflow as tf

from mosaickd_tf.utils import process

PACKAGES = (
    "mosaickd_tf",
    "tensorflow",
    "keras",
    "tensorflow-datasets",
    "numpy",
    "ai-edge-litert",
    "scikit-learn",
    "pillow",
)


def resolve_precision(precision):
    """Returns the Keras dtype policy for a requested precision.

    Args:
        precision: "float32", "bfloat16", "float16", a dtype policy, or "auto" for the fastest
            of the GPU or, without one, of the processor.
    """
    if precision == "auto":
        precision = _fastest_precision()
    return f"mixed_{precision}" if precision in ("bfloat16", "float16") else precision


def _fastest_precision():
    """Returns the precision in which the GPU, or without one the processor, is fastest."""
    gpus = tf.config.list_physical_devices("GPU")
    if gpus:
        details = tf.config.experimental.get_device_details(gpus[0])
        generation = details.get("compute_capability", (0, 0))[0]
        return "bfloat16" if generation >= 8 else "float16" if generation == 7 else "float32"
    has_bfloat16 = {"amx_bf16", "avx512_bf16"} & set(_processor("flags").split())
    return "bfloat16" if has_bfloat16 else "float32"


def compiles_with_xla(jit_compile):
    """Checks whether to compile with XLA: `True`, `False`, their names, or "auto" for on a GPU."""
    if jit_compile == "auto":
        return bool(tf.config.list_physical_devices("GPU"))
    return jit_compile in (True, "true")


def versions(precision):
    """Returns packages, machine, precision and commit, for the record of a run.

    Args:
        precision: the dtype policy of the run.

    Returns:
        A JSON-able dict.
    """
    return {
        "packages": {name: _version(name) for name in PACKAGES},
        "python": platform.python_version(),
        "machine": {
            "system": platform.platform(),
            "processor": _processor("model name") or platform.processor(),
            "cores": cores(),
            "gpus": [_gpu_name(gpu) for gpu in tf.config.list_physical_devices("GPU")],
        },
        "precision": precision,
        "git_commit": _commit(),
    }


def peak_bytes():
    """Returns the peak memory in bytes: of the first GPU, or without one of this process."""
    if tf.config.list_physical_devices("GPU"):
        return tf.config.experimental.get_memory_info("GPU:0")["peak"]
    return process.peak_bytes()


def cores():
    """Returns the number of cores that this process may use; all where that is unknown."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count()


def _processor(field):
    try:
        lines = pathlib.Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return ""
    return next((line.partition(":")[2].strip() for line in lines if line.startswith(field)), "")


def _gpu_name(gpu):
    return tf.config.experimental.get_device_details(gpu).get("device_name", gpu.name)


def _version(name):
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def _commit():
    """Returns the commit of the source tree, followed by `-dirty` if files differ from it.

    None without a source tree.
    """
    root = pathlib.Path(__file__).resolve().parents[2]
    if not (root / ".git").exists():
        return None
    try:
        described = subprocess.run(
            [
                "git",
                "-C",
                str(root),
                "describe",
                "--always",
                "--dirty",
                "--abbrev=40",
                "--exclude=*",
            ],
            capture_output=True,
            text=True,
            check=True,
        )
    except (OSError, subprocess.CalledProcessError):
        return None
    return described.stdout.strip()
