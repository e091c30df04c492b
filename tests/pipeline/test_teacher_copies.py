"""The teacher as a distiller runs it: a copy of the one that was given, which stays as it is."""

import numpy as np
import pytest

from mosaickd_tf.config import DistillConfig, MethodConfig
from mosaickd_tf.config.method import STATISTICS
from mosaickd_tf.methods import METHODS
from mosaickd_tf.methods.statistics import StatisticsConfig
from mosaickd_tf.models.graph.inference import is_inference_copy
from mosaickd_tf.models.normalization import FusedBatchNormalization
from mosaickd_tf.pipeline.build import build_distiller, build_networks
from tests import tiny
from tests.pipeline.small_run import CONFIG

SHAPE = (8, 8, 1)
CAPTURE_FEATURES = {"crd", "dafl", "fitnet", "rkd", "sskd", "zskt"}
IMAGES = np.random.RandomState(0).uniform(size=(4, *SHAPE)).astype("float32")


def config(method, **sections):
    return DistillConfig(
        data=CONFIG.data,
        networks=CONFIG.networks,
        optimization=CONFIG.optimization,
        method=MethodConfig(method=method),
        **sections,
    )


def build(requested, teacher):
    networks = build_networks(requested, teacher, num_images=6)
    return build_distiller(networks, teacher, "float32")


def of_layers(layers, model):
    """Checks whether all layers are of a model."""
    return {id(layer) for layer in layers} <= {id(layer) for layer in model.layers}


@pytest.mark.parametrize("method", METHODS)
def test_a_distiller_runs_an_inference_copy_unless_it_captures_features(method):
    teacher = tiny.classifier(input_shape=SHAPE)
    distiller = build(config(method), teacher)
    assert is_inference_copy(distiller.teacher) is (method not in CAPTURE_FEATURES)
    np.testing.assert_allclose(
        distiller.teacher(IMAGES, training=False), teacher(IMAGES, training=False), atol=1e-5
    )
    assert not distiller.teacher.trainable


@pytest.mark.parametrize("method", METHODS)
def test_the_teacher_is_left_as_it_is(method):
    teacher = tiny.classifier(input_shape=SHAPE)
    before = tiny.values(teacher)
    requested = config(method, methods={"statistics": StatisticsConfig(statistics_weight=1.0)})
    distiller = build(requested, teacher)
    assert distiller.teacher is not teacher
    assert teacher.trainable and all(layer.trainable for layer in teacher.layers)
    assert len(teacher.trainable_variables) > 0
    assert tiny.same_bits(before, tiny.values(teacher))


@pytest.mark.parametrize("method", sorted(CAPTURE_FEATURES))
def test_a_copy_whose_features_are_captured_has_the_same_weights(method):
    teacher = tiny.classifier(input_shape=SHAPE)
    distiller = build(config(method), teacher)
    assert tiny.same_bits(tiny.values(teacher), tiny.values(distiller.teacher))
    capture = getattr(distiller, "teacher_capture", None)
    assert capture is None or of_layers(capture.layers, distiller.teacher)


@pytest.mark.parametrize("method, weight", [("mosaic", 1.0), ("dfq", 0.0), ("deep_inversion", 0.0)])
def test_statistics_are_compared_in_a_training_copy(method, weight):
    teacher = tiny.classifier(input_shape=SHAPE)
    sections = {"statistics": StatisticsConfig(statistics_weight=weight)}
    distiller = build(config(method, methods=sections), teacher)
    norms = distiller.statistics.norms
    assert is_inference_copy(distiller.teacher)
    assert {type(norm) for norm in norms} == {FusedBatchNormalization}
    assert not of_layers(norms, distiller.teacher) and not of_layers(norms, teacher)
    stored = [x for x in teacher.layers if isinstance(x, type(norms[0]).__mro__[1])]
    for norm, of_teacher in zip(norms, stored, strict=True):
        np.testing.assert_array_equal(norm.moving_mean, of_teacher.moving_mean)
    logits, _ = distiller.statistics(IMAGES)
    np.testing.assert_allclose(logits, teacher(IMAGES, training=False), atol=1e-5)


@pytest.mark.parametrize("method", ["dafl", "zskt"])
def test_with_captured_features_one_copy_serves_statistics_too(method):
    sections = {"statistics": StatisticsConfig(statistics_weight=1.0)}
    distiller = build(config(method, methods=sections), tiny.classifier(input_shape=SHAPE))
    assert of_layers(distiller.statistics.norms, distiller.teacher)


def test_methods_without_a_weight_of_statistics_compare_none():
    needing = {name for name, kind in METHODS.items() if STATISTICS in kind.method.needs}
    assert needing == {"dfq", "deep_inversion"}
    assert build(config("mosaic"), tiny.classifier(input_shape=SHAPE)).statistics is None
