"""Output layers of the stages of a network."""

import keras
import pytest

from mosaickd_tf.errors import RequestError
from mosaickd_tf.models import build_classifier, stage_outputs
from tests import tiny

STAGES = {"wrn16_1": 3, "resnet18": 4, "vgg11_bn": 5, "mobilenet_v2": 4, "mobilenet_v3_small": 4}


@pytest.mark.parametrize("name", STAGES)
def test_a_stage_is_left_through_its_output_alone(name):
    model = build_classifier(name, num_classes=2, input_shape=(16, 16, 1))
    outputs = stage_outputs(model)
    prefixes = [f"stage{number}_" for number in range(1, STAGES[name] + 1)]
    assert [output[: len("stage1_")] for output in outputs] == prefixes
    for prefix, output in zip(prefixes, outputs, strict=True):
        for layer in model.layers:
            if layer.name.startswith(prefix):
                readers = [node.operation.name for node in layer._outbound_nodes]
                inside = [reader.startswith(prefix) for reader in readers]
                assert not any(inside) if layer.name == output else all(inside), layer.name


def test_stages_come_in_the_order_of_their_numbers():
    inputs = hidden = keras.Input((4,))
    for number in (9, 10, 11):
        hidden = keras.layers.Dense(2, name=f"stage{number}_a")(hidden)
        hidden = keras.layers.Dense(2, name=f"stage{number}_b")(hidden)
    assert stage_outputs(keras.Model(inputs, hidden)) == ["stage9_b", "stage10_b", "stage11_b"]


def test_a_network_without_such_names_is_refused():
    plain = tiny.plain_networks()["teacher"]
    inputs = keras.Input(tiny.IMAGE_SHAPE)
    wrapped = keras.Model(inputs, tiny.classifier()(inputs))
    for model in (plain, wrapped):
        with pytest.raises(RequestError, match="`teacher_layers` and `student_layers`") as caught:
            stage_outputs(model)
        assert len(str(caught.value).splitlines()) == 1
