"""Time of a method's rounds on random images with random weights."""

import contextlib
import dataclasses
import statistics
import time

import numpy as np
import tensorflow as tf

from mosaickd_tf import models
from mosaickd_tf.benchmarking import flops
from mosaickd_tf.benchmarking.latency import latencies
from mosaickd_tf.benchmarking.pytorch_baseline import pytorch_baselines
from mosaickd_tf.config import (
    DataConfig,
    DistillConfig,
    MethodConfig,
    NetworksConfig,
    OptimizationConfig,
    RunConfig,
)
from mosaickd_tf.config.distillation import PAPER_ROUNDS
from mosaickd_tf.data import streams
from mosaickd_tf.pipeline.build import build_distiller, build_networks
from mosaickd_tf.utils import machine, process

_NUM_IMAGES = 2048  # random OOD images, so that every update gets other ones


class RoundTimer:
    """Distiller that is built once and runs one call of `steps_per_execution` rounds at a time.

    Args:
        config: a `BenchmarkConfig`.

    Attributes:
        precision: name of the dtype policy.
        distiller: the compiled distiller.
        example: a batch of a round.
    """

    def __init__(self, config):
        self.precision = machine.resolve_precision(config.precision)
        shape = (config.image_size, config.image_size, config.channels)
        teacher = models.build_classifier(
            config.teacher, num_classes=config.num_classes, input_shape=shape
        )
        images = np.random.RandomState(0).randint(0, 256, (_NUM_IMAGES, *shape), np.uint8)
        run = _as_run(config)
        networks = build_networks(run, teacher, num_images=len(images))
        self.distiller = build_distiller(networks, teacher, self.precision)
        stream = streams.rounds(
            images,
            batch_size=self.distiller.transfer_factor * config.batch_size,
            student_steps=config.student_steps_per_round,
        )
        self.example = next(iter(stream))
        self._batches = iter(stream)
        self.distiller.make_train_function()

    def __call__(self):
        """Runs a call; returns the seconds per round."""
        start = time.perf_counter()
        terms = self.distiller.train_function(self._batches)
        for value in terms.values():
            float(value)  # waits for the device
        return (time.perf_counter() - start) / self.distiller.steps_per_execution


def measure_round(config):
    """Measures rounds in this process, which should be a fresh one.

    Args:
        config: a `BenchmarkConfig`.

    Returns:
        A JSON-able dict: `asked`, the config; `precision` and `jit_compile` as resolved;
        `seconds_per_round`, the median, and `seconds` of a round in each call;
        `images_per_second`, OOD images for the discriminator as in result.json; `peak_bytes` of
        this process, or of the GPU; `first_round_seconds` from the start of this process;
        `flop_per_round`, `flop_per_second`, `peak_flop_per_second` of plain operations here and
        the share of the better one; `pytorch`, the facts of the baselines; `exports`, those of
        `latencies`; `versions`.

    Raises:
        RequestError: when the config cannot be built.
    """
    baselines = []
    if config.against_pytorch:
        baselines = pytorch_baselines(config, machine.resolve_precision(config.precision))
        _grow_gpu_memory()
    timer = RoundTimer(config)
    timer()
    first = process.seconds_since_start()
    with contextlib.ExitStack() as stack:
        for baseline in baselines:
            stack.enter_context(baseline)()  # its first round is not measured, as ours
        for _ in range(config.warmup_rounds):
            for run_round in (timer, *baselines):
                run_round()
        in_turn = [[run_round() for run_round in (timer, *baselines)] for _ in range(config.rounds)]
    seconds, *theirs = (list(column) for column in zip(*in_turn, strict=True))
    peak_bytes = machine.peak_bytes()
    median = statistics.median(seconds)
    flop = flops.flop_of(timer.distiller.train_step, timer.example)
    peaks = flops.peak_flop_per_second(timer.precision)
    return {
        "asked": dataclasses.asdict(config),
        "precision": timer.precision,
        "jit_compile": bool(timer.distiller.jit_compile),
        "seconds_per_round": median,
        "seconds": seconds,
        "images_per_second": config.batch_size / median,
        "peak_bytes": peak_bytes,
        "first_round_seconds": first,
        "flop_per_round": flop,
        "flop_per_second": flop / median,
        "peak_flop_per_second": peaks,
        "share_of_peak": flop / median / max(peaks.values()),
        "pytorch": [
            baseline.facts(seconds, its_seconds)
            for baseline, its_seconds in zip(baselines, theirs, strict=True)
        ],
        "exports": latencies(timer.distiller.student) if config.latency else [],
        "versions": machine.versions(timer.precision),
    }


def _grow_gpu_memory():
    """Makes TensorFlow allocate GPU memory as needed, instead of nearly all at once."""
    for gpu in tf.config.list_physical_devices("GPU"):
        tf.config.experimental.set_memory_growth(gpu, True)


def _as_run(config):
    return DistillConfig(
        method=MethodConfig(method=config.method),
        data=DataConfig(image_size=config.image_size, channels=config.channels),
        networks=NetworksConfig(
            student=config.student, patch_size=models.default_patch_size(config.image_size)
        ),
        optimization=OptimizationConfig(
            rounds=PAPER_ROUNDS,
            batch_size=config.batch_size,
            student_steps_per_round=config.student_steps_per_round,
        ),
        run=RunConfig(
            precision=config.precision,
            jit_compile=config.jit_compile,
            steps_per_execution=config.steps_per_execution,
        ),
    )
