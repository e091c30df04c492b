"""A finished run whose student knows digits, and its files."""

import keras
import numpy as np

from mosaickd_tf import export
from mosaickd_tf.config import DataConfig
from mosaickd_tf.data import grids, loading
from mosaickd_tf.demo.site import RUNTIME
from mosaickd_tf.utils import files
from tests import report


def digits():
    """Returns the digits of scikit-learn as images of 16×16: training and test split."""
    target = loading.load_target(
        DataConfig(target_dataset="embedded:digits", image_size=16, channels=1)
    )
    return target.train, target.test


def student(train):
    """Builds a linear classifier of unit images, of the nearest mean image of a class."""
    unit = train.images.reshape(len(train), -1) / 255
    means = np.stack([unit[train.labels == number].mean(axis=0) for number in range(10)])
    model = keras.Sequential(
        [keras.Input((16, 16, 1)), keras.layers.Flatten(), keras.layers.Dense(10)], name="linear"
    )
    model.set_weights([means.T, -(means**2).sum(axis=1) / 2])
    return model


def write_run(folder, **about):
    """Writes a run whose grid of synthetic images has test digits, one of each class.

    Returns:
        The digits, uint8 `(10, 16, 16, 1)`, in the order of their classes.
    """
    train, test = digits()
    report.write_run(folder, report.result(**about), metrics=report.rows([1] * 10))
    shown = np.stack([test.images[np.flatnonzero(test.labels == c)[3]] for c in range(10)])
    grid = grids.by_class(shown, np.arange(10).__eq__, [1] * 10)
    grids.save_grid(folder / "samples" / "by_class.png", grid, grids.A_CLASS)
    model = student(train)
    export.save_tflite(model, folder / "export" / "student_float32.tflite")
    export.save_tflite_int8(
        model, folder / "export" / "student_int8.tflite", calibration=train.images[:100]
    )
    return shown


def write_packages(folder):
    """Writes files with the names of LiteRT.js and returns their `node_modules`."""
    for name in RUNTIME:
        files.write_text(folder / "@litertjs" / name, f"// {name}")
    return folder
