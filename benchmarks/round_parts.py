"""Where the time of a round of MosaicKD goes.

Each part of it is a compiled function of its own here and is timed alone, with the sizes that it
has in the round; what the whole round takes beyond their sum is optimizers, losses, data and
waiting.

    bin/python -m benchmarks.round_parts --batch_size=64 --precision=auto
"""

import argparse
import statistics
import time

import tensorflow as tf

from mosaickd_tf import losses
from mosaickd_tf.benchmarking import flops
from mosaickd_tf.benchmarking.round_time import RoundTimer
from mosaickd_tf.config import BenchmarkConfig


def parts(distiller, batch):
    """The parts of a round.

    Args:
        distiller: a compiled `MosaicDistiller`.
        batch: of a round.

    Returns:
        Dict from a name to `(function, times in a round)`; the function takes nothing.
    """
    ood, updates = batch["patch_images"], batch["transfer_images"].shape[1]
    batch_size = ood.shape[0]
    both = tf.concat([ood, batch["transfer_images"][:, 0]], axis=0)
    teacher, student = distiller.teacher_capture.model, distiller.student
    generator, judge = distiller.generator, distiller.discriminator

    def moved(network, images):
        """Forward, and gradients of the weights."""

        def update():
            with tf.GradientTape() as tape:
                loss = tf.reduce_sum(network(images, training=True))
            return tape.gradient(loss, network.trainable_variables)

        return update

    def seen(network, training):
        """Forward, and the gradient of the images; what the generator learns from."""

        def look():
            with tf.GradientTape(watch_accessed_variables=False) as tape:
                tape.watch(ood)
                loss = tf.reduce_sum(network(ood, training=training))
            return tape.gradient(loss, ood)

        return look

    def painted():
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(distiller.synthesize(batch_size))
        return tape.gradient(loss, generator.trainable_variables)

    def judged():
        with tf.GradientTape() as tape:
            loss = losses.patch_discrimination_loss(
                judge(ood, training=True), judge(ood, training=True)
            )
        return tape.gradient(loss, judge.trainable_variables)

    return {
        "teacher, answers": (lambda: teacher(both, training=False), updates),
        "student, update": (moved(student, both), updates),
        "generator, images": (lambda: distiller.synthesize(batch_size), updates),
        "generator, update": (painted, 1),
        "teacher, gradient of the images": (seen(teacher, False), 1),
        "student, gradient of the images": (seen(student, True), 1),
        "discriminator, update": (judged, 1),
        "discriminator, gradient of the images": (seen(judge, True), 1),
    }


def measure(config):
    """Times the round and its parts.

    Args:
        config: a `BenchmarkConfig`.

    Returns:
        A list of dicts, first the round: `name`, `times` in a round, `seconds` of all of them,
        the median of `config.rounds`, and their `flop`.
    """
    timer = RoundTimer(config)
    whole = _median(timer, config)
    distiller, batch = timer.distiller, timer.example
    flop = flops.flop_of(distiller.train_step, batch)
    rows = [{"name": "the round", "times": 1, "seconds": whole, "flop": flop}]
    for name, (function, times) in parts(distiller, batch).items():
        compiled = tf.function(function, autograph=False, jit_compile=distiller.jit_compile)

        def play(compiled=compiled):
            began = time.perf_counter()
            for tensor in tf.nest.flatten(compiled()):
                tf.reduce_sum(tensor).numpy()  # waits for the device
            return time.perf_counter() - began

        seconds = times * _median(play, config)
        flop = times * flops.flop_of(function)
        rows.append({"name": name, "times": times, "seconds": seconds, "flop": flop})
    return rows


def _median(play, config):
    for _ in range(1 + config.warmup_rounds):
        play()
    return statistics.median(play() for _ in range(config.rounds))


def table(rows):
    """The rows as lines of a Markdown table, the last what no part accounts for."""
    whole, *others = rows
    rest = {"name": "all else", "times": 1, "flop": whole["flop"] - _sum(others, "flop")}
    rest["seconds"] = whole["seconds"] - _sum(others, "seconds")
    yield "| part | times | seconds | share | GFLOP | GFLOP/s |"
    yield "|---|---|---|---|---|---|"
    for row in (*rows, rest):
        seconds, flop = row["seconds"], row["flop"] / 1e9
        speed = f"{flop / seconds:,.0f}" if flop > 0 and seconds > 0 else "-"
        yield (
            f"| {row['name']} | {row['times']} | {seconds:.3f} | {seconds / whole['seconds']:.0%} "
            f"| {flop:,.1f} | {speed} |"
        )


def _sum(rows, key):
    return sum(row[key] for row in rows)


def main():
    """Measures what the command line asks for and prints the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--batch_size", type=int, default=BenchmarkConfig.batch_size)
    parser.add_argument("--rounds", type=int, default=BenchmarkConfig.rounds)
    for name in ("teacher", "student", "precision"):
        parser.add_argument(f"--{name}", default=getattr(BenchmarkConfig, name))
    for line in table(measure(BenchmarkConfig(**vars(parser.parse_args())))):
        print(line)


if __name__ == "__main__":
    main()
