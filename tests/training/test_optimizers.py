"""The optimizers against torch and against its rule in float64; the schedule by hand."""

import math

import keras
import numpy as np
import pytest
import tensorflow as tf

from mosaickd_tf.training import optimizers
from mosaickd_tf.training.optimizers import CosineOverRounds, MomentumSGD, gan_adam, reset_optimizer

STEPS = 20
MOMENTUM, DECAY, PEAK = 0.9, 5e-3, 0.3


def schedule():
    """Four rounds of five updates."""
    return CosineOverRounds(PEAK, num_rounds=4, updates_per_round=5)


def rate64(step):
    return PEAK * 0.5 * (1.0 + math.cos(math.pi * (step // 5) / 4))


def problem():
    """Two weights to start from and a gradient of each for every step, float64."""
    rng = np.random.RandomState(3)
    shapes = ((4, 3), (5,))
    starts = [rng.standard_normal(shape) for shape in shapes]
    return starts, [[rng.standard_normal(shape) for shape in shapes] for _ in range(STEPS)]


def ours():
    """The weights after each step with `MomentumSGD`."""
    starts, gradients = problem()
    weights = [keras.Variable(start, dtype="float32") for start in starts]
    optimizer = MomentumSGD(schedule(), momentum=MOMENTUM, l2=DECAY)
    optimizer.build(weights)
    path = []
    for step in gradients:
        optimizer.apply([tf.constant(g, tf.float32) for g in step], weights)
        path.append([w.numpy() for w in weights])
    return path


def torch_rule64(momentum=MOMENTUM, decay=DECAY):
    """The formula in the documentation of `torch.optim.SGD`, in float64."""
    weights, gradients = problem()
    buffers, path = [None, None], []
    for step, of_step in enumerate(gradients):
        for i, gradient in enumerate(of_step):
            gradient = gradient + decay * weights[i]
            buffers[i] = gradient if step == 0 else momentum * buffers[i] + gradient
            weights[i] = weights[i] - rate64(step) * buffers[i]
        path.append(list(weights))
    return path


def assert_same_path(received, expected, tolerance=2e-6):
    assert len(received) == len(expected) == STEPS
    for step, (ours_now, theirs_now) in enumerate(zip(received, expected, strict=True)):
        for a, b in zip(ours_now, theirs_now, strict=True):
            np.testing.assert_allclose(
                a, b, rtol=tolerance, atol=tolerance, err_msg=f"at step {step}"
            )


def test_momentum_sgd_follows_torch_s_rule_over_20_steps_of_changing_rate():
    assert_same_path(ours(), torch_rule64())


def test_momentum_sgd_equals_torch_over_20_steps_of_changing_rate():
    torch = pytest.importorskip("torch")
    starts, gradients = problem()
    weights = [torch.nn.Parameter(torch.tensor(start)) for start in starts]
    optimizer = torch.optim.SGD(weights, lr=PEAK, momentum=MOMENTUM, weight_decay=DECAY)
    path = []
    for step, of_step in enumerate(gradients):
        optimizer.param_groups[0]["lr"] = rate64(step)
        for weight, gradient in zip(weights, of_step, strict=True):
            weight.grad = torch.tensor(gradient)
        optimizer.step()
        path.append([weight.detach().numpy().copy() for weight in weights])
    assert_same_path(ours(), path)
    assert_same_path(path, torch_rule64(), tolerance=1e-12)


def test_two_steps_of_momentum_sgd_by_hand():
    # velocity 1 + 0.5·2 = 2, weight 2 - 0.1·2 = 1.8; velocity 0.9·2 + 1 + 0.5·1.8 = 3.7.
    weight = keras.Variable([2.0])
    optimizer = MomentumSGD(0.1, momentum=0.9, l2=0.5)
    optimizer.apply([tf.constant([1.0])], [weight])
    np.testing.assert_allclose(weight.numpy(), [1.8], rtol=1e-6)
    optimizer.apply([tf.constant([1.0])], [weight])
    np.testing.assert_allclose(weight.numpy(), [1.43], rtol=1e-6)


def test_a_rate_of_zero_moves_no_weight_but_the_velocity():
    weight = keras.Variable([2.0])
    optimizer = MomentumSGD(0.0, momentum=0.5, l2=0.5)
    optimizer.apply([tf.constant([1.0])], [weight])
    np.testing.assert_array_equal(weight.numpy(), [2.0])
    np.testing.assert_array_equal(optimizer.velocities[0].numpy(), [2.0])


def test_momentum_sgd_can_be_made_again_from_its_configuration():
    described = keras.optimizers.serialize(MomentumSGD(schedule(), momentum=0.8, l2=1e-3))
    again = keras.optimizers.deserialize(described)
    assert isinstance(again, MomentumSGD)
    assert (again.momentum, again.l2) == (0.8, 1e-3)
    np.testing.assert_allclose(float(again.learning_rate), PEAK, rtol=1e-6)


@pytest.mark.parametrize("arguments", [{"momentum": 1.0}, {"momentum": -0.1}, {"l2": -1e-4}])
def test_momentum_sgd_refuses_what_diverges(arguments):
    with pytest.raises(ValueError, match="Received"):
        MomentumSGD(0.1, **arguments)


@pytest.mark.parametrize(
    ("played", "share"),
    [(0, 1.0), (1, (2 + math.sqrt(2)) / 4), (2, 0.5), (3, (2 - math.sqrt(2)) / 4), (4, 0.0)],
)
def test_cosine_of_four_rounds_by_hand_and_constant_inside_a_round(played, share):
    for update in range(5):
        np.testing.assert_allclose(
            float(schedule()(5 * played + update)), PEAK * share, rtol=1e-5, atol=1e-8
        )


def test_cosine_stays_at_zero_after_the_last_round():
    np.testing.assert_allclose(float(schedule()(1000)), 0.0, atol=1e-8)


def test_players_of_one_clock_have_the_same_rate_in_every_round():
    student, generator = CosineOverRounds(1.0, 7, updates_per_round=5), CosineOverRounds(1.0, 7)
    for played in range(8):
        assert float(student(5 * played + 4)) == float(generator(played))


def test_cosine_takes_a_step_that_is_a_variable_or_a_traced_tensor():
    rate = tf.function(schedule())
    np.testing.assert_allclose(float(rate(tf.constant(10, tf.int64))), PEAK / 2, rtol=1e-6)
    np.testing.assert_allclose(
        float(schedule()(keras.Variable(10, dtype="int32"))), PEAK / 2, rtol=1e-6
    )


def test_cosine_counts_updates_beyond_what_float32_can_hold():
    rate = CosineOverRounds(1.0, num_rounds=1_000_000, updates_per_round=100)
    half = 50_000_000  # float32 would round the update before it up to it
    assert float(rate(half - 1)) == float(rate(half - 100)) > float(rate(half))
    np.testing.assert_allclose(float(rate(half)), 0.5, rtol=1e-6)


def test_cosine_can_be_made_again_from_its_configuration():
    again = CosineOverRounds(**schedule().get_config())
    assert [float(again(s)) for s in range(25)] == [float(schedule()(s)) for s in range(25)]


@pytest.mark.parametrize(
    "arguments",
    [
        {"peak": 0.0, "num_rounds": 1},
        {"peak": 0.1, "num_rounds": 0},
        {"peak": 0.1, "num_rounds": 1, "updates_per_round": 0},
    ],
)
def test_cosine_refuses_a_clock_that_does_not_run(arguments):
    with pytest.raises(ValueError, match="Received"):
        CosineOverRounds(**arguments)


def test_gan_adam_has_the_settings_of_the_published_recipe():
    config = gan_adam().get_config()
    np.testing.assert_allclose(
        [config[name] for name in ("learning_rate", "beta_1", "beta_2", "epsilon")],
        [1e-3, 0.5, 0.999, 1e-8],
    )
    assert not config["amsgrad"] and config["weight_decay"] is None


def test_gan_adam_follows_torch_s_rule_over_20_steps():
    starts, gradients = problem()
    weights = [keras.Variable(start, dtype="float32") for start in starts]
    optimizer = gan_adam(1e-2)
    expected = [start.copy() for start in starts]
    means, squares = ([np.zeros_like(start) for start in starts] for _ in range(2))
    for step, of_step in enumerate(gradients, start=1):
        optimizer.apply([tf.constant(g, tf.float32) for g in of_step], weights)
        for i, gradient in enumerate(of_step):
            means[i] = 0.5 * means[i] + 0.5 * gradient
            squares[i] = 0.999 * squares[i] + 0.001 * gradient**2
            corrected = squares[i] / (1 - 0.999**step)
            expected[i] -= 1e-2 * means[i] / (1 - 0.5**step) / (np.sqrt(corrected) + 1e-8)
    for weight, answer in zip(weights, expected, strict=True):
        np.testing.assert_allclose(weight.numpy(), answer, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("make", [lambda: gan_adam(0.05), lambda: MomentumSGD(schedule())])
def test_an_optimizer_that_starts_anew_moves_as_a_new_one_does(make):
    _, gradients = problem()
    used, new = make(), make()
    weights, expected = (
        [keras.Variable(np.zeros(g.shape), dtype="float32") for g in gradients[0]] for _ in range(2)
    )
    for of_step in gradients:
        used.apply([tf.constant(g, tf.float32) for g in of_step], weights)
    tf.function(lambda: reset_optimizer(used))()
    for weight in weights:
        weight.assign(tf.zeros_like(weight))
    for optimizer, moved in ((used, weights), (new, expected)):
        optimizer.apply([tf.constant(g, tf.float32) for g in gradients[0]], moved)
    for weight, answer in zip(weights, expected, strict=True):
        np.testing.assert_array_equal(weight.numpy(), answer.numpy())


def test_the_peak_of_a_schedule_is_set_and_so_is_a_rate_without_one():
    scheduled, plain = MomentumSGD(CosineOverRounds(0.1, 4)), gan_adam(0.2)
    weight = keras.Variable([1.0])
    for optimizer in (scheduled, plain):
        optimizer.build([weight])
    assert optimizers.has_schedule(scheduled) and not optimizers.has_schedule(plain)
    assert optimizers.peak(scheduled) == 0.1
    assert optimizers.peak(plain) == pytest.approx(0.2)
    for optimizer in (scheduled, plain):
        optimizers.set_peak(optimizer, optimizers.peak(optimizer) / 2)
    scheduled.iterations.assign(2)  # half of the rounds, half of the peak
    assert float(scheduled.learning_rate) == pytest.approx(0.025)
    assert float(plain.learning_rate) == pytest.approx(0.1)
