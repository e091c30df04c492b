"""Two whole rounds equal those of an independent PyTorch implementation, update by update."""

import numpy as np
import pytest
import tensorflow as tf

from mosaickd_tf.methods.mosaic import MosaicConfig, MosaicDistiller
from mosaickd_tf.models import (
    build_classifier,
    build_generator,
    build_patch_discriminator,
    training_copy,
)
from mosaickd_tf.training.optimizers import CosineOverRounds, MomentumSGD, gan_adam
from tests import parity, tiny

TOLERANCE = 1e-4


TERMS = [term.name for term in MosaicDistiller.method.terms]


class Recorded(MosaicDistiller):
    """The method itself, with noise out of NumPy and a list of every term's values."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.noise = self.noise_of_the_problem
        self.history_of_terms = {}

    def noise_of_the_problem(self, batch_size, purpose):
        noise = parity.noise(int(self.rounds_completed), purpose)
        assert batch_size == len(noise)
        return tf.constant(noise, tf.float32)

    def record(self, name, value):
        self.history_of_terms.setdefault(name, []).append(float(value))
        return super().record(name, value)


def filled(network, model):
    """Returns a copy of a network with the weights of the problem, fused as in training."""
    for layer in model.layers:
        for weight in layer.weights:
            weight.assign(parity.weight(network, layer.name, weight.name, tuple(weight.shape)))
    return training_copy(model)


def networks():
    side = parity.IMAGE_SIZE
    statistics = {"mean": list(parity.MEAN), "std": list(parity.STD)}
    shape = {"num_classes": parity.NUM_CLASSES, "input_shape": (side, side, 3)}
    teacher, student = (
        build_classifier(f"wrn{depth}_1", **shape, **statistics)
        for depth in (parity.TEACHER_DEPTH, parity.STUDENT_DEPTH)
    )
    generator = build_generator(
        image_size=side, noise_dim=parity.NOISE_DIM, base_filters=parity.GENERATOR_FILTERS
    )
    discriminator = build_patch_discriminator(
        image_size=side, patch_size=10, base_filters=parity.DISCRIMINATOR_FILTERS, **statistics
    )
    built = {
        "teacher": teacher,
        "student": student,
        "generator": generator,
        "discriminator": discriminator,
    }
    return {name: filled(name, model) for name, model in built.items()}


@pytest.fixture(scope="module")
def ours():
    """Results of the rounds with this package, by the names of the reference."""
    tiny.seed_weights(0)
    distiller = Recorded(
        **networks(),
        config=MosaicConfig(**{f"{k}_weight": v for k, v in parity.LOSS_WEIGHTS.items()}),
        temperature=parity.TEMPERATURE,
    )
    clock = parity.SCHEDULED_ROUNDS
    student_rate = CosineOverRounds(parity.STUDENT_RATE, clock, parity.STUDENT_STEPS)
    distiller.compile(
        student_optimizer=MomentumSGD(student_rate, momentum=parity.MOMENTUM, l2=parity.DECAY),
        generator_optimizer=gan_adam(CosineOverRounds(parity.GAN_RATE, clock)),
        discriminator_optimizer=gan_adam(CosineOverRounds(parity.GAN_RATE, clock)),
    )
    for round_number in range(parity.ROUNDS):
        distiller.train_step(
            {
                "patch_images": tf.constant(parity.patch_images(round_number), tf.float32),
                "transfer_images": tf.constant(parity.transfer_images(round_number), tf.float32),
            }
        )
    images = tf.constant(parity.patch_images(0), tf.float32)
    logits = distiller.student(images, training=False).numpy()
    history = distiller.history_of_terms.items()
    return {name: np.array(values) for name, values in history} | {"student_logits": logits}


@pytest.fixture(scope="module")
def golden():
    with np.load(parity.GOLDEN) as stored:
        return dict(stored)


@pytest.fixture(scope="module")
def torch_s():
    pytest.importorskip("torch")
    from tests import reference_torch

    return reference_torch.run_rounds()


NAMES = [*TERMS, "student_logits"]


@pytest.mark.parametrize("name", NAMES)
def test_every_update_of_two_rounds_equals_the_stored_one_of_pytorch(ours, golden, name):
    np.testing.assert_allclose(ours[name], golden[name], rtol=TOLERANCE, atol=TOLERANCE)


@pytest.mark.parametrize("name", NAMES)
def test_every_update_of_two_rounds_equals_pytorch_s(ours, torch_s, name):
    np.testing.assert_allclose(ours[name], torch_s[name], rtol=TOLERANCE, atol=TOLERANCE)


@pytest.mark.parametrize("name", NAMES)
def test_stored_values_are_those_that_pytorch_computes(golden, torch_s, name):
    np.testing.assert_allclose(golden[name], torch_s[name], rtol=1e-7, atol=1e-7)


def test_every_update_is_compared(golden):
    assert set(golden) == set(NAMES)
    updates = {name: parity.ROUNDS for name in TERMS}
    updates["distillation_loss"] *= parity.STUDENT_STEPS
    assert {name: golden[name].size for name in updates} == updates


@pytest.mark.parametrize("resting", ["student", "generator", "discriminator"])
def test_the_comparison_would_notice_a_network_that_does_not_learn(torch_s, resting):
    from tests import reference_torch

    without = reference_torch.run_rounds(resting=(resting,))
    assert max(np.abs(without[name] - torch_s[name]).max() for name in NAMES) > 50 * TOLERANCE


def test_the_stored_numbers_are_small_enough_to_keep():
    assert parity.GOLDEN.stat().st_size < 300_000
