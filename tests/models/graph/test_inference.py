"""Inference copy of a teacher: the same logits and gradients, with nothing left to train."""

import logging
import operator

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers, ops

from mosaickd_tf.models import build_classifier, training_copy
from mosaickd_tf.models.graph import inference
from mosaickd_tf.models.graph.activations import normalizations
from mosaickd_tf.models.graph.inference import inference_copy
from tests import tiny
from tests.compression import shaken

NAMES = ("wrn16_1", "resnet18", "vgg11_bn", "mobilenet_v2", "mobilenet_v3_small")
IMAGES = np.random.RandomState(5).uniform(size=(4, 32, 32, 3)).astype("float32")


def learned(name):
    tiny.seed_weights(0)
    return shaken(build_classifier(name, num_classes=10, input_shape=(32, 32, 3)))


def answers(model, images=IMAGES):
    """Returns logits and the gradient of their entropy with respect to the images."""
    images = tf.constant(images)
    with tf.GradientTape() as tape:
        tape.watch(images)
        logits = tf.cast(model(images, training=False), "float32")
        entropy = -tf.reduce_sum(tf.nn.softmax(logits) * tf.nn.log_softmax(logits))
    return logits.numpy(), tape.gradient(entropy, images).numpy()


def distance(a, b):
    """Returns the root mean square of the difference, relative to that of `b`."""
    return np.sqrt(np.mean(np.square(a - b)) / np.mean(np.square(b)))


@pytest.mark.parametrize("name", NAMES)
def test_logits_and_gradients_are_the_teacher_s(name):
    teacher = training_copy(learned(name))
    copy = inference_copy(teacher)
    assert copy is not teacher
    (logits, gradient), (expected, expected_gradient) = answers(copy), answers(teacher)
    assert distance(logits, expected) < 1e-5
    # A ReLU that lies at 0 may turn, in one of the images.
    *others, worst = sorted(map(distance, gradient, expected_gradient))
    assert max(others) < 1e-5 and worst < 0.05


def test_only_normalizations_before_a_relu_are_left():
    teacher = training_copy(learned("wrn16_1"))
    left = normalizations(inference_copy(teacher))
    # The standardization, and of each of six blocks and the head the one before its first ReLU.
    assert (len(normalizations(teacher)), len(left)) == (13, 8)


def test_nothing_of_it_learns_and_weights_are_kept_as_they_are_used():
    copy = inference_copy(training_copy(learned("wrn16_1"), "mixed_bfloat16"))
    assert copy.trainable_variables == []
    kernels = {v.dtype for v in copy.variables if v.path.endswith("kernel") and len(v.shape) == 4}
    assert kernels == {"bfloat16"}
    assert copy(IMAGES).dtype == "float32"


@pytest.mark.parametrize("name", ["wrn16_1", "resnet18"])
def test_in_low_precision_it_is_about_as_far_from_float32_as_the_teacher(name):
    exact, _ = answers(learned(name))
    teacher = training_copy(learned(name), "mixed_bfloat16")
    copy = inference_copy(teacher)
    assert copy is not teacher
    own, further = (distance(answers(model)[0], exact) for model in (teacher, copy))
    assert 0 < further < 2 * own


def test_a_layer_that_cannot_be_carried_over_leaves_the_teacher_as_it_is():
    odd = keras.Sequential([keras.Input((8, 8, 3)), layers.Flatten(), layers.LeakyReLU()])
    assert inference_copy(odd) is odd


def test_a_subclassed_teacher_is_left_as_it_is():
    class Own(keras.Model):
        def __init__(self):
            super().__init__()
            self.inner = layers.Dense(3)

        def call(self, inputs):
            return self.inner(inputs)

    own = Own()
    own(np.zeros((1, 4), "float32"))
    assert inference_copy(own) is own


def test_a_layer_that_is_not_what_its_name_says_leaves_the_teacher_as_it_is():
    @keras.saving.register_keras_serializable(package="test_inference")
    class ReLU(layers.ReLU):
        def call(self, inputs):
            return super().call(inputs) + 1.0

    other = keras.Sequential([keras.Input((8, 8, 3)), ReLU(), layers.Flatten(), layers.Dense(3)])
    assert inference_copy(other) is other


def test_a_layer_that_keras_cannot_make_again_leaves_the_teacher_as_it_is():
    class ReLU(layers.ReLU):
        """Layer that is not registered."""

    own = keras.Sequential([keras.Input((8, 8, 3)), ReLU(), layers.Flatten(), layers.Dense(3)])
    assert inference_copy(own) is own


def test_a_copy_that_gives_no_numbers_is_not_taken(monkeypatch):
    def broken(nodes):
        nodes[-1].weights = [array * np.nan for array in nodes[-1].weights]
        return nodes

    teacher = tiny.classifier()
    assert inference_copy(teacher) is not teacher
    monkeypatch.setattr(inference, "fold", broken)
    assert inference_copy(teacher) is teacher


def teacher_with(combine):
    """Builds a functional teacher in which an operation combines the maps of two convolutions."""
    tiny.seed_weights(0)
    inputs = keras.Input((8, 8, 3))
    maps = combine(layers.Conv2D(4, 3)(inputs), layers.Conv2D(4, 3)(inputs))
    return keras.Model(inputs, layers.Dense(5)(layers.Flatten()(maps)))


@pytest.mark.parametrize("policy", ["float32", "mixed_bfloat16"])
@pytest.mark.parametrize("combine", [operator.add, operator.mul])
def test_a_sum_and_a_product_of_tensors_are_carried_over(combine, policy):
    teacher = training_copy(teacher_with(combine), policy)
    copy = inference_copy(teacher)
    assert copy is not teacher
    wanted, received = (answers(model, IMAGES[:, :8, :8])[0] for model in (teacher, copy))
    assert distance(received, wanted) < (1e-5 if policy == "float32" else 0.02)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"strides": 2, "padding": "same", "depth_multiplier": 2},
        {"use_bias": False, "dilation_rate": 2},
    ],
)
def test_separable_convolutions_are_carried_over_and_their_normalizations_folded(options):
    tiny.seed_weights(0)
    stack = [layers.SeparableConv2D(4, 3, **options), layers.BatchNormalization(), layers.ReLU()]
    head = [layers.GlobalAveragePooling2D(), layers.Dense(5)]
    teacher = training_copy(shaken(keras.Sequential([keras.Input((8, 8, 3)), *stack, *head])))
    copy = inference_copy(teacher)
    assert copy is not teacher and not normalizations(copy)
    wanted, received = (answers(model, IMAGES[:, :8, :8])[0] for model in (teacher, copy))
    assert distance(received, wanted) < 1e-5


@pytest.mark.parametrize(
    "combine",
    [
        lambda x, y: layers.Add()([x * 0.5, y]),
        lambda x, y: ops.reshape(layers.Add()([x, y]), (-1, 3, 12, 4)),
        lambda x, y: ops.relu(layers.Add()([x, y])),
    ],
)
def test_a_teacher_with_another_operation_is_left_as_it_is_and_the_reason_logged(combine, caplog):
    inference._say_not_optimized.cache_clear()
    teacher = training_copy(teacher_with(combine))
    with caplog.at_level(logging.INFO, "mosaickd_tf"):
        assert inference_copy(teacher) is teacher
    (message,) = caplog.messages
    assert "is not optimized for inference: The layer" in message
    assert "is unsupported" in message and "\n" not in message
