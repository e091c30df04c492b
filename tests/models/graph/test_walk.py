"""Access to the graphs of Keras models, which one module of the package has alone."""

import pathlib
import re

import keras
import pytest
from keras import layers

import mosaickd_tf
from mosaickd_tf.models.graph import walk
from tests import tiny

ROOT = pathlib.Path(mosaickd_tf.__file__).parent
PRIVATE = re.compile(r"_nodes_by_depth|_(in|out)bound_nodes|_keras_history|_flatten_layers")


def branches():
    """Builds a model in which a nested model and an addition read a dense layer."""
    inputs = keras.Input((4,), name="inputs")
    first = layers.Dense(4, name="first")(inputs)
    inner_inputs = keras.Input((4,), name="inner_inputs")
    inner = keras.Model(inner_inputs, layers.Dense(4, name="second")(inner_inputs), name="inner")
    return keras.Model(inputs, layers.Add(name="sum")([first, inner(first)]))


def names(items):
    return [item.name for item in items]


def operations(nodes):
    return {node.operation.name for node in nodes}


def node_of(model, name):
    (node,) = [node for node in walk.graph_nodes(model) if node.operation.name == name]
    return node


def test_no_other_module_reads_private_attributes_of_the_graph():
    users = {
        str(path.relative_to(ROOT))
        for path in ROOT.rglob("*.py")
        if PRIVATE.search(path.read_text(encoding="utf-8"))
    }
    assert users == {"models/graph/walk.py"}


def test_leaf_layers_are_found_at_any_depth_each_once():
    expected = ["first", "inner_inputs", "inputs", "second", "sum"]
    assert sorted(names(walk.leaf_layers(branches()))) == expected


@pytest.mark.parametrize("wrap", [lambda model: model, tiny.Subclassed])
def test_leaf_layers_of_any_kind_of_model(wrap):
    assert {"stem", "logits"} <= set(names(walk.leaf_layers(wrap(tiny.wide_resnet()))))


def test_layers_come_in_the_order_of_computation_with_nested_ones_in_place():
    expected = ["inputs", "first", "inner_inputs", "second", "sum"]
    assert names(walk.layers_in_order(branches())) == expected


def test_nodes_of_a_functional_model_are_its_calls_without_nested_ones():
    assert operations(walk.graph_nodes(branches())) == {"inputs", "first", "inner", "sum"}


def test_a_layer_that_is_called_twice_has_two_nodes():
    inputs = keras.Input((4,))
    shared = layers.Dense(4, name="shared")
    nodes = walk.graph_nodes(keras.Model(inputs, shared(shared(inputs))))
    assert [node.operation for node in nodes].count(shared) == 2


def test_a_model_that_is_not_functional_has_no_nodes():
    assert walk.graph_nodes(tiny.Subclassed(tiny.wide_resnet())) == []


def test_the_producer_of_an_output_is_its_last_call_and_leads_to_the_calls_before():
    model = branches()
    node = walk.producer(model.outputs[0])
    assert node.operation.name == "sum"
    assert operations(map(walk.producer, node.input_tensors)) == {"first", "inner"}


def test_consumers_are_the_calls_that_take_an_output():
    model = branches()
    nodes = walk.graph_nodes(model)
    assert operations(walk.consumers(node_of(model, "first"), nodes)) == {"inner", "sum"}
    assert operations(walk.consumers(node_of(model, "inner"), nodes)) == {"sum"}
    assert walk.consumers(node_of(model, "sum"), nodes) == []
