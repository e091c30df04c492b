"""Statistics of a teacher's normalizations, at any depth and axis, and the term of them."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from mosaickd_tf.config import DistillConfig
from mosaickd_tf.errors import RequestError
from mosaickd_tf.methods import METHODS
from mosaickd_tf.methods.statistics import StatisticsConfig, StatisticsMatcher, optional_statistics
from mosaickd_tf.models import training_copy
from mosaickd_tf.models.graph.activations import ActivationCapture, normalizations
from mosaickd_tf.models.graph.inference import inference_copy
from tests import tiny
from tests.methods import harness

IMAGES = np.random.RandomState(4).uniform(size=(5, *tiny.IMAGE_SHAPE)).astype("float32")
OPTIONAL = ["dafl", "mosaic", "zskt"]  # methods that take the term beside those of their papers


def expected64(teacher):
    """Feeds each normalization through a model that ends before it."""
    total = 0.0
    for norm in normalizations(teacher):
        rows = keras.Model(teacher.input, norm.input)(IMAGES, training=False).numpy()
        rows = rows.astype("float64").reshape(-1, rows.shape[-1])
        total += np.linalg.norm(rows.mean(0) - norm.moving_mean.numpy())
        total += np.linalg.norm(rows.var(0) - norm.moving_variance.numpy())
    return total


def test_all_layers_count_and_logits_and_features_come_along():
    teacher = tiny.classifier()
    capture = ActivationCapture(teacher, [teacher.get_layer("features")])
    (logits, (features,)), statistics_loss = StatisticsMatcher(teacher, capture)(IMAGES)
    np.testing.assert_allclose(statistics_loss, expected64(teacher), rtol=1e-4)
    np.testing.assert_allclose(logits, teacher(IMAGES), rtol=1e-5, atol=1e-6)
    assert features.shape == (5, teacher.get_layer("features").output.shape[-1])


def test_without_features_the_outputs_are_the_logits():
    teacher = tiny.classifier()
    logits, statistics_loss = StatisticsMatcher(teacher)(IMAGES)
    np.testing.assert_allclose(statistics_loss, expected64(teacher), rtol=1e-4)
    np.testing.assert_allclose(logits, teacher(IMAGES), rtol=1e-5, atol=1e-6)


def test_fused_copies_and_models_inside_of_models_give_the_same():
    teacher = tiny.classifier()
    wrapped = tiny.Subclassed(training_copy(teacher))
    _, statistics_loss = StatisticsMatcher(wrapped)(IMAGES)
    np.testing.assert_allclose(statistics_loss, expected64(teacher), rtol=1e-4)


def test_channels_may_lie_on_another_axis():
    teacher = keras.Sequential(
        [
            keras.Input(tiny.IMAGE_SHAPE),
            keras.layers.BatchNormalization(axis=1),
            keras.layers.Flatten(),
            keras.layers.Dense(5),
        ]
    )
    _, statistics_loss = StatisticsMatcher(teacher)(IMAGES)
    rows = np.moveaxis(IMAGES, 1, -1).reshape(-1, 8)
    expected = np.linalg.norm(rows.mean(0)) + np.linalg.norm(rows.var(0) - 1.0)
    np.testing.assert_allclose(statistics_loss, expected, rtol=1e-5)


def test_the_divergence_of_all_layers_counts_by_choice():
    teacher = tiny.classifier()
    expected = 0.0
    for norm in normalizations(teacher):
        rows = keras.Model(teacher.input, norm.input)(IMAGES, training=False).numpy()
        rows = rows.astype("float64").reshape(-1, rows.shape[-1])
        stored = norm.moving_variance.numpy() + norm.epsilon
        ratio = (rows.var(0) + norm.epsilon) / stored
        shift = (rows.mean(0) - norm.moving_mean.numpy()) ** 2 / stored
        expected += 0.5 * (shift + ratio - 1.0 - np.log(ratio)).mean()
    _, divergence = StatisticsMatcher(teacher, distance="kl")(IMAGES)
    np.testing.assert_allclose(divergence, expected, rtol=1e-4)


def test_a_batch_of_the_stored_statistics_costs_nothing():
    teacher = tiny.plain_networks()["teacher"]
    convolved = teacher.layers[0](IMAGES).numpy()
    teacher.layers[1].moving_mean.assign(convolved.mean((0, 1, 2)))
    teacher.layers[1].moving_variance.assign(convolved.var((0, 1, 2)))
    _, statistics_loss = StatisticsMatcher(teacher)(IMAGES)
    np.testing.assert_allclose(statistics_loss, 0.0, atol=1e-6)


def test_the_teacher_is_frozen_and_in_inference_mode():
    teacher = tiny.classifier()
    before = tiny.values(teacher)
    StatisticsMatcher(teacher)(IMAGES)
    assert teacher.trainable_variables == []
    assert tiny.same_bits(before, tiny.values(teacher))


def test_teachers_without_normalizations_are_refused():
    teacher = keras.Sequential(
        [keras.Input(tiny.IMAGE_SHAPE), keras.layers.Flatten(), keras.layers.Dense(5)]
    )
    with pytest.raises(RequestError, match="BatchNormalization. Received: .* without any"):
        StatisticsMatcher(teacher)
    with pytest.raises(RequestError, match="an inference copy without any") as caught:
        StatisticsMatcher(inference_copy(tiny.classifier()))
    assert len(str(caught.value).splitlines()) == 1


# The term in methods with a generator.


def test_a_weight_of_0_makes_no_matcher_and_no_term():
    kd = harness.build("kd")
    assert optional_statistics(kd, None, 0.0) is None
    assert "statistics_loss" not in kd.term_means


@pytest.mark.parametrize("name", OPTIONAL)
def test_without_a_weight_nothing_is_reported_or_kept_for_it(name):
    distiller = harness.build(name)
    assert tuple(distiller.term_means) == tuple(term.name for term in METHODS[name].method.terms)
    assert distiller.statistics is None


@pytest.mark.parametrize("name", OPTIONAL)
def test_statistics_of_the_teacher_join_the_generator_s_loss(name):
    plain, distiller = (harness.build(name, statistics_weight=weight) for weight in (0.0, 2.0))
    distance = harness.statistics64(distiller.teacher, IMAGES)
    extra = distiller.generator_loss(IMAGES) - plain.generator_loss(IMAGES)
    np.testing.assert_allclose(extra, 2.0 * distance, rtol=1e-4)
    np.testing.assert_allclose(
        distiller.term_means["statistics_loss"].result(), distance, rtol=1e-4
    )


@pytest.mark.parametrize("name", OPTIONAL)
def test_rounds_report_the_term_beside_those_of_the_paper(name):
    distiller = harness.build(name, statistics_weight=0.5)
    terms = harness.run_rounds(distiller, 2)
    declared = {term.name for term in METHODS[name].method.terms}
    assert set(terms) == declared | {"statistics_loss"}
    assert np.isfinite(list(terms.values())).all() and terms["statistics_loss"] > 0
    assert int(distiller.generator_optimizer.iterations) == 2


def test_a_matcher_of_another_copy_of_the_teacher_may_be_given():
    """As in a run, where the teacher itself is an inference copy."""
    networks = tiny.plain_networks()
    teacher = networks["teacher"]
    folded = networks | {"teacher": inference_copy(teacher)}
    distiller, own = (
        harness.build("mosaic", networks_=given, statistics=matcher, statistics_weight=2.0)
        for given, matcher in ((folded, StatisticsMatcher(teacher)), (networks, None))
    )
    loss, expected = distiller.generator_loss(IMAGES), own.generator_loss(IMAGES)
    np.testing.assert_allclose(loss, expected, rtol=1e-2)
    np.testing.assert_allclose(
        distiller.term_means["statistics_loss"].result(),
        harness.statistics64(teacher, IMAGES),
        rtol=1e-4,
    )


def test_a_restored_distiller_continues_as_if_it_had_never_stopped(tmp_path):
    whole, stopped, resumed = (harness.build("mosaic", statistics_weight=0.5) for _ in range(3))
    expected = harness.run_rounds(whole, 4)
    harness.run_rounds(stopped, 3)
    for variable in resumed.generator.variables:  # as if it had been built from another seed
        variable.assign(variable + 1.0)
    path = tf.train.Checkpoint(**stopped.state()).write(tmp_path / "state")
    tf.train.Checkpoint(**resumed.state()).read(path).assert_consumed()
    assert harness.run_rounds(resumed, 1) == pytest.approx(expected, rel=1e-5)
    again, never_stopped = harness.run_rounds(resumed, 1), harness.run_rounds(whole, 1)
    assert again == pytest.approx(never_stopped, rel=1e-5)


@pytest.mark.slow  # XLA takes its time to compile a round
def test_xla_runs_the_rounds_that_plain_graphs_run():
    plain, compiled = (
        harness.run_rounds(harness.build("mosaic", jit_compile=jit, statistics_weight=0.5), 3)
        for jit in (False, True)
    )
    assert compiled == pytest.approx(plain, rel=1e-3, abs=1e-4)


@pytest.mark.parametrize("name", OPTIONAL)
def test_the_config_s_weight_and_distance_reach_the_method(name):
    section = StatisticsConfig(statistics_weight=0.7, statistics_distance="kl")
    arguments = METHODS[name].arguments(DistillConfig(methods={"statistics": section}))
    assert arguments["statistics_weight"] == 0.7
    distiller = harness.build(name, statistics_weight=0.7, statistics_distance="kl")
    assert arguments["statistics_distance"] == distiller.statistics.distance == "kl"
