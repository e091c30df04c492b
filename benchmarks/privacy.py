"""Measures how near a run's synthetic images are to the training images of its teacher.

Measures the distance of each image of several sets to the nearest training image, as L2 between
unit images and between the teacher's features, the input of its last layer:

- synthetic images, of the run's generator;
- test images, which the teacher was not trained on: the distance of an independent image;
- training images, each to the nearest other one;
- OOD images, from which the student learned.

    bin/python -m benchmarks.privacy --workdir=runs/quickstart
"""

import argparse

import keras
import numpy as np

from mosaickd_tf import evaluation
from mosaickd_tf.data import loading
from mosaickd_tf.synthesis import open_image_source
from mosaickd_tf.workdir.finished import FinishedRun

QUANTILES = (0.0, 0.01, 0.05, 0.25, 0.5, 0.75, 0.95)
_AT_ONCE = 256


def nearest(rows, others, *, itself=False):
    """Returns the distance of each row to the nearest of others.

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
        ranks = squares - 2 * some @ others.T  # without the row's own constant
        if itself:
            ranks[np.arange(len(some)), start + np.arange(len(some))] = np.inf
        found.append(np.linalg.norm(some - others[ranks.argmin(axis=1)], axis=1))
    return np.concatenate(found)


def measure(workdir, count, seed=0):
    """Measures the distances of each set to the training images.

    Args:
        workdir: folder of a finished run with a generator and a target data set.
        count: maximum number of images of each set; all training images are compared with.
        seed: of the noise.

    Returns:
        Dict from "pixels" and "features" to a dict from sets to float64 `(n,)`.
    """
    source = open_image_source(workdir)
    data = FinishedRun(workdir).config.data
    target = loading.load_target(data)
    sets = {"synthetic": np.concatenate(list(source.draw(count, seed)))}
    sets["test"] = target.test.images[:count]
    if data.ood_dataset:
        sets["OOD"] = loading.load_ood(data).images[:count]
    found = {}
    for space, vectors_of in (("pixels", _pixels), ("features", _features(source.teacher))):
        train = vectors_of(target.train.images)
        found[space] = {name: nearest(vectors_of(images), train) for name, images in sets.items()}
        found[space]["training"] = nearest(train[:count], train, itself=True)
    return found


def _pixels(images):
    return images.reshape(len(images), -1).astype("float64") / 255


def _features(teacher):
    model = keras.Model(teacher.input, teacher.layers[-1].input)
    return lambda images: evaluation.predict_logits(model, images).astype("float64")


def table(found):
    """Yields the lines of a Markdown table of the distances, and the share of nearer images."""
    head = ["", "minimum", *(f"{q:.0%}" for q in QUANTILES[1:])]
    for space, sets in found.items():
        yield f"\n{space}: L2 to the nearest training image, by quantile"
        yield "| " + " | ".join(head) + " |"
        yield "|" + "---|" * len(head)
        for name, distances in sets.items():
            cells = [f"{value:.3f}" for value in np.quantile(distances, QUANTILES)]
            yield "| " + " | ".join([f"{name}, {len(distances):,}", *cells]) + " |"
        for name in ("test", "training"):
            nearer = np.mean(sets["synthetic"] < np.quantile(sets[name], 0.05))
            nearest_of_all = np.mean(sets["synthetic"] < sets[name].min())
            yield (
                f"nearer than 5 % of the {name} images: {nearer:.2%} of the synthetic ones; "
                f"than all of them: {nearest_of_all:.2%}"
            )


def main():
    """Measures the run of the command line and prints the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--workdir", required=True)
    parser.add_argument("--count", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    for line in table(measure(options.workdir, options.count, options.seed)):
        print(line)


if __name__ == "__main__":
    main()
