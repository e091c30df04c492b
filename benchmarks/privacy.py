"""How near a run's synthetic images come to what its teacher was trained on.

For each image of several sets the distance to the nearest training image is measured, as L2
between unit images and between the teacher's features, its last layer's input:

- synthetic images, of the run's generator;
- test images, which the teacher never saw and which show how near an honest image comes;
- training images, each to the nearest other one;
- OOD images, from which the student learned.

    bin/python -m benchmarks.privacy --workdir=runs/quickstart
"""

import argparse

import keras
import numpy as np

from mosaickd_tf import evaluation
from mosaickd_tf.config import DataConfig, from_options
from mosaickd_tf.data import loading
from mosaickd_tf.synthesis import open_image_source
from mosaickd_tf.workdir import finished

QUANTILES = (0.0, 0.01, 0.05, 0.25, 0.5, 0.75, 0.95)
_AT_ONCE = 256


def nearest(rows, others, *, itself=False):
    """The distance of each row to the nearest of others.

    Args:
        rows: float64 `(n, size)`.
        others: float64 `(m, size)`.
        itself: whether the rows are the first of the others; then the nearest other one counts.

    Returns:
        Float64 `(n,)`, L2.
    """
    found = []
    squares = (others**2).sum(axis=1)
    for start in range(0, len(rows), _AT_ONCE):
        some = rows[start : start + _AT_ONCE]
        ranks = squares - 2 * some @ others.T  # but for what is the same in a row
        if itself:
            ranks[np.arange(len(some)), start + np.arange(len(some))] = np.inf
        found.append(np.linalg.norm(some - others[ranks.argmin(axis=1)], axis=1))
    return np.concatenate(found)


def measure(workdir, count, seed=0):
    """Distances of each set to the training images.

    Args:
        workdir: the folder of a finished run with a generator and a target data set.
        count: how many images of each set at most; all training images are compared with.
        seed: of the noise.

    Returns:
        Dict from "pixels" and "features" to a dict from sets to float64 `(n,)`.
    """
    supply = open_image_source(workdir)
    data = from_options(DataConfig, finished.read(workdir).result["config"])
    target = loading.load_target(data)
    sets = {"synthetic": np.concatenate(list(supply.draw(count, seed)))}
    sets["test"] = target.test.images[:count]
    if data.ood_dataset:
        sets["OOD"] = loading.load_ood(data).images[:count]
    found = {}
    for space, turn in (("pixels", _pixels), ("features", _features(supply.teacher))):
        train = turn(target.train.images)
        found[space] = {name: nearest(turn(images), train) for name, images in sets.items()}
        found[space]["training"] = nearest(train[:count], train, itself=True)
    return found


def _pixels(images):
    return images.reshape(len(images), -1).astype("float64") / 255


def _features(teacher):
    model = keras.Model(teacher.input, teacher.layers[-1].input)
    return lambda images: evaluation.predict_logits(model, images).astype("float64")


def table(found):
    """The distances as lines of a Markdown table, and how many synthetic images come nearer."""
    heads = ["", "minimum", *(f"{q:.0%}" for q in QUANTILES[1:])]
    for space, sets in found.items():
        yield f"\n{space}: L2 to the nearest training image, by quantile"
        yield "| " + " | ".join(heads) + " |"
        yield "|" + "---|" * len(heads)
        for name, distances in sets.items():
            cells = [f"{value:.3f}" for value in np.quantile(distances, QUANTILES)]
            yield "| " + " | ".join([f"{name}, {len(distances):,}", *cells]) + " |"
        for name in ("test", "training"):
            bound = np.quantile(sets[name], 0.05)
            nearer, honest = (sets["synthetic"] < bound), sets["synthetic"] < sets[name].min()
            yield (
                f"nearer than 5 % of the {name} images: {nearer.mean():.2%} of the synthetic ones; "
                f"than all of them: {honest.mean():.2%}"
            )


def main():
    """Measures the run that the command line names and prints the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--workdir", required=True)
    parser.add_argument("--count", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    for line in table(measure(asked.workdir, asked.count, asked.seed)):
        print(line)


if __name__ == "__main__":
    main()
