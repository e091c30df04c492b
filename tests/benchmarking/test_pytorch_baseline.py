"""The PyTorch baseline: the same work, in turn with ours, and its errors."""

import dataclasses
import importlib.util
import re
import sys

import numpy as np
import pytest

from mosaickd_tf import models
from mosaickd_tf.benchmarking import pytorch_baseline
from mosaickd_tf.config import BenchmarkConfig
from mosaickd_tf.errors import RequestError, RunError

TINY = BenchmarkConfig(
    teacher="wrn10_1",
    student="wrn10_1",
    num_classes=3,
    image_size=16,
    batch_size=2,
    student_steps_per_round=1,
)


def test_the_ratio_is_taken_pair_by_pair():
    other = pytorch_baseline.PyTorchBaseline.__new__(pytorch_baseline.PyTorchBaseline)
    other.name, other.precision, other.lean = "PyTorch", "float32", False
    other.rounds = [{"seconds": 9.0, "peak_bytes": 5}]
    facts = other.facts(ours=[1.0, 2.0, 4.0], theirs=[3.0, 4.0, 20.0])
    assert facts["times_as_fast"] == np.median([3.0, 2.0, 5.0])
    assert facts["seconds_per_round"] == 4.0 and facts["peak_bytes"] == 5


def test_without_pytorch_the_error_names_its_installation(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(RequestError, match="pip install torch"):
        pytorch_baseline.pytorch_baselines(TINY, "float32")


def test_without_the_source_tree_the_baseline_is_refused(monkeypatch, tmp_path):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: name)
    monkeypatch.setattr(pytorch_baseline, "_ROOT", tmp_path)
    with pytest.raises(RequestError, match="source tree"):
        pytorch_baseline.pytorch_baselines(TINY, "float32")


def test_another_method_has_no_baseline():
    with pytest.raises(RequestError, match="`method`=kd"):
        pytorch_baseline.pytorch_baselines(BenchmarkConfig(method="kd"), "float32")


@pytest.mark.parametrize("role", ["teacher", "student"])
@pytest.mark.parametrize("name", ["mobilenet_v2", "own/student.keras"])
def test_a_network_that_is_unavailable_in_pytorch_is_refused(role, name):
    with pytest.raises(RequestError, match=re.escape(f"Received: `{role}`={name}.")):
        pytorch_baseline.pytorch_baselines(dataclasses.replace(TINY, **{role: name}), "float32")


def test_the_supported_networks_are_those_available_in_pytorch():
    pytest.importorskip("torch")
    from tests import reference_classifiers

    for name in ("wrn10_1", *models.classifier_names()[1:], "resnet50", "own/student.keras"):
        if pytorch_baseline._NETWORKS.fullmatch(name):
            reference_classifiers.build(name)
        else:
            with pytest.raises(ValueError, match="Unknown network"):
                reference_classifiers.build(name)


def test_float16_has_no_baseline():
    with pytest.raises(RequestError, match="`precision`=float32 or bfloat16"):
        pytorch_baseline.pytorch_baselines(TINY, "mixed_float16")


def test_a_failed_round_raises_with_its_error(monkeypatch):
    monkeypatch.setattr(pytorch_baseline, "_MODULE", "benchmarks.not_there")
    with pytorch_baseline.PyTorchBaseline(TINY, precision="float32", lean=False) as other:
        with pytest.raises(RunError, match="No module named"):
            other()


LOUD = """
import json, sys
for _ in sys.stdin:
    print("x" * 2**20, file=sys.stderr)
    print(json.dumps({"seconds": 1.0}), flush=True)
"""


def test_output_during_rounds_does_not_block_the_process():
    other = pytorch_baseline.PyTorchBaseline(TINY, precision="float32", lean=False)
    other.command = [sys.executable, "-c", LOUD]
    with other:
        assert [other() for _ in range(2)] == [1.0, 1.0]
    assert other._process.returncode == 0


@pytest.mark.parametrize("gpus, name", [([], "lean"), (["GPU:0"], "lean, compile")])
def test_on_a_gpu_the_lean_round_is_compiled(monkeypatch, gpus, name):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: name)
    monkeypatch.setattr(
        pytorch_baseline.machine.tf.config, "list_physical_devices", lambda kind: gpus
    )
    shipped, best = pytorch_baseline.pytorch_baselines(TINY, "mixed_bfloat16")
    assert shipped.name == "PyTorch, float32, as shipped"
    assert best.name == f"PyTorch, mixed_bfloat16, {name}"
    assert "--lean" in best.command and ("--compile" in best.command) == bool(gpus)
    assert not {"--lean", "--compile"} & set(shipped.command)


@pytest.mark.slow
@pytest.mark.parametrize("precision, lean", [("float32", False), ("mixed_bfloat16", True)])
def test_pytorch_runs_a_round_at_each_call(precision, lean):
    pytest.importorskip("torch")
    with pytorch_baseline.PyTorchBaseline(TINY, precision=precision, lean=lean) as other:
        assert all(other() > 0 for _ in range(2))
    assert len(other.rounds) == 2 and other.rounds[-1]["peak_bytes"] > 1e7
    assert other._process.returncode == 0
