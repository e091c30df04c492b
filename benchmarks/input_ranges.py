"""Ranges of pixels that are chosen for teachers whose range is known.

Trains small teachers, each on pixels of one range: of gray digits, of crops of two color
photographs and of digits on such crops, as they are, inverted or pale; with batch normalization
after a convolution, after a ReLU, or nowhere. Then lets `decide_pixels` choose by the teacher and
by photographs that it was not trained on, or stop.

    bin/python -m benchmarks.input_ranges

prints a table, in about two minutes on two cores. `MARGIN` in mosaickd_tf/teachers/input_range.py
was set by the rows of the half called "calibration"; the other half was only looked at afterwards.
"""

import os

os.environ.setdefault("KERAS_BACKEND", "tensorflow")

import keras
import numpy as np
from keras import layers
from sklearn.datasets import load_digits, load_sample_images

from benchmarks.pages import markdown_table
from mosaickd_tf.data.images import as_pil_image, random_crops
from mosaickd_tf.errors import RequestError
from mosaickd_tf.teachers.adaptation import CAFFE_MEANS, RANGES
from mosaickd_tf.teachers.inputs import TeacherInput, decide_pixels
from mosaickd_tf.teachers.inspection import photographs

COLUMNS = ("half", "images", "network", "trained on", "chosen", "margin", "top-1")
SIDE = 16
EPOCHS = 8
_COUNT = 1500  # of training images
# Images, network, range. Every second row is of the half for calibration.
TEACHERS = (
    ("digits", "conv-bn", "unit"),
    ("crops", "conv-bn", "unit"),
    ("digits", "relu-bn", "signed"),
    ("crops", "relu-bn", "signed"),
    ("digits", "conv-bn", "bytes"),
    ("crops", "conv-bn", "bytes"),
    ("crops", "conv-bn", "imagenet"),
    ("crops", "relu-bn", "imagenet"),
    ("crops", "conv-bn", "caffe"),
    ("mixed", "conv-bn", "caffe"),
    ("digits", "none", "unit"),
    ("digits", "none", "bytes"),
    ("crops", "none", "signed"),
    ("crops", "none", "unit"),
    ("inverted", "conv-bn", "unit"),
    ("inverted", "conv-bn", "signed"),
    ("pale", "conv-bn", "signed"),
    ("pale", "relu-bn", "unit"),
    ("mixed", "conv-bn", "signed"),
    ("mixed", "relu-bn", "unit"),
    ("mixed", "relu-bn", "bytes"),
    ("mixed", "conv-bn", "imagenet"),
    ("pale", "relu-bn", "imagenet"),
    ("pale", "conv-bn", "bytes"),
)


def labeled_images(kind, seed=0):
    """Returns float32 unit images `(n, SIDE, SIDE, channels)` and their labels.

    Args:
        kind: as in `TEACHERS`.
        seed: of the crops.
    """
    digits = load_digits()
    strokes = keras.ops.image.resize(digits.images[..., None] / 16, (SIDE, SIDE))
    strokes = keras.ops.convert_to_numpy(strokes).astype("float32")[:_COUNT]
    if kind in ("digits", "inverted"):
        return (1 - strokes if kind == "inverted" else strokes), digits.target[:_COUNT]
    rng = np.random.default_rng(seed)
    shape, count = (SIDE, SIDE, 3), _COUNT // 4
    quarters = [
        part
        for photo in load_sample_images().images
        for part in (photo[:, : photo.shape[1] // 2], photo[:, photo.shape[1] // 2 :])
    ]
    crops = [
        random_crops(as_pil_image(part), shape, count=count, smallest=48, largest=160, rng=rng)
        for part in quarters
    ]
    crops = np.concatenate(crops).astype("float32") / 255
    labels = np.repeat(np.arange(4), count)
    if kind == "mixed":
        colors = rng.uniform(0, 1, (len(crops), 1, 1, 3)).astype("float32")
        crops = rng.permutation(crops)
        return crops * (1 - strokes) + colors * strokes, digits.target[: len(crops)]
    return (0.5 + 0.45 * crops if kind == "pale" else crops), labels


def in_range(unit_images, name):
    """Returns unit images in a range of `teacher_input`, by hand."""
    if name == "caffe":
        return unit_images[..., ::-1] * 255 - np.float32(CAFFE_MEANS)
    mean, std = (np.float32(value) for value in RANGES[name])
    return (unit_images - mean) / std


def train(kind, network, name, seed=0):
    """Trains a teacher; returns it with its accuracy on its training images.

    Args:
        kind: of images, as in `TEACHERS`.
        network: "conv-bn", "relu-bn" or "none".
        name: of the range of its pixels.
        seed: of weights and images.
    """
    keras.utils.set_random_seed(seed)
    images, labels = labeled_images(kind, seed)
    hidden = inputs = keras.Input(images.shape[1:])
    for filters in (16, 32):
        steps = [layers.Conv2D(filters, 3, padding="same"), layers.ReLU()]
        if network != "none":
            steps.insert(2 if network == "relu-bn" else 1, layers.BatchNormalization())
        for layer in (*steps, layers.MaxPooling2D()):
            hidden = layer(hidden)
    hidden = layers.Dense(32, activation="relu")(layers.Flatten()(hidden))
    model = keras.Model(inputs, layers.Dense(int(labels.max()) + 1)(hidden))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile("adam", loss, metrics=["accuracy"])
    model.fit(in_range(images, name), labels, epochs=EPOCHS, batch_size=32, verbose=0)
    return model, model.evaluate(in_range(images, name), labels, verbose=0)[1]


def decide(model):
    """Returns what is chosen for a teacher, or "stopped", and the margin or the scores."""
    shape = model.input_shape[1:]
    try:
        taken = decide_pixels(TeacherInput(image_shape=shape), model, photographs(shape))
    except RequestError as error:
        listed = str(error).partition("scores: ")[2].partition(". Choose")[0]
        return "stopped", listed.replace("teacher_input=", "")
    scores = sorted(taken.scores.values(), reverse=True)
    return taken.pixels, f"{scores[0] - scores[1]:.1f}"


def rows():
    """Trains all teachers and yields a row for each, cells as of `COLUMNS`."""
    for number, (kind, network, name) in enumerate(TEACHERS):
        model, accuracy = train(kind, network, name, seed=number)
        half = "report" if number % 2 else "calibration"
        yield half, kind, network, name, *decide(model), f"{accuracy:.1%}"


def main():
    """Prints the table, and how many choices are right, stopped and wrong."""
    found = list(rows())
    print(markdown_table([COLUMNS, *found]))
    for half in ("calibration", "report"):
        pairs = [(row[3], row[4]) for row in found if row[0] == half]
        right = sum(known == chosen for known, chosen in pairs)
        stopped = sum(chosen == "stopped" for _, chosen in pairs)
        print(f"{half}: {right} right, {stopped} stopped, {len(pairs) - right - stopped} wrong")


if __name__ == "__main__":
    main()
