"""ZSKT: the generator against the student, attention in the student's loss, refusals."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from mosaickd_tf import models
from mosaickd_tf.errors import RequestError
from mosaickd_tf.methods import ZsktDistiller
from mosaickd_tf.methods.features import feature_shapes
from mosaickd_tf.methods.zskt import ZsktConfig
from tests import tiny
from tests.losses import kl64
from tests.methods.harness import build, minimized, networks, recorded

RNG = np.random.RandomState(3)
IMAGES = RNG.uniform(size=(6, *tiny.IMAGE_SHAPE)).astype("float32")


def attention64(features):
    rows = (np.asarray(features, "float64") ** 2).mean(axis=-1).reshape(len(features), -1)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def test_the_generator_s_loss_is_minus_the_divergence_of_the_student_in_training_mode():
    zskt = build("zskt")
    loss = zskt.generator_loss(IMAGES)
    expected = -kl64(zskt.teacher(IMAGES), zskt.student(IMAGES, training=True))
    np.testing.assert_allclose(loss, expected, rtol=1e-4)


def test_the_student_s_loss_is_the_divergence_and_the_attention_of_all_layers(monkeypatch):
    zskt = build("zskt", config=ZsktConfig(attention_weight=30.0))
    logits = RNG.standard_normal((2, 4, 5)).astype("float32")
    maps = [RNG.standard_normal((2, 4, size, size, 3)).astype("float32") for size in (4, 2)]
    for i, name in enumerate(("teacher_capture", "student_capture")):
        outputs = tf.constant(logits[i]), [tf.constant(x[i]) for x in maps]
        monkeypatch.setattr(zskt, name, lambda images, training, outputs=outputs: outputs)
    loss = minimized(zskt, lambda: zskt.update_student(IMAGES))["student"]
    attention = sum(((attention64(x[0]) - attention64(x[1])) ** 2).mean() for x in maps)
    np.testing.assert_allclose(loss, kl64(*logits) + 30.0 * attention, rtol=1e-5)
    terms = recorded(zskt)
    np.testing.assert_allclose(terms["attention_loss"], attention, rtol=1e-5)
    np.testing.assert_allclose(terms["distillation_loss"], kl64(*logits), rtol=1e-5)


def test_the_attention_changes_what_the_student_learns():
    students = []
    for weight in (0.0, 250.0):
        zskt = build("zskt", config=ZsktConfig(attention_weight=weight))
        zskt.update_student(tf.constant(IMAGES))
        students.append(tiny.values(zskt.student))
    assert not tiny.same_bits(*students)


def tiny_generator():
    return models.build_generator(image_size=32, channels=3, noise_dim=8, base_filters=4)


def test_networks_of_this_package_are_compared_at_the_end_of_each_stage():
    pair = [models.build_classifier("wrn10_1", num_classes=5) for _ in range(2)]
    zskt = ZsktDistiller(teacher=pair[0], student=pair[1], generator=tiny_generator())
    names = ["stage1_block1_add", "stage2_block1_add", "stage3_block1_add"]
    for capture in (zskt.teacher_capture, zskt.student_capture):
        assert [layer.name for layer in capture.layers] == names


def test_networks_of_two_families_are_compared_where_their_maps_are_of_one_size():
    names = ("vgg11_bn", "resnet18")
    teacher, student = (models.build_classifier(name, num_classes=5) for name in names)
    zskt = ZsktDistiller(teacher=teacher, student=student, generator=tiny_generator())
    sizes = [shape[:2] for shape in feature_shapes(zskt.teacher_capture)]
    assert sizes == [(32, 32), (16, 16), (8, 8), (4, 4)]
    assert sizes == [shape[:2] for shape in feature_shapes(zskt.student_capture)]


def test_networks_without_stages_are_refused_unless_attention_is_off():
    with pytest.raises(RequestError, match="`zskt_attention_weight` 0") as caught:
        ZsktDistiller(**networks("zskt"))
    assert len(str(caught.value).splitlines()) == 1
    off = ZsktDistiller(**networks("zskt"), config=ZsktConfig(attention_weight=0.0))
    assert off.teacher_capture.layers == off.student_capture.layers == []


def test_maps_of_other_sizes_are_refused():
    given = networks("zskt")
    wider = keras.Sequential(
        [
            keras.Input(tiny.IMAGE_SHAPE),
            keras.layers.Conv2D(4, 3),
            keras.layers.GlobalAveragePooling2D(),
            keras.layers.Dense(5),
        ]
    )
    layers = {
        "teacher_layers": (given["teacher"].layers[0].name,),
        "student_layers": (wider.layers[0].name,),
    }
    with pytest.raises(RequestError, match=r"\(3, 3\).*of the teacher, .*\(6, 6\)"):
        ZsktDistiller(**(given | {"student": wider}), **layers)
