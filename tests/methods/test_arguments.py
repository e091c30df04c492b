"""Arguments that a distiller refuses, each in one line that names it."""

import keras
import pytest
from keras import layers

from mosaickd_tf import tasks
from mosaickd_tf.errors import RequestError
from mosaickd_tf.methods import KnowledgeDistiller, MosaicDistiller
from tests import tiny

SHAPE = (8, 8, 3)


def network(*tail, first=(), shape=SHAPE):
    rest = tail or (layers.Dense(4),)
    return keras.Sequential([keras.Input(shape), *first, layers.Flatten(), *rest])


def two_outputs():
    model = network()
    return keras.Model(model.inputs, [model.outputs[0], model.outputs[0]])


def named_output():
    model = network()
    return keras.Model(model.inputs, {"classes": model.outputs[0]})


def frozen():
    model = network()
    model.trainable = False
    return model


NETWORKS = {
    "a name": ("teacher", lambda: "teacher.keras", "'teacher.keras'.*load_teacher_file"),
    "nothing": ("student", lambda: None, "NoneType.*build_classifier"),
    "a class": ("teacher", lambda: keras.Model, "Keras model"),
    "bytes": ("teacher", lambda: network(first=[layers.Rescaling(1 / 255)]), "by 0.003922"),
    "signed bytes": (
        "student",
        lambda: network(first=[layers.Rescaling(1 / 127.5, -1)]),
        r"\[0, 255\].*by 0.007843",
    ),
    "two outputs": ("teacher", two_outputs, r"one output.*as_logits\(teacher, index"),
    "a dict": ("student", named_output, "a dict of"),
    "a map": ("teacher", lambda: keras.Sequential([keras.Input(SHAPE), layers.Conv2D(4, 3)]), "6"),
    "frozen": ("student", frozen, "cannot learn.*trainable = True"),
    "augmentation": (
        "student",
        lambda: network(first=[layers.RandomFlip(name="flip")]),
        r"Received: flip. .*models.without_augmentation\(student\)",
    ),
    "other classes": ("student", lambda: network(layers.Dense(5)), "same output shape"),
}


@pytest.mark.parametrize("case", NETWORKS)
def test_a_network_that_does_not_fit_is_refused_by_name(case):
    name, made, said = NETWORKS[case]
    pair = {"teacher": network(), "student": network()} | {name: made()}
    with pytest.raises(RequestError, match=said) as caught:
        KnowledgeDistiller(**pair)
    assert name in str(caught.value) and len(str(caught.value).splitlines()) == 1


def test_a_student_that_is_its_teacher_is_refused():
    model = network()
    with pytest.raises(RequestError, match="`student` must have weights of its own"):
        KnowledgeDistiller(teacher=model, student=model)


def test_bytes_inside_a_teacher_of_unit_images_are_taken():
    inside = [layers.Rescaling(255.0), layers.Rescaling(1 / 127.5, -1)]
    KnowledgeDistiller(teacher=network(first=inside), student=network())


def test_an_augmenting_teacher_is_taken():
    KnowledgeDistiller(teacher=network(first=[layers.RandomFlip()]), student=network())


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"temperature": "2"}, "`temperature` must be positive.*'2'"),
        ({"temperature": float("nan")}, "`temperature`.*nan"),
        ({"temperature": float("inf")}, "`temperature`.*inf"),
        ({"seed": -1}, "`seed` must be an integer.*-1"),
        ({"seed": 1.5}, "`seed`.*1.5"),
        ({"task": "single_label"}, "`task` must be a Task.*get_task"),
        ({"task": tasks.SingleLabel}, "`task` must be a Task"),
    ],
)
def test_an_option_outside_its_range_is_refused_by_name(wrong, said):
    with pytest.raises(RequestError, match=said):
        KnowledgeDistiller(teacher=network(), student=network(), **wrong)


@pytest.mark.parametrize(
    ("name", "made", "said"),
    [
        ("generator", lambda: "generator.keras", "`generator` must be a network"),
        ("discriminator", lambda: None, "`discriminator` must be a network"),
        ("config", lambda: {"local_weight": 1}, "`config`.*MosaicConfig.*dict"),
        (
            "generator",
            lambda: network(
                layers.Dense(192, activation="tanh"), layers.Reshape(SHAPE), shape=(6,)
            ),
            r"`generator` must make unit images.*Rescaling\(0.5, 0.5\)",
        ),
        (
            "discriminator",
            lambda: network(layers.Dense(1, activation="sigmoid")),
            "`discriminator` returns probabilities",
        ),
    ],
)
def test_adversaries_and_options_of_another_kind_are_refused(name, made, said):
    with pytest.raises(RequestError, match=said):
        MosaicDistiller(**(tiny.networks() | {name: made()}))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"optimizer": "adam"}, "`optimizer` is no argument.*student_optimizer"),
        ({"loss": "mse"}, "`loss` is no argument.*own losses"),
        ({"studnet_optimizer": None}, "`studnet_optimizer` is no argument"),
        ({"student_optimizer": "adam"}, "`student_optimizer` must be an optimizer.*'adam'"),
    ],
)
def test_other_arguments_of_compile_are_refused(arguments, said):
    distiller = KnowledgeDistiller(teacher=network(), student=network())
    with pytest.raises(RequestError, match=said):
        distiller.compile(**arguments)


def test_one_optimizer_of_two_networks_is_refused():
    adam = keras.optimizers.Adam()
    with pytest.raises(RequestError, match="`student_optimizer` and `generator_optimizer`"):
        MosaicDistiller(**tiny.networks()).compile(student_optimizer=adam, generator_optimizer=adam)
