"""Small distillers of every method, rounds of them, and what an update changes."""

from unittest import mock

import numpy as np
import tensorflow as tf
from keras import Input, Model, layers

from mosaickd_tf.data.streams import rounds
from mosaickd_tf.methods import METHODS
from mosaickd_tf.training.optimizers import MomentumSGD
from tests import tiny
from tests.losses import softmax64

NUM_IMAGES = 9
IMAGES = np.random.RandomState(2).uniform(size=(4, 8, 8, 3)).astype("float32")

# Methods that are tested with networks of layers without names.
PLAIN = ("dafl", "deep_inversion", "dfq", "mosaic", "zskt")
# Arguments without a default, by method.
REQUIRED = {
    "crd": {"num_images": NUM_IMAGES},
    "deep_inversion": {"batch_size": 4},
    "sskd": {"teacher_rounds": 1},
}


def classifier(filters, name, num_outputs=5):
    """Builds a classifier of 8×8 images: two stages of 4×4 maps and a layer called features."""
    inputs = Input((8, 8, 3))
    hidden = layers.Conv2D(filters, 2, strides=2, name="stage1_conv")(inputs)
    hidden = layers.BatchNormalization(name="stage1_norm")(hidden)
    hidden = layers.ReLU(name="stage1_relu")(hidden)
    hidden = layers.Conv2D(filters + 1, 3, padding="same", name="stage2_conv")(hidden)
    hidden = layers.GlobalAveragePooling2D(name="features")(hidden)
    return Model(inputs, layers.Dense(num_outputs, name="logits")(hidden), name=name)


def pair(num_outputs=5):
    """Builds a teacher and a student with stages, as keyword arguments, the same each time."""
    tiny.seed_weights(0)
    return {
        "teacher": classifier(6, "teacher", num_outputs),
        "student": classifier(4, "student", num_outputs),
    }


def networks(name, num_outputs=5, plain=None):
    """Builds the networks of a method, as keyword arguments, the same each time.

    Args:
        name: of the method.
        num_outputs: outputs of the teacher and the student.
        plain: whether no layer has a name that this package knows; of some methods by default.
    """
    tiny.seed_weights(0)
    built = tiny.plain_networks(num_outputs=num_outputs)
    if not (name in PLAIN if plain is None else plain):
        built |= pair(num_outputs)
    wanted = ("teacher", *METHODS[name].method.networks)
    return {role: network for role, network in built.items() if role in wanted}


def build(name, *, networks_=None, jit_compile=False, num_outputs=5, **arguments):
    """Builds and compiles the distiller of a method, the same each time.

    Args:
        name: of the method.
        networks_: dict of its networks; `networks(name)` if left out.
        jit_compile: whether XLA compiles its round.
        num_outputs: outputs of the teacher and the student, without `networks_`.
        **arguments: those of the distiller.
    """
    given = networks_ or networks(name, num_outputs)
    defaults = dict(REQUIRED.get(name, {}))
    if not networks_ and name == "dafl":
        defaults["teacher_layers"] = (given["teacher"].layers[3].name,)  # pooled
    if not networks_ and name == "zskt":
        defaults |= {f"{x}_layers": (given[x].layers[2].name,) for x in ("teacher", "student")}
    distiller = METHODS[name](**given, **(defaults | arguments))
    distiller.compile(student_optimizer=MomentumSGD(0.05), jit_compile=jit_compile)
    return distiller


def batch(number=0, student_steps=2):
    """Returns the images of one round and their indices; the first update has one image twice."""
    index = np.array([[1, 2], [3, 8], [3, 0], [7, 4]], "int32")[:, :student_steps]
    return {**tiny.batch(number, student_steps=student_steps), "index": index}


def run_round(distiller, data=None):
    """Runs one round eagerly; returns its terms."""
    distiller.reset_metrics()
    terms = distiller.train_step(tf.nest.map_structure(tf.constant, data or batch()))
    return {name: float(value) for name, value in terms.items()}


def run_rounds(distiller, count):
    """Runs rounds of one update in one graph; returns the terms of the last."""
    step = tiny.compiled(distiller)
    for _ in range(count):
        distiller.reset_metrics()
        number = int(distiller.rounds_completed)
        terms = step(tf.nest.map_structure(tf.constant, batch(number, student_steps=1)))
    assert step.experimental_get_tracing_count() == 1
    return {name: float(value) for name, value in terms.items()}


def fitted(distiller, count):
    """Runs rounds of one update by `fit`; returns the terms of each."""
    first = {name: array[:, :1] for name, array in batch().items() if name != "patch_images"}
    data = tf.data.Dataset.from_tensors(first).repeat()
    return distiller.fit(data, steps_per_epoch=1, epochs=count, shuffle=False, verbose=0).history


def changed(distiller, act):
    """Returns what differs in a bit after `act`: pairs of a network's name and a part of it.

    Parts are its "weights", its "statistics" (moving ones) and its "optimizer".
    """

    def parts():
        found = {}
        for name in ("teacher", *distiller.networks):
            variables = getattr(distiller, name).variables
            found[name, "statistics"] = [v.numpy() for v in variables if "moving" in v.path]
            found[name, "weights"] = [v.numpy() for v in variables if "moving" not in v.path]
            optimizer = getattr(distiller, f"{name}_optimizer", None)
            if optimizer:
                found[name, "optimizer"] = [v.numpy() for v in optimizer.variables]
        return found

    before = parts()
    act()
    after = parts()
    return {part for part in before if not tiny.same_bits(before[part], after[part])}


def all_of(*names):
    """Returns every part of networks that have weights, moving statistics and an optimizer."""
    return {(name, part) for name in names for part in ("weights", "statistics", "optimizer")}


def trained(distiller, act):
    """Returns the names of the networks whose weights `act` changes."""
    return {name for name, part in changed(distiller, act) if part == "weights"}


def minimized(distiller, act):
    """Returns the loss that `act` minimizes for each network, by name, and applies no update."""
    found = {}

    def note(tape, loss, network):
        found[network] = float(loss)

    with mock.patch.object(distiller, "apply_gradients", note):
        act()
    return found


def recorded(distiller):
    """Returns the mean of each term since the last reset."""
    return {name: float(mean.result()) for name, mean in distiller.term_means.items()}


def state(distiller):
    """Returns what a checkpoint holds, as arrays."""
    owners = tf.nest.flatten(distiller.state())
    return [
        variable.numpy()
        for owner in owners
        for variable in (owner.variables if hasattr(owner, "variables") else [owner])
    ]


def resumed(make, folder):
    """Returns the state after four rounds, and after three in another object from a checkpoint.

    Args:
        make: function of a seed of the initial weights that builds a distiller.
        folder: for the checkpoint.
    """
    images = np.random.RandomState(1).randint(0, 256, (NUM_IMAGES, 8, 8, 3)).astype("uint8")

    def run(distiller, start, stop, path=None):
        stream = rounds(images, batch_size=4, student_steps=1, start_round=start)
        step = tf.function(distiller.train_step, autograph=False)
        for number, data in enumerate(stream.take(stop - start)):
            step(data)
            if path and not number:
                tf.train.Checkpoint(**distiller.state()).write(path)
        return state(distiller)

    path = str(folder / "state")
    whole = run(make(0), 0, 4, path)
    other = make(1)
    tf.train.Checkpoint(**other.state()).read(path).assert_consumed()
    return whole, run(other, 1, 4)


# References in float64.


def kl64(teacher_logits, student_logits, temperature=1.0):
    """Returns `temperature² · KL` of each row."""
    p = softmax64(np.asarray(teacher_logits, np.float64) / temperature)
    q = softmax64(np.asarray(student_logits, np.float64) / temperature)
    return temperature**2 * (p * np.log(p / q)).sum(axis=-1)


def statistics64(teacher, images):
    """Returns the distance of a plain teacher's first layer from its stored statistics."""
    convolved = teacher.layers[0](images).numpy()
    rows = convolved.astype("float64").reshape(-1, convolved.shape[-1])
    norm = teacher.layers[1]
    return np.linalg.norm(rows.mean(0) - norm.moving_mean.numpy()) + np.linalg.norm(
        rows.var(0) - norm.moving_variance.numpy()
    )
