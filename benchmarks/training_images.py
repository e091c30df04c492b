r"""How good .tflite files are on training images, on which settings may be chosen.

    bin/python -m benchmarks.training_images --target_dataset=tfds:cifar100 \
        runs/mosaic/export/student_float32.tflite runs/small/student_qat_int8.tflite

A student of a run without a validation part has seen no image of the target data, so those of the
training part are as new to it as those of the test part, which are not to be chosen by. They are
drawn once, by a seed. The first file is what the others are compared with.
"""

import argparse
import pathlib

import numpy as np

from mosaickd_tf import evaluation
from mosaickd_tf.config import DataConfig
from mosaickd_tf.data import loading
from mosaickd_tf.report.table import columns, percent

SEED = 5


def drawn(train, count):
    """So many images of an `ImageSet` and their labels, without repetition."""
    rows = np.random.default_rng(SEED).permutation(len(train))[:count]
    return train.images[rows], train.labels[rows]


def measure(paths, images, labels):
    """Each file's accuracy, and how often it names the class that the first one names.

    Args:
        paths: of .tflite files.
        images: uint8 `(n, height, width, channels)`.
        labels: integers `(n,)`.

    Returns:
        A list of `(accuracy, agreement)`, both in [0, 1].
    """
    named = [np.argmax(evaluation.open_model(path).predict(images), axis=-1) for path in paths]
    return [(np.mean(classes == labels), np.mean(classes == named[0])) for classes in named]


def main():
    """Prints a line for each file."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("files", nargs="+", type=pathlib.Path)
    parser.add_argument("--target_dataset", required=True)
    parser.add_argument("--data_dir", default="")
    parser.add_argument("--image_size", type=int, default=32)
    parser.add_argument("--channels", type=int, default=3)
    parser.add_argument("--count", type=int, default=6000)
    asked = parser.parse_args()
    data = DataConfig(
        target_dataset=asked.target_dataset,
        data_dir=asked.data_dir,
        image_size=asked.image_size,
        channels=asked.channels,
        validation_fraction=0.0,
    )
    images, labels = drawn(loading.load_target(data).train, asked.count)
    rows = [("file", "accuracy", "agreement with the first")]
    for path, figures in zip(asked.files, measure(asked.files, images, labels), strict=True):
        rows.append((str(path), *map(percent, figures)))
    print(columns(rows))


if __name__ == "__main__":
    main()
