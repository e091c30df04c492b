"""Measures how long each part of a round of MosaicKD takes.

Each part is compiled and timed alone, with the sizes that it has in the round. The rest of the
round is optimizers, losses, data and waiting.

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
from mosaickd_tf.methods.noise import GENERATOR


def parts(distiller, batch):
    """Returns the parts of a round.

    Args:
        distiller: a compiled `MosaicDistiller`.
        batch: of a round.

    Returns:
        Dict from a name to `(function, times in a round)`; the function takes no arguments.
    """
    ood_images, updates = batch["patch_images"], batch["transfer_images"].shape[1]
    batch_size = ood_images.shape[0]
    student_images = tf.concat([ood_images, batch["transfer_images"][:, 0]], axis=0)
    teacher, student = distiller.teacher, distiller.student
    generator, discriminator = distiller.generator, distiller.discriminator

    def synthesize():
        return generator(distiller.noise(batch_size, GENERATOR), training=True)

    def discriminate():
        return losses.patch_discrimination_loss(
            discriminator(ood_images, training=True), discriminator(ood_images, training=True)
        )

    def update(network, forward):
        """Returns a function: forward pass and gradients of a network's weights."""

        def gradients():
            with tf.GradientTape() as tape:
                loss = tf.reduce_sum(forward())
            return tape.gradient(loss, network.trainable_variables)

        return gradients

    def image_gradient(network, training):
        """Returns a function: forward pass and gradient of the images, as the generator needs."""

        def gradient():
            with tf.GradientTape(watch_accessed_variables=False) as tape:
                tape.watch(ood_images)
                loss = tf.reduce_sum(network(ood_images, training=training))
            return tape.gradient(loss, ood_images)

        return gradient

    return {
        "teacher, forward pass": (lambda: teacher(student_images, training=False), updates),
        "student, update": (
            update(student, lambda: student(student_images, training=True)),
            updates,
        ),
        "generator, images": (synthesize, updates),
        "generator, update": (update(generator, synthesize), 1),
        "teacher, gradient of the images": (image_gradient(teacher, False), 1),
        "student, gradient of the images": (image_gradient(student, True), 1),
        "discriminator, update": (update(discriminator, discriminate), 1),
        "discriminator, gradient of the images": (image_gradient(discriminator, True), 1),
    }


def measure(config):
    """Measures the round and its parts.

    Args:
        config: a `BenchmarkConfig`.

    Returns:
        A list of dicts, first the round: `name`, `times` in a round, `seconds` of all of them,
        the median of `config.rounds`, and their `flop`.
    """
    timer = RoundTimer(config)
    seconds = _median(timer, config)
    distiller, batch = timer.distiller, timer.example
    flop = flops.flop_of(distiller.train_step, batch)
    rows = [{"name": "the round", "times": 1, "seconds": seconds, "flop": flop}]
    for name, (function, times) in parts(distiller, batch).items():
        compiled = tf.function(function, autograph=False, jit_compile=distiller.jit_compile)

        def timed(compiled=compiled):
            start = time.perf_counter()
            for tensor in tf.nest.flatten(compiled()):
                tf.reduce_sum(tensor).numpy()  # waits for the device
            return time.perf_counter() - start

        seconds = times * _median(timed, config)
        flop = times * flops.flop_of(function)
        rows.append({"name": name, "times": times, "seconds": seconds, "flop": flop})
    return rows


def _median(timed, config):
    """Returns the median of the seconds that a function returns, after warming up."""
    for _ in range(1 + config.warmup_rounds):
        timed()
    return statistics.median(timed() for _ in range(config.rounds))


def table(rows):
    """Yields the lines of a Markdown table of the rows; the last is the rest of the round."""
    whole, *parts_of_it = rows
    rest = {
        "name": "all else: optimizers, losses, data, waiting",
        "times": 1,
        "seconds": whole["seconds"] - _sum(parts_of_it, "seconds"),
        "flop": whole["flop"] - _sum(parts_of_it, "flop"),
    }
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
    """Measures a round with the options of the command line and prints the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--batch_size", type=int, default=BenchmarkConfig.batch_size)
    parser.add_argument("--rounds", type=int, default=BenchmarkConfig.rounds)
    for name in ("teacher", "student", "precision"):
        parser.add_argument(f"--{name}", default=getattr(BenchmarkConfig, name))
    for line in table(measure(BenchmarkConfig(**vars(parser.parse_args())))):
        print(line)


if __name__ == "__main__":
    main()
