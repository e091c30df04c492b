"""References between layers of Keras 2, in the numbers of Keras 3."""

from mosaickd_tf.models.io.keras2_graph import renumbered


def config(kind, calls, outputs, sources=(0, 1)):
    """Returns a config in which a network `a/b` is called, and its results are added."""
    nodes = [[["input", 0, 0, {}]] for _ in calls]
    network = {"name": "a_b", "class_name": kind, "inbound_nodes": nodes}
    tensors = [["a/b", call, 0, {}] for call in sources]
    add = {"name": "add", "class_name": "Add", "inbound_nodes": [tensors]}
    return {
        "layers": [{"name": "input", "class_name": "InputLayer"}, network, add],
        "input_layers": [["input", 0, 0]],
        "output_layers": outputs,
    }


def sources(result):
    return [tensor[:2] for tensor in result["layers"][-1]["inbound_nodes"][0]]


def test_calls_of_a_network_count_from_zero():
    result = renumbered(config("Functional", "12", [["add", 0, 0]], sources=(1, 2)))
    assert sources(result) == [["a_b", 0], ["a_b", 1]]
    assert result["output_layers"] == [["add", 0, 0]]


def test_a_functional_network_that_is_an_output_keeps_its_number():
    outputs = [["a/b", 1, 0], ["add", 0, 0]]
    result = renumbered(config("Functional", "12", outputs, sources=(1, 2)))
    assert result["output_layers"] == [["a_b", 1, 0], ["add", 0, 0]]
    result = renumbered(config("Sequential", "12", outputs, sources=(1, 2)))
    assert result["output_layers"] == [["a_b", 0, 0], ["add", 0, 0]]


def test_a_layer_and_a_network_that_counts_from_zero_keep_their_numbers():
    for kind in ("Conv2D", "Sequential"):
        result = renumbered(config(kind, "12", [["add", 0, 0]], sources=(0, 1)))
        assert sources(result) == [["a_b", 0], ["a_b", 1]]


def test_ends_may_be_a_single_tensor_or_have_names():
    for ends in (["add", 0, 0], {"probabilities": ["add", 0, 0]}):
        result = renumbered(config("Conv2D", "1", ends))
        assert result["output_layers"] == [["add", 0, 0]]


def test_what_keras_3_wrote_is_left_as_it_is():
    described = config("Functional", "12", [["add", 0, 0]], sources=(1, 2))
    described["layers"][-1]["inbound_nodes"] = [{"args": [], "kwargs": {}}]
    assert renumbered(described) is described


def test_tensors_by_names_of_arguments_are_those_of_keras_3():
    described = config("Functional", "12", [["add", 0, 0]], sources=(1,))
    call = {"value": ["a/b", 2, 0], "training": False}
    described["layers"][-1]["inbound_nodes"][0][0][3] = call
    (node,) = renumbered(described)["layers"][-1]["inbound_nodes"]
    (query,), value = node["args"], node["kwargs"].pop("value")
    assert query["config"]["keras_history"] == ["a_b", 0, 0]
    assert value["config"]["keras_history"] == ["a_b", 1, 0]
    assert query["class_name"] == value["class_name"] == "__keras_tensor__"
    assert node["kwargs"] == {"training": False}
