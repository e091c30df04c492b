"""Noise of a round: normal, a function of seed, round and purpose; synthetic images from it."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from mosaickd_tf.errors import RequestError
from mosaickd_tf.methods.noise import NoiseSource, count, round_seed
from tests import tiny
from tests.methods.harness import build, changed


def source(noise_dim=6, seed=3, rounds=0):
    """Builds a source of noise and the variable that counts its rounds."""
    networks = tiny.plain_networks()
    counted = tf.Variable(rounds, dtype="int64")
    return NoiseSource(
        networks["generator"],
        networks["teacher"],
        seed=seed,
        rounds_completed=counted,
        noise_dim=noise_dim,
    ), counted


def test_noise_is_standard_normal():
    noise = source(noise_dim=500)[0](200, 0).numpy()
    assert noise.shape == (200, 500) and noise.dtype == np.float32
    assert abs(noise.mean()) < 0.01 and abs(noise.std() - 1.0) < 0.01
    # Of a normal distribution 0.27 % lies beyond three deviations.
    assert 0.002 < (np.abs(noise) > 3.0).mean() < 0.0035
    assert len(np.unique(noise)) > 0.95 * noise.size


def test_noise_is_the_same_under_xla():
    noise, _ = source(noise_dim=40)
    compiled = tf.function(lambda: noise(30, 3), jit_compile=True, autograph=False)
    np.testing.assert_allclose(compiled(), noise(30, 3), rtol=1e-4, atol=1e-5)


def test_noise_is_a_function_of_seed_round_and_purpose():
    noise, rounds = source()
    first = noise(4, 0).numpy()
    np.testing.assert_array_equal(first, noise(4, 0))
    np.testing.assert_array_equal(first, source()[0](4, 0))
    assert (first != noise(4, 1).numpy()).any()
    assert (first != source(seed=4)[0](4, 0).numpy()).any()
    rounds.assign(1)
    assert (first != noise(4, 0).numpy()).any()


def test_the_seed_of_a_round_is_the_run_s_and_a_number_of_round_and_purpose():
    assert round_seed(7, tf.constant(2, "int64"), 3).numpy().tolist() == [7, 2003]


@pytest.mark.parametrize("name", ["dafl", "dfq", "mosaic", "zskt"])
def test_images_of_a_distiller_are_a_function_of_seed_round_and_purpose(name):
    def images(distiller, purpose=0):
        return distiller.generator(distiller.noise(4, purpose), training=True).numpy()

    distiller = build(name, seed=3)
    first = images(distiller)
    np.testing.assert_array_equal(first, images(distiller))
    np.testing.assert_array_equal(first, images(build(name, seed=3)))
    assert (first != images(distiller, 1)).any()
    assert (first != images(build(name, seed=4))).any()
    distiller.rounds_completed.assign(1)
    assert (first != images(distiller)).any()


def test_synthetic_images_are_made_with_batch_statistics():
    mosaic = build("mosaic")

    def generate():
        return mosaic.generator(mosaic.noise(4, 0), training=True)

    images = generate()
    assert images.shape == (4, 8, 8, 3) and images.dtype == "float32"
    # Before the sigmoid each value has mean 0 over the batch, whatever the weights.
    logits = np.log(images / (1.0 - images.numpy()))
    np.testing.assert_allclose(logits.mean(axis=0), 0.0, atol=1e-4)
    assert changed(mosaic, generate) == {("generator", "statistics")}


def test_samples_are_of_inference_mode_and_the_same_whatever_the_round():
    noise, rounds = source()
    first = noise.samples(3)
    assert first.shape == (3, *tiny.IMAGE_SHAPE)
    rounds.assign(5)
    np.testing.assert_array_equal(first, noise.samples(3))
    np.testing.assert_allclose(first[:2], noise.samples(2), rtol=1e-5)  # of no batch


def test_a_generator_of_unknown_input_shape_needs_the_length_of_the_noise():
    networks = tiny.plain_networks()
    unknown = tiny.Subclassed(networks["generator"])
    rounds = tf.Variable(0, dtype="int64")
    with pytest.raises(RequestError, match="`noise_dim` is needed.*Received: 0"):
        NoiseSource(unknown, networks["teacher"], seed=0, rounds_completed=rounds)
    given = NoiseSource(unknown, networks["teacher"], seed=0, rounds_completed=rounds, noise_dim=6)
    assert given(2, 0).shape == (2, 6)


@pytest.mark.parametrize("shape", [(12, 12, 3), (8, 8, 1)])
def test_a_generator_of_other_images_is_refused(shape):
    size = int(np.prod(shape))
    generator = keras.Sequential(
        [keras.Input((6,)), keras.layers.Dense(size), keras.layers.Reshape(shape)]
    )
    teacher, rounds = tiny.plain_networks()["teacher"], tf.Variable(0, dtype="int64")
    with pytest.raises(RequestError, match=r"\(8, 8, 3\)\. Received: ") as caught:
        NoiseSource(generator, teacher, seed=0, rounds_completed=rounds)
    assert str(shape) in str(caught.value)


def test_the_number_of_images_is_a_python_int_where_the_graph_knows_it():
    assert count(tf.zeros((3, 2))) == 3 and isinstance(count(tf.zeros((3, 2))), int)
    traced = tf.function(
        lambda x: count(x) * 2, input_signature=[tf.TensorSpec((None, 2))], autograph=False
    )
    assert int(traced(tf.zeros((5, 2)))) == 10
