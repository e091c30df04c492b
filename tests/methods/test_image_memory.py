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
    first, again, other = (shown(draw(tf.constant([1, x]))) for x in (5, 5, 6))
    assert set(first) == {10, 20, 30}
    assert first == again != other


def test_images_continue_from_a_checkpoint(tmp_path):
    memory, later = ImageMemory(3, (1, 1, 1)), ImageMemory(3, (1, 1, 1))
    memory.add(shades(1, 2))
    path = tf.train.Checkpoint(memory=memory).write(tmp_path / "state")
    tf.train.Checkpoint(memory=later).read(path).assert_consumed()
    assert shown(later.latest(2)) == [2, 1]


def test_a_memory_of_no_images_is_none_and_one_of_some_has_the_generator_s_shape():
    generator = tiny.plain_networks()["generator"]
    assert optional_memory(0, generator) is None
    assert optional_memory(3, generator).images.shape == (3, 8, 8, 3)


def test_a_generator_of_unknown_shapes_is_refused():
    generator = tiny.Subclassed(tiny.plain_networks()["generator"])
    generator(tf.zeros((1, 6)))
    with pytest.raises(RequestError, match="`replay_images` .* known shapes"):
        optional_memory(3, generator)
