r"""Measures .tflite files on training images, on which settings may be selected.

    bin/python -m benchmarks.training_images --target_dataset=tfds:cifar100 \
        runs/mosaic/export/student_float32.tflite runs/small/student_qat_int8.tflite

A student of a run without a validation split was trained on no image of the target data: images of
the training split are as new to it as those of the test split, by which nothing may be selected.
They are drawn once, with a fixed seed. The other files are compared with the first.
"""

import argparse
import pathlib

import numpy as np

from mosaickd_tf import evaluation
from mosaickd_tf.config import DataConfig
from mosaickd_tf.data import loading
from mosaickd_tf.report.table import columns, percent

SEED = 5


def draw(train, count):
    """Returns random images of an `ImageSet` and their labels, without repetition."""
    rows = np.random.default_rng(SEED).permutation(len(train))[:count]
    return train.images[rows], train.labels[rows]


def measure(paths, images, labels):
    """Measures the accuracy of each file and its agreement with the first.

    Args:
        paths: of .tflite files.
        images: uint8 `(n, height, width, channels)`.
        labels: integers `(n,)`.

    Returns:
        A list of `(accuracy, agreement)`, both in [0, 1].
    """
    predicted = [np.argmax(evaluation.open_model(path).predict(images), axis=-1) for path in paths]
    return [(np.mean(classes == labels), np.mean(classes == predicted[0])) for classes in predicted]


def main():
    """Prints a line for each file."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("files", nargs="+", type=pathlib.Path)
    parser.add_argument("--target_dataset", required=True)
    parser.add_argument("--data_dir", default="")
    parser.add_argument("--image_size", type=int, default=32)
    parser.add_argument("--channels", type=int, default=3)
    parser.add_argument("--count", type=int, default=6000)
    options = parser.parse_args()
    data = DataConfig(
        target_dataset=options.target_dataset,
        data_dir=options.data_dir,
        image_size=options.image_size,
        channels=options.channels,
        validation_fraction=0.0,
    )
    images, labels = draw(loading.load_target(data).train, options.count)
    rows = [("file", "accuracy", "agreement with the first")]
    for path, figures in zip(options.files, measure(options.files, images, labels), strict=True):
        rows.append((str(path), *map(percent, figures)))
    print(columns(rows))


if __name__ == "__main__":
    main()
