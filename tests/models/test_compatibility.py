"""Checks that networks are built and of one task; an unknown shape is None."""

import keras
import pytest

from mosaickd_tf.errors import RequestError
from mosaickd_tf.models.compatibility import (
    check_built,
    check_same_task,
    check_takes_unit_images,
    known_shape,
)
from tests import tiny


def network(classes=3, channels=1):
    return keras.Sequential(
        [keras.Input((4, 4, channels)), keras.layers.Flatten(), keras.layers.Dense(classes)]
    )


def test_shapes_are_without_the_batch():
    assert known_shape(network(), "input") == (4, 4, 1)
    assert known_shape(network(), "output") == (3,)
    assert known_shape(tiny.Subclassed(network()), "input") is None


def test_networks_of_one_task_fit_and_unknown_shapes_are_not_compared():
    check_same_task(network(), network())
    check_same_task(network(), tiny.Subclassed(network(classes=2)))


@pytest.mark.parametrize(
    ("student", "message"),
    [
        (network(channels=3), r"same input shape.*\(4, 4, 1\).*Received: \(4, 4, 3\)"),
        (network(classes=2), r"same output shape.*\(3,\).*Received: \(2,\)"),
    ],
)
def test_another_task_is_refused_with_both_shapes(student, message):
    with pytest.raises(RequestError, match=message):
        check_same_task(network(), student)


def test_a_network_without_variables_is_named():
    unbuilt = keras.Sequential([keras.layers.Dense(3)])
    check_built(teacher=network())
    with pytest.raises(RequestError, match="a student that is not"):
        check_built(teacher=network(), student=unbuilt)


def test_a_sequential_prefix_of_bytes_is_seen_at_any_depth():
    rescaled = keras.Sequential(
        [keras.Input((4, 4, 1)), keras.layers.Rescaling(1 / 255), network()]
    )
    inputs = keras.Input((4, 4, 1))
    for model in (rescaled, keras.Model(inputs, rescaled(inputs))):
        with pytest.raises(RequestError, match=r"`teacher` takes pixels in \[0, 255\].*Rescaling"):
            check_takes_unit_images(teacher=model)
    check_takes_unit_images(teacher=network(), student=tiny.Subclassed(network()))


def test_a_network_of_integers_takes_bytes():
    inputs = keras.Input((4, 4, 1), dtype="uint8")
    model = keras.Model(inputs, keras.layers.Flatten()(inputs))
    with pytest.raises(RequestError, match="an input of uint8"):
        check_takes_unit_images(student=model)
