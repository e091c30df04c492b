"""The ring buffer of images: what it keeps and what it returns, in bytes."""

import numpy as np
import pytest
import tensorflow as tf

from mosaickd_tf.errors import RequestError
from mosaickd_tf.methods.image_memory import ImageMemory, optional_memory
from tests import tiny


def shades(*bytes_):
    """Images of one pixel, each of its own shade."""
    return tf.reshape(tf.constant(bytes_, "float32") / 255, (-1, 1, 1, 1))


def shown(images):
    return np.round(np.asarray(images)[:, 0, 0, 0] * 255).astype(int).tolist()


def test_the_oldest_are_replaced_first():
    memory = ImageMemory(4, (1, 1, 1))
    memory.add(shades(1, 2, 3))
    assert shown(memory.latest(5)) == [3, 2, 1, 3, 2] and int(memory.filled) == 3
    memory.add(shades(4, 5, 6))
    assert shown(memory.latest(4)) == [6, 5, 4, 3] and int(memory.filled) == 4


def test_of_more_images_than_it_holds_it_keeps_the_first():
    memory = ImageMemory(2, (1, 1, 1))
    memory.add(shades(7, 8, 9))
    assert sorted(shown(memory.latest(2))) == [7, 8]


def test_images_are_rounded_to_bytes():
    memory = ImageMemory(1, (1, 1, 1))
    memory.add(tf.reshape(tf.constant([0.5019]), (1, 1, 1, 1)))
    assert float(memory.latest(1)[0, 0, 0, 0]) == pytest.approx(128 / 255)


@pytest.mark.parametrize("jit_compile", [False, True])
def test_draws_are_of_kept_images_alone_all_of_them_and_a_function_of_the_seed(jit_compile):
    memory = ImageMemory(8, (1, 1, 1))
    add = tf.function(memory.add, jit_compile=jit_compile, autograph=False)
    draw = tf.function(lambda seed: memory.draw(60, seed), jit_compile=jit_compile, autograph=False)
    add(shades(10, 20, 30))
    first, again, other = (shown(draw(tf.constant([1, x]))[0]) for x in (5, 5, 6))
    assert set(first) == {10, 20, 30}
    assert first == again != other


@pytest.mark.parametrize("jit_compile", [False, True])
def test_images_are_drawn_with_their_own_logits(jit_compile):
    memory = ImageMemory(3, (1, 1, 1), num_outputs=2)
    add = tf.function(memory.add, jit_compile=jit_compile, autograph=False)
    draw = tf.function(lambda seed: memory.draw(30, seed), jit_compile=jit_compile, autograph=False)
    for first in (10, 12):  # the fourth replaces the first
        numbers = tf.constant([first, first + 1.0])
        add(shades(first, first + 1), tf.stack([numbers, -numbers], axis=1))
    images, logits = draw(tf.constant([1, 2]))
    assert set(shown(images)) == {11, 12, 13}
    np.testing.assert_array_equal(logits[:, 0], shown(images))
    np.testing.assert_array_equal(logits[:, 1], -logits[:, 0])


def test_without_outputs_no_logits_are_drawn():
    memory = ImageMemory(1, (1, 1, 1))
    memory.add(shades(3))
    assert memory.draw(2, tf.constant([1, 2]))[1] is None


def test_logits_that_are_not_finite_are_kept_as_0():
    memory = ImageMemory(3, (1, 1, 1), num_outputs=2)
    rows = [[np.nan, 1.0], [np.inf, -np.inf], [2.0, 3.0]]
    memory.add(shades(1, 2, 3), tf.constant(rows, "float32"))
    np.testing.assert_array_equal(memory.logits, [[0, 1], [0, 0], [2, 3]])


def test_images_continue_from_a_checkpoint(tmp_path):
    memory, later = ImageMemory(3, (1, 1, 1)), ImageMemory(3, (1, 1, 1))
    memory.add(shades(1, 2))
    path = tf.train.Checkpoint(memory=memory).write(tmp_path / "state")
    tf.train.Checkpoint(memory=later).read(path).assert_consumed()
    assert shown(later.latest(2)) == [2, 1]


def test_a_memory_of_no_images_is_none_and_one_of_some_has_the_shapes_of_the_networks():
    networks = tiny.plain_networks()
    generator, teacher = networks["generator"], networks["teacher"]
    assert optional_memory(0, generator, teacher) is None
    memory = optional_memory(3, generator, teacher)
    assert memory.images.shape == (3, 8, 8, 3)
    assert memory.logits.shape == (3, teacher.output_shape[-1])


@pytest.mark.parametrize(("name", "argument"), [("generator", (1, 6)), ("teacher", (1, 8, 8, 3))])
def test_a_network_of_unknown_shapes_is_refused(name, argument):
    networks = tiny.plain_networks()
    networks[name] = tiny.Subclassed(networks[name])
    networks[name](tf.zeros(argument))
    with pytest.raises(RequestError, match=f"`replay_images` needs a `{name}` of known shapes"):
        optional_memory(3, networks["generator"], networks["teacher"])
