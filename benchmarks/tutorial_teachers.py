"""Trains teachers as tutorials build them, on folders of images.

    bin/python -m benchmarks.tutorial_teachers flowers --images=images --output=runs/flowers

copies the images of class folders to runs/flowers/train and held_out, every fifth to the
latter, trains on the first, and writes teacher.keras and labels.txt beside them. It prints the
accuracy on both parts. `cats_and_dogs` is the network of Keras's "Image classification from
scratch", one sigmoid unit behind residual blocks; `flowers` that of TensorFlow's "Image
classification", with `Rescaling` and augmentation inside; `mobilenet_v2` that of
keras.applications, on pixels in [-1, 1], with softmax.
"""

import argparse
import os
import pathlib
import shutil

os.environ.setdefault("KERAS_BACKEND", "tensorflow")

import keras
import numpy as np
import tensorflow as tf
from keras import layers

HELD_OUT = 5  # every fifth image
_BATCH_SIZE = 64
_SUFFIXES = (".png", ".jpg", ".jpeg")


def split(folder, classes, output):
    """Copies the images of classes to `train` and `held_out`, each in a folder of its class.

    Args:
        folder: of folders named as the classes, with images at any depth.
        classes: their names; all folders if empty.
        output: folder of the two parts.

    Returns:
        The names of the classes, sorted.

    Raises:
        SystemExit: for a class without images.
    """
    folder, output = pathlib.Path(folder), pathlib.Path(output)
    classes = sorted(classes or (path.name for path in folder.iterdir() if path.is_dir()))
    for name in classes:
        paths = sorted(x for x in (folder / name).rglob("*") if x.suffix.lower() in _SUFFIXES)
        if not paths:
            raise SystemExit(f"No images of {name!r} in {folder}. Expected a folder of that name")
        for number, path in enumerate(paths):
            part = output / ("train" if number % HELD_OUT else "held_out") / name
            part.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, part / path.name)
    return classes


def load(folder, classes, side):
    """Returns the images of a part, float32 in [0, 255] `(n, side, side, 3)`, and their labels."""
    data = keras.utils.image_dataset_from_directory(
        folder, class_names=classes, image_size=(side, side), shuffle=False, verbose=False
    )
    images, labels = zip(*data.as_numpy_iterator(), strict=True)
    return np.concatenate(images), np.concatenate(labels)


def augmentation():
    """Returns layers that flip and shift images of a batch, outside of the teacher."""
    return keras.Sequential(
        [layers.RandomFlip("horizontal"), layers.RandomTranslation(0.1, 0.1, fill_mode="reflect")]
    )


def cats_and_dogs(side, num_classes):
    """Builds the network of the tutorial with residual blocks of separable convolutions.

    Its widths are a half of the tutorial's or less, and the first convolution keeps the side, for
    images of 32 pixels.
    """
    inputs = keras.Input((side, side, 3))
    x = layers.Rescaling(1 / 255)(inputs)
    x = layers.Conv2D(64, 3, padding="same")(x)
    x = previous = layers.Activation("relu")(layers.BatchNormalization()(x))
    for width in (128, 256, 364):
        for _ in range(2):
            x = layers.Activation("relu")(x)
            x = layers.SeparableConv2D(width, 3, padding="same")(x)
            x = layers.BatchNormalization()(x)
        x = layers.MaxPooling2D(3, strides=2, padding="same")(x)
        residual = layers.Conv2D(width, 1, strides=2, padding="same")(previous)
        x = previous = layers.add([x, residual])
    x = layers.GlobalAveragePooling2D()(x)
    x = layers.Dropout(0.25)(x)
    if num_classes == 2:
        return keras.Model(inputs, layers.Dense(1, activation="sigmoid")(x))
    return keras.Model(inputs, layers.Dense(num_classes, activation="softmax")(x))


def flowers(side, num_classes):
    """Builds the network of the tutorial, with `Rescaling` and augmentation inside; logits."""
    return keras.Sequential(
        [
            keras.Input((side, side, 3)),
            layers.RandomFlip("horizontal"),
            layers.RandomRotation(0.05),
            layers.RandomZoom(0.1),
            layers.Rescaling(1 / 255),
            layers.Conv2D(32, 3, padding="same", activation="relu"),
            layers.MaxPooling2D(),
            layers.Conv2D(64, 3, padding="same", activation="relu"),
            layers.MaxPooling2D(),
            layers.Conv2D(128, 3, padding="same", activation="relu"),
            layers.MaxPooling2D(),
            layers.Dropout(0.2),
            layers.Flatten(),
            layers.Dense(128, activation="relu"),
            layers.Dense(num_classes),
        ]
    )


def mobilenet_v2(side, num_classes):
    """Builds the narrowest MobileNetV2 of keras.applications, which ends in softmax."""
    return keras.applications.MobileNetV2(
        input_shape=(side, side, 3), alpha=0.35, weights=None, classes=num_classes
    )


# Network, side of its images, range of its pixels as a scale and an offset of [0, 255], epochs.
NETWORKS = {
    "cats_and_dogs": (cats_and_dogs, 32, (1, 0), 30),
    "flowers": (flowers, 32, (1, 0), 30),
    "mobilenet_v2": (mobilenet_v2, 96, (1 / 127.5, -1), 60),
}


def loss_of(model):
    """Returns the loss for a model's head, and its accuracy metric."""
    activation = getattr(model.layers[-1], "activation", None)
    if model.output_shape[-1] == 1:
        return keras.losses.BinaryCrossentropy(), keras.metrics.BinaryAccuracy("accuracy")
    from_logits = activation is not keras.activations.softmax
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=from_logits)
    return loss, keras.metrics.SparseCategoricalAccuracy("accuracy")


def train(name, folder, classes, epochs=0, seed=0):
    """Trains a network on the parts that `split` has written.

    Args:
        name: one of `NETWORKS`.
        folder: that of the two parts.
        classes: their names in the order of the labels.
        epochs: passes over the images; those of `NETWORKS` if 0.
        seed: of weights, order and augmentation.

    Returns:
        The model, and a dict of its accuracy on each part.
    """
    build, side, (scale, offset), usual_epochs = NETWORKS[name]
    epochs = epochs or usual_epochs
    keras.utils.set_random_seed(seed)
    parts = {part: load(folder / part, classes, side) for part in ("train", "held_out")}
    model, augment = build(side, len(classes)), augmentation()
    images, labels = parts["train"]
    steps = -(-len(images) // _BATCH_SIZE)
    rate = keras.optimizers.schedules.CosineDecay(
        0.0, epochs * steps, warmup_target=2e-3, warmup_steps=2 * steps
    )
    loss, accuracy = loss_of(model)
    model.compile(keras.optimizers.Adam(rate), loss, metrics=[accuracy])
    data = tf.data.Dataset.from_tensor_slices((images, labels)).shuffle(len(images), seed=seed)
    data = data.batch(_BATCH_SIZE).map(lambda x, y: (augment(x, training=True) * scale + offset, y))
    model.fit(data, epochs=epochs, shuffle=False, verbose=2)
    return model, {
        part: model.evaluate(x * scale + offset, y, verbose=0, return_dict=True)["accuracy"]
        for part, (x, y) in parts.items()
    }


def main(arguments=None):
    """Trains the teacher of the command line; prints its accuracies and returns them."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("network", choices=NETWORKS)
    parser.add_argument("--images", required=True, help="folder of class folders")
    parser.add_argument("--classes", default="", help="names of class folders; all if left out")
    parser.add_argument("--output", required=True, type=pathlib.Path)
    parser.add_argument("--epochs", type=int, default=0, help="0 for those of the network")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args(arguments)
    names = [name for name in options.classes.split(",") if name]
    classes = split(options.images, names, options.output)
    model, accuracies = train(
        options.network, options.output, classes, options.epochs, options.seed
    )
    model.save(options.output / "teacher.keras")
    (options.output / "labels.txt").write_text("".join(f"{name}\n" for name in classes))
    print(", ".join(f"{part} {accuracy:.1%}" for part, accuracy in accuracies.items()))
    return accuracies


if __name__ == "__main__":
    main()
