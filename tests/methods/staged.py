"""Players with stages and features, as small as they can be, and what moves in them."""

import numpy as np
import tensorflow as tf
from keras import Input, Model, layers

from mosaickd_tf.data.streams import rounds
from mosaickd_tf.methods import METHODS
from mosaickd_tf.methods.base import ClassifierOutputs
from mosaickd_tf.training.optimizers import MomentumSGD
from tests import tiny

NUM_IMAGES = 9
IMAGES = np.random.RandomState(2).uniform(size=(4, 8, 8, 3)).astype("float32")


def classifier(filters, name, num_classes=5):
    """A classifier of 8×8 images with two stages of 4×4 maps and a layer called features."""
    inputs = Input((8, 8, 3))
    hidden = layers.Conv2D(filters, 2, strides=2, name="stage1_conv")(inputs)
    hidden = layers.BatchNormalization(name="stage1_norm")(hidden)
    hidden = layers.ReLU(name="stage1_relu")(hidden)
    hidden = layers.Conv2D(filters + 1, 3, padding="same", name="stage2_conv")(hidden)
    hidden = layers.GlobalAveragePooling2D(name="features")(hidden)
    return Model(inputs, layers.Dense(num_classes, name="logits")(hidden), name=name)


def pair():
    """Teacher and student as keyword arguments, the same each time."""
    tiny.seed_weights(0)
    return {"teacher": classifier(6, "teacher"), "student": classifier(4, "student")}


def distiller(name, *, jit_compile=False, players=None, **arguments):
    """A compiled distiller of a method, the same each time."""
    players = players or pair()
    made = METHODS[name](**players, num_images=NUM_IMAGES, **arguments)
    made.compile(student_optimizer=MomentumSGD(0.05), jit_compile=jit_compile)
    return made


def batch():
    """A round of two updates; the first batch has one image twice."""
    index = np.array([[1, 2], [3, 8], [3, 0], [7, 4]], "int32")
    return {**tiny.batch(), "index": index}


def seen(made, images=IMAGES):
    """What teacher and student have seen in the images, the student in training."""
    return (
        ClassifierOutputs(*made.teacher_capture(images, training=False)),
        ClassifierOutputs(*made.student_capture(images, training=True)),
    )


def what_moves(made, act):
    """Names of the players, optimizers and the teacher that differ after `act` in a bit."""
    names = ["teacher", *made.players]

    def parts():
        values = {name: tiny.values(getattr(made, name)) for name in names}
        optimizers = [f"{name}_optimizer" for name in made.players]
        for name in optimizers:
            if hasattr(made, name):
                values[name] = [v.numpy() for v in getattr(made, name).variables]
        return values

    before = parts()
    act()
    after = parts()
    return {name for name in before if not tiny.same_bits(before[name], after[name])}


def play(made, data=None):
    """The terms of one round."""
    made.reset_metrics()
    terms = made.train_step(tf.nest.map_structure(tf.constant, data or batch()))
    return {name: float(value) for name, value in terms.items()}


def fitted(made, count):
    """The terms of each of so many rounds of one update, compiled as the distiller says."""
    first = {name: array[:, :1] for name, array in batch().items() if name != "patch_images"}
    data = tf.data.Dataset.from_tensors(first).repeat()
    return made.fit(data, steps_per_epoch=1, epochs=count, shuffle=False, verbose=0).history


def state(made):
    """All that a checkpoint holds, as arrays."""
    owners = tf.nest.flatten(made.state())
    return [
        variable.numpy()
        for owner in owners
        for variable in (owner.variables if hasattr(owner, "variables") else [owner])
    ]


def resumed(make, folder):
    """State after three rounds on end, and after two in another object from a checkpoint.

    Args:
        make: makes a distiller; takes the seed of its weights.
        folder: where the checkpoint may lie.
    """
    images = np.random.RandomState(1).randint(0, 256, (NUM_IMAGES, 8, 8, 3)).astype("uint8")

    def play_on(made, start, stop, path=None):
        stream = rounds(images, batch_size=4, student_steps=1, start_round=start)
        play_round = tf.function(made.train_step, autograph=False)
        for number, data in enumerate(stream.take(stop - start)):
            play_round(data)
            if path and not number:
                tf.train.Checkpoint(**made.state()).write(path)
        return state(made)

    path = str(folder / "state")
    whole = play_on(make(0), 0, 3, path)
    other = make(1)
    tf.train.Checkpoint(**other.state()).read(path).assert_consumed()
    return whole, play_on(other, 1, 3)


def softmax64(logits):
    """Probabilities in float64."""
    exponentials = np.exp(np.asarray(logits, np.float64))
    return exponentials / exponentials.sum(axis=-1, keepdims=True)


def kl64(teacher_logits, student_logits, temperature=1.0):
    """`temperature² · KL` of each row in float64."""
    p = softmax64(np.asarray(teacher_logits, np.float64) / temperature)
    q = softmax64(np.asarray(student_logits, np.float64) / temperature)
    return temperature**2 * (p * np.log(p / q)).sum(axis=-1)
