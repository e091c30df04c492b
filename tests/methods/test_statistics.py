"""Statistics of a teacher's normalisations, at any depth, axis and kind of layer."""

import keras
import numpy as np

from mosaickd_tf.methods.statistics import TeacherStatistics
from mosaickd_tf.models import training_copy
from mosaickd_tf.models.graph.activations import normalizations
from tests import tiny

IMAGES = np.random.RandomState(4).uniform(size=(5, *tiny.IMAGE_SHAPE)).astype("float32")


def expected64(teacher):
    """Each normalisation fed through a model that ends before it."""
    total = 0.0
    for norm in normalizations(teacher):
        rows = keras.Model(teacher.input, norm.input)(IMAGES, training=False).numpy()
        rows = rows.astype("float64").reshape(-1, rows.shape[-1])
        total += np.linalg.norm(rows.mean(0) - norm.moving_mean.numpy())
        total += np.linalg.norm(rows.var(0) - norm.moving_variance.numpy())
    return total


def test_all_layers_count_and_logits_and_features_come_along():
    teacher = tiny.classifier()
    features = teacher.get_layer("features")
    seen = TeacherStatistics(teacher, [features])(IMAGES)
    np.testing.assert_allclose(seen.statistics_loss, expected64(teacher), rtol=1e-4)
    np.testing.assert_allclose(seen.logits, teacher(IMAGES), rtol=1e-5, atol=1e-6)
    assert seen.features[0].shape == (5, features.output.shape[-1])


def test_fused_copies_and_models_inside_of_models_give_the_same():
    teacher = tiny.classifier()
    wrapped = tiny.Subclassed(training_copy(teacher))
    seen = TeacherStatistics(wrapped)(IMAGES)
    np.testing.assert_allclose(seen.statistics_loss, expected64(teacher), rtol=1e-4)


def test_channels_may_lie_on_another_axis():
    teacher = keras.Sequential(
        [
            keras.Input(tiny.IMAGE_SHAPE),
            keras.layers.BatchNormalization(axis=1),
            keras.layers.Flatten(),
            keras.layers.Dense(5),
        ]
    )
    seen = TeacherStatistics(teacher)(IMAGES)
    rows = np.moveaxis(IMAGES, 1, -1).reshape(-1, 8)
    expected = np.linalg.norm(rows.mean(0)) + np.linalg.norm(rows.var(0) - 1.0)
    np.testing.assert_allclose(seen.statistics_loss, expected, rtol=1e-5)


def test_a_batch_of_what_is_remembered_costs_nothing():
    teacher = tiny.plain_players()["teacher"]
    convolved = teacher.layers[0](IMAGES).numpy()
    teacher.layers[1].moving_mean.assign(convolved.mean((0, 1, 2)))
    teacher.layers[1].moving_variance.assign(convolved.var((0, 1, 2)))
    seen = TeacherStatistics(teacher)(IMAGES)
    np.testing.assert_allclose(seen.statistics_loss, 0.0, atol=1e-6)
