"""ZSKT: the generator against the student, attention in the student's loss, refusals."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from mosaickd_tf import models
from mosaickd_tf.config import DataFreeTerms
from mosaickd_tf.errors import RequestError
from mosaickd_tf.methods import ZsktDistiller
from mosaickd_tf.methods.base import ClassifierOutputs
from mosaickd_tf.methods.features import watched_shapes
from tests import tiny
from tests.methods.test_data_free import distiller

RNG = np.random.RandomState(3)
IMAGES = RNG.uniform(size=(6, *tiny.IMAGE_SHAPE)).astype("float32")


def probs64(logits):
    exponentials = np.exp(np.asarray(logits, "float64"))
    return exponentials / exponentials.sum(axis=-1, keepdims=True)


def divergence64(teacher_logits, student_logits):
    p, q = probs64(teacher_logits), probs64(student_logits)
    return (p * np.log(p / q)).sum(axis=-1).mean()


def attention64(features):
    rows = (features.astype("float64") ** 2).mean(axis=-1).reshape(len(features), -1)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def test_the_generator_s_loss_is_minus_the_divergence_of_the_student_in_training_mode():
    made = distiller("zskt")
    loss = made.generator_loss(IMAGES)
    expected = -divergence64(made.teacher(IMAGES), made.student(IMAGES, training=True))
    np.testing.assert_allclose(loss, expected, rtol=1e-4)


def test_the_student_s_loss_is_the_divergence_and_the_attention_of_all_layers():
    made = distiller("zskt", loss_weights=DataFreeTerms(zskt_attention_weight=30.0))
    logits = RNG.standard_normal((2, 4, 5)).astype("float32")
    maps = [RNG.standard_normal((2, 4, size, size, 3)).astype("float32") for size in (4, 2)]
    teacher, student = (ClassifierOutputs(logits[i], [x[i] for x in maps]) for i in (0, 1))
    attention = sum(((attention64(x[0]) - attention64(x[1])) ** 2).mean() for x in maps)
    expected = divergence64(*logits) + 30.0 * attention
    np.testing.assert_allclose(made.student_loss(teacher, student), expected, rtol=1e-5)


def test_the_attention_changes_what_the_student_learns():
    students = []
    for weight in (0.0, 250.0):
        made = distiller("zskt", loss_weights=DataFreeTerms(zskt_attention_weight=weight))
        made.update_student(tf.constant(IMAGES))
        students.append(tiny.values(made.student))
    assert not tiny.same_bits(*students)


def test_networks_of_ours_are_compared_at_the_end_of_each_stage():
    names = ZsktDistiller.watched_layers(tiny.wide_resnet())
    assert names == ["stage1_block1_add", "stage2_block1_add", "stage3_block1_add"]


def tiny_generator():
    return models.build_generator(image_size=32, channels=3, noise_dim=8, base_filters=4)


def test_networks_of_two_families_are_compared_where_their_maps_are_of_one_size():
    names = ("vgg11_bn", "resnet18")
    teacher, student = (models.build_classifier(name, num_classes=5) for name in names)
    made = ZsktDistiller(teacher=teacher, student=student, generator=tiny_generator())
    sizes = [shape[:2] for shape in watched_shapes(made.teacher_capture)]
    assert sizes == [(32, 32), (16, 16), (8, 8), (4, 4)]
    assert sizes == [shape[:2] for shape in watched_shapes(made.student_capture)]


def test_networks_without_stages_are_refused_unless_attention_is_off():
    with pytest.raises(RequestError, match="zskt_attention_weight=0"):
        ZsktDistiller(**tiny.data_free_players())
    off = DataFreeTerms(zskt_attention_weight=0.0)
    assert ZsktDistiller(**tiny.data_free_players(), loss_weights=off).terms


def test_maps_of_other_sizes_are_refused():
    players = tiny.data_free_players()
    wider = keras.Sequential(
        [
            keras.Input(tiny.IMAGE_SHAPE),
            keras.layers.Conv2D(4, 3),
            keras.layers.GlobalAveragePooling2D(),
            keras.layers.Dense(5),
        ]
    )
    layers = {
        "teacher_layers": (players["teacher"].layers[0].name,),
        "student_layers": (wider.layers[0].name,),
    }
    with pytest.raises(RequestError, match=r"\(3, 3\).*of the teacher, .*\(6, 6\)"):
        ZsktDistiller(**(players | {"student": wider}), **layers)
