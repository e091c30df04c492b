"""Measured rounds: all their numbers, and that they really train."""

import dataclasses
import time

import pytest

from mosaickd_tf.benchmarking import measure_round, round_time
from mosaickd_tf.config import BenchmarkConfig
from mosaickd_tf.errors import RequestError

pytestmark = pytest.mark.usefixtures("eagerly")

TINY = BenchmarkConfig(
    teacher="wrn10_1",
    student="wrn10_1",
    num_classes=3,
    image_size=8,
    batch_size=2,
    student_steps_per_round=1,
    rounds=3,
    precision="float32",
)


@pytest.fixture(scope="module")
def numbers():
    patch = pytest.MonkeyPatch()
    patch.setattr(round_time.flops, "_PROCESSOR_SIZES", (1, 64))
    yield measure_round(TINY)
    patch.undo()


def test_gpu_memory_is_allocated_as_needed_beside_another_process(monkeypatch):
    growth = {}
    config = round_time.tf.config
    monkeypatch.setattr(config, "list_physical_devices", lambda kind: [f"{kind}:0", f"{kind}:1"])
    monkeypatch.setattr(config.experimental, "set_memory_growth", growth.__setitem__)
    round_time._grow_gpu_memory()
    assert growth == {"GPU:0": True, "GPU:1": True}


def test_the_numbers_are_consistent(numbers):
    assert numbers["precision"] == "float32" and numbers["jit_compile"] is False
    assert len(numbers["seconds"]) == 3
    assert numbers["seconds_per_round"] == sorted(numbers["seconds"])[1] > 0
    assert numbers["images_per_second"] == 2 / numbers["seconds_per_round"]
    assert numbers["flop_per_second"] == pytest.approx(
        numbers["flop_per_round"] / numbers["seconds_per_round"]
    )
    best = max(numbers["peak_flop_per_second"].values())
    assert numbers["share_of_peak"] == numbers["flop_per_second"] / best
    assert numbers["pytorch"] == numbers["exports"] == []
    assert numbers["asked"]["image_size"] == 8
    assert {"machine", "git_commit"} <= set(numbers["versions"])


def test_memory_is_that_of_this_process_at_its_peak(numbers):
    with open("/proc/self/status") as status:
        peak = next(int(line.split()[1]) for line in status if line.startswith("VmHWM"))
    assert 1e7 < numbers["peak_bytes"] <= peak * 1024


def test_a_call_of_several_rounds_returns_the_time_of_one():
    timer = round_time.RoundTimer(dataclasses.replace(TINY, steps_per_execution=2))
    start = time.perf_counter()
    seconds = timer()
    assert 0 < seconds < (time.perf_counter() - start) / 2
    assert int(timer.distiller.rounds_completed) == 2


def test_a_round_trains_the_networks():
    timer = round_time.RoundTimer(TINY)
    before = [v.numpy() for v in timer.distiller.generator.trainable_variables]
    assert timer() > 0
    moved = [
        (v.numpy() != old).any()
        for v, old in zip(timer.distiller.generator.trainable_variables, before, strict=True)
    ]
    assert any(moved) and int(timer.distiller.rounds_completed) == 1


def test_a_round_of_more_updates_has_more_operations():
    def flop(steps):
        timer = round_time.RoundTimer(
            dataclasses.replace(TINY, method="kd", student_steps_per_round=steps)
        )
        return round_time.flops.flop_of(timer.distiller.train_step, timer.example)

    one, two, three = flop(1), flop(2), flop(3)
    assert three - two == two - one > 0


class Baseline:
    """Stub of a PyTorch baseline."""

    def __init__(self):
        self.calls = 0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def __call__(self):
        self.calls += 1
        return float(self.calls)

    def facts(self, ours, theirs):
        return {"seconds": theirs}


def test_the_first_round_of_a_baseline_is_not_measured(monkeypatch):
    monkeypatch.setattr(round_time.flops, "_PROCESSOR_SIZES", (1, 64))
    monkeypatch.setattr(round_time, "pytorch_baselines", lambda config, precision: [Baseline()])
    monkeypatch.setattr(round_time, "_grow_gpu_memory", lambda: None)
    config = dataclasses.replace(TINY, against_pytorch=True, warmup_rounds=0)
    assert measure_round(config)["pytorch"] == [{"seconds": [2.0, 3.0, 4.0]}]


def test_an_unsupported_baseline_is_refused_before_the_first_round(monkeypatch):
    monkeypatch.setattr(round_time, "RoundTimer", lambda config: pytest.fail("a round was built"))
    config = dataclasses.replace(TINY, against_pytorch=True, student="mobilenet_v2")
    with pytest.raises(RequestError, match="`student`=mobilenet_v2"):
        measure_round(config)


def test_unknown_networks_are_refused():
    with pytest.raises(RequestError, match="wrn10_x"):
        measure_round(BenchmarkConfig(teacher="wrn10_x"))
