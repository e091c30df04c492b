"""The table of tasks, and what every task does alike."""

import inspect

import keras
import numpy as np
import pytest
import tensorflow as tf

from mosaickd_tf.config.data import TASKS as CHOICES
from mosaickd_tf.errors import RequestError
from mosaickd_tf.tasks import TASKS, MultiLabel, SingleLabel, Task, get_task

RNG = np.random.RandomState(5)
LOGITS, OTHER = (3.0 * RNG.standard_normal((40, 6)).astype("float32") for _ in range(2))
LABELS = {"single_label": RNG.randint(0, 6, 40), "multi_label": RNG.randint(0, 2, (40, 6))}

each_task = pytest.mark.parametrize("task", TASKS.values(), ids=TASKS)


def test_the_names_are_those_of_the_flag():
    assert ("auto", *TASKS) == CHOICES
    assert isinstance(get_task("single_label"), SingleLabel)
    assert isinstance(get_task("multi_label"), MultiLabel)
    assert all(task.name == name for name, task in TASKS.items())


def test_an_unknown_task_is_refused_with_the_known_ones():
    with pytest.raises(RequestError, match="Expected one of: single_label, multi_label") as caught:
        get_task("regression")
    assert str(caught.value).endswith("Received: 'regression'")


@each_task
def test_a_task_defines_the_whole_interface(task):
    abstract = {
        name for name in dir(Task) if getattr(getattr(Task, name), "__isabstractmethod__", 0)
    }
    assert abstract and not inspect.isabstract(type(task))
    for name in abstract:
        expected = inspect.signature(getattr(Task, name)).parameters
        assert list(inspect.signature(getattr(type(task), name)).parameters) == list(expected)


@each_task
def test_the_adversarial_loss_is_minus_the_mean_divergence(task):
    divergences = task.divergences(LOGITS, OTHER)
    np.testing.assert_allclose(
        task.adversarial_loss(LOGITS, OTHER), -np.mean(divergences), rtol=1e-5
    )
    loss = task.distillation_loss(LOGITS, OTHER, 2.0)
    np.testing.assert_allclose(loss, np.mean(task.divergences(LOGITS, OTHER, 2.0)), rtol=1e-5)


@each_task
def test_the_entropy_s_mean_is_the_alignment_loss(task):
    entropy = task.entropy(LOGITS)
    assert entropy.shape == (40,) and entropy.dtype == np.float64
    np.testing.assert_allclose(entropy.mean(), task.label_space_alignment_loss(LOGITS), rtol=1e-4)


@each_task
def test_entropies_of_saturated_logits_are_finite(task):
    assert np.isfinite(task.entropy(np.sign(LOGITS) * 1e4)).all()


@each_task
def test_labels_have_the_rank_of_the_predictions(task):
    predictions = task.predictions(LOGITS)
    assert predictions.ndim == task.label_rank == LABELS[task.name].ndim
    assert predictions.shape == LABELS[task.name].shape


@each_task
def test_tensor_array_and_layer_give_the_same_probabilities(task):
    array = task.probabilities(LOGITS)
    assert isinstance(array, np.ndarray) and array.dtype == np.float64
    tensor = task.probabilities(tf.constant(LOGITS))
    assert tf.is_tensor(tensor)
    np.testing.assert_allclose(tensor, array, rtol=1e-5, atol=1e-7)
    layer = task.probability_layer("probabilities")
    assert layer.name == "probabilities"
    np.testing.assert_allclose(layer(LOGITS), array, rtol=1e-5, atol=1e-7)


@each_task
def test_probabilities_of_saturated_logits_are_finite(task):
    for logits in (np.float32([[1e4, -1e4, 0.0]]), np.float16([[6e4, -6e4, 0.0]])):
        probabilities = task.probabilities(logits)
        assert np.isfinite(probabilities).all() and task.looks_like_probabilities(probabilities)


@each_task
def test_probabilities_look_like_probabilities_and_logits_do_not(task):
    assert task.looks_like_probabilities(task.probabilities(LOGITS))
    assert not task.looks_like_probabilities(LOGITS)


@each_task
def test_the_keras_metric_of_logits_is_the_accuracy(task):
    metric = task.accuracy_metric()
    for rows in (slice(0, 25), slice(25, None)):
        metric.update_state(LABELS[task.name][rows], LOGITS[rows])
    assert metric.name == "accuracy"
    expected = task.metrics(LOGITS, LABELS[task.name])["accuracy"]
    assert float(metric.result()) == pytest.approx(expected, rel=1e-6)


@each_task
def test_agreement_is_the_mean_of_that_of_each_image(task):
    of_each = task.agrees(tf.constant(LOGITS), tf.constant(OTHER))
    assert of_each.shape == (40,)
    assert float(np.mean(of_each)) == pytest.approx(task.agreement(LOGITS, OTHER), rel=1e-6)
    assert 0 < task.agreement(LOGITS, OTHER) < 1
    assert task.agreement(LOGITS, LOGITS) == 1.0


@each_task
def test_counts_and_accuracies_of_labels_have_one_number_each(task):
    counts = task.count_labels(task.predictions(LOGITS), 6)
    assert len(counts) == 6 and all(type(count) is int for count in counts)
    assert len(task.per_label_accuracy(LOGITS, LABELS[task.name])) == 6


@each_task
def test_diversity_relative_to_itself_is_1_and_of_equal_predictions_0(task):
    same = np.repeat(LOGITS[:1], 40, axis=0)
    assert task.prediction_diversity(LOGITS, LOGITS) == 1.0
    assert task.prediction_diversity(same, LOGITS) == 0.0
    assert task.prediction_diversity(LOGITS, same) is None


@each_task
def test_a_step_on_the_supervised_loss_raises_the_accuracy(task):
    dense = keras.layers.Dense(6)
    model = keras.Sequential([keras.Input((6,)), dense])
    dense.set_weights([np.eye(6, dtype="float32") * 0.01, np.zeros(6, "float32")])
    model.compile(
        keras.optimizers.SGD(5.0), task.supervised_loss(), metrics=[task.accuracy_metric()]
    )
    labels = task.predictions(OTHER)
    history = model.fit(OTHER, labels, batch_size=40, epochs=30, verbose=0).history
    assert history["loss"][-1] < history["loss"][0]
    assert history["accuracy"][-1] > 0.9
