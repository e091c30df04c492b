"""Official weights: PyTorch's logits, and refusals of other files."""

import pathlib
import re
import sys
import zipfile

import keras
import numpy as np
import pytest

from mosaickd_tf.errors import RequestError
from mosaickd_tf.models import load_torch_classifier
from mosaickd_tf.models.io.torch import classifier_of_state, read_state_dict
from tests import official

SETTINGS = {"mean": official.MEAN, "std": official.STD}
SMALL = SETTINGS | {"input_shape": (8, 8, 3)}


@pytest.mark.parametrize("name, side", official.CASES)
def test_logits_are_those_that_pytorch_gave(name, side):
    """Compares with the stored logits of the reference in `tests.reference_classifiers`."""
    shapes, expected = official.golden(name, side)
    model = classifier_of_state(
        official.state(shapes), name, input_shape=(side, side, 3), **SETTINGS
    )
    logits = model(official.images(side), training=False)
    assert expected.std(axis=0).min() > 0.02  # the logits depend on the image
    np.testing.assert_allclose(logits, expected, atol=1e-4)


@pytest.mark.parametrize("name, side", official.CASES)
def test_the_golden_logits_are_those_of_the_reference(name, side):
    pytest.importorskip("torch")
    from tests import reference_classifiers

    shapes, expected = official.golden(name, side)
    reference = reference_classifiers.build(name).state_dict()
    assert {key: list(value.shape) for key, value in reference.items()} == shapes
    logits = reference_classifiers.logits(name, side, official.state(shapes))
    np.testing.assert_allclose(logits, expected, atol=1e-9)


def wrn10_1_shapes():
    """Returns names and shapes of the official WRN-10-1, in their order."""
    shapes = {"conv1.weight": (16, 3, 3, 3)}
    for stage, inputs, filters in ((1, 16, 16), (2, 16, 32), (3, 32, 64)):
        unit = f"block{stage}.layer.0"
        shapes |= normalization(f"{unit}.bn1", inputs)
        shapes[f"{unit}.conv1.weight"] = (filters, inputs, 3, 3)
        shapes |= normalization(f"{unit}.bn2", filters)
        shapes[f"{unit}.conv2.weight"] = (filters, filters, 3, 3)
        if inputs != filters:
            shapes[f"{unit}.convShortcut.weight"] = (filters, inputs, 1, 1)
    classes = official.NUM_CLASSES
    return shapes | normalization("bn1", 64) | {"fc.weight": (classes, 64), "fc.bias": (classes,)}


def normalization(module, channels):
    parts = ("weight", "bias", "running_mean", "running_var")
    shapes = {f"{module}.{part}": (channels,) for part in parts}
    return shapes | {f"{module}.num_batches_tracked": ()}


def test_names_and_shapes_are_those_of_the_reference():
    torch = pytest.importorskip("torch")
    from tests import reference_classifiers

    assert torch.get_default_dtype() == torch.float32
    reference = reference_classifiers.build("wrn10_1").state_dict()
    expected = [(key, tuple(value.shape)) for key, value in reference.items()]
    assert list(wrn10_1_shapes().items()) == expected


@pytest.fixture(scope="module")
def state():
    """Returns a state dict of WRN-10-1 as arrays."""
    return official.state(wrn10_1_shapes())


@pytest.fixture
def save(state, tmp_path):
    """Returns a function that writes a .pth file with `torch.save` and returns its path."""
    torch = pytest.importorskip("torch")

    def save(wrap):
        tensors = {key: torch.tensor(value) for key, value in state.items()}
        torch.save(wrap(tensors), tmp_path / "teacher.pth")
        return tmp_path / "teacher.pth"

    return save


def refusal(call, *arguments, **named):
    with pytest.raises(RequestError) as caught:
        call(*arguments, **named)
    message = str(caught.value)
    assert len(message.splitlines()) == 1
    assert "Expected" in message and "Received" in message
    return message


# What fits


@pytest.mark.parametrize(
    "wrap",
    [
        lambda state: state,
        lambda state: {"epoch": 3, "state_dict": state, "best_acc1": 75.5, "optimizer": {"a": []}},
        lambda state: {f"module.{key}": value for key, value in state.items()},
        lambda state: {"state_dict": {f"module.{k}": v for k, v in state.items()}},
        lambda state: {k: v for k, v in state.items() if "num_batches_tracked" not in k},
        lambda state: {k: v.double() for k, v in state.items()},
    ],
    ids=["bare", "checkpoint", "module", "module in checkpoint", "without counts", "float64"],
)
def test_every_way_of_keeping_a_state_dict_is_read(save, state, wrap):
    expected = classifier_of_state(state, "wrn10_1", **SMALL)
    model = load_torch_classifier(save(wrap), "wrn10_1", **SMALL)
    images = official.images(8)
    np.testing.assert_array_equal(model(images), expected(images))
    assert model.name == "wrn10_1" and model.output_shape == (None, official.NUM_CLASSES)
    np.testing.assert_allclose(
        keras.ops.convert_to_numpy(model.get_layer("standardization").mean).ravel(), official.MEAN
    )


# What does not fit


def test_missing_surplus_and_other_shapes_are_all_named(state):
    wrong = dict(state)
    del wrong["fc.weight"], wrong["block2.layer.0.bn1.running_var"]
    wrong["fc2.weight"] = np.zeros((2, 2), np.float32)
    wrong["conv1.weight"] = np.zeros((16, 1, 3, 3), np.float32)
    message = refusal(classifier_of_state, wrong, "wrn10_1", **SMALL, source="x.pth")
    assert (
        "Received 'x.pth' with 2 missing: block2.layer.0.bn1.running_var, fc.weight; 1 surplus: "
        "'fc2.weight'; 1 of another shape: conv1.weight of (16, 1, 3, 3) instead of (16, 3, 3, 3)."
    ) in message
    assert "wrn10_1" in message


def test_many_are_counted_and_all_named(state):
    """Checks WRN-16, which has a second block of 10 weights in each of three stages."""
    message = refusal(classifier_of_state, state, "wrn16_1", **SMALL)
    assert " 30 missing: block1.layer.1." in message
    assert [message.count(f"block{stage}.layer.1.") for stage in (1, 2, 3)] == [10, 10, 10]
    assert "surplus" not in message and "shape" not in message


def test_of_a_flood_of_keys_the_first_are_named(state):
    flood = {f"key {number}": np.zeros(1, np.float32) for number in range(5000)}
    message = refusal(classifier_of_state, state | flood, "wrn10_1", **SMALL)
    assert " 5,000 surplus: 'key 0', " in message
    assert "'key 999', ..." in message and "'key 1000'" not in message


def test_an_empty_state_dict_lacks_everything():
    """Counts 20 convolutions, 20 normalizations of 4 weights each, and the logits' 2."""
    message = refusal(classifier_of_state, {}, "resnet18", **SMALL)
    assert " 102 missing: conv1.weight, bn1.weight, " in message


def test_weights_of_another_family_are_refused(state):
    """Counts 8 convolutions with biases and 8 normalizations of VGG-11, of WRN-10 9 and 7."""
    message = refusal(classifier_of_state, state, "vgg11_bn", **SMALL)
    assert " 50 missing: block0.0.weight, " in message
    assert "; 39 surplus: 'conv1.weight', " in message


def test_a_network_without_official_weights_is_refused(tmp_path):
    for name in ("mobilenet_v2", "lenet"):
        message = refusal(load_torch_classifier, tmp_path / "x.pth", name, **SMALL)
        assert repr(name) in message and "resnet18" in message


@pytest.mark.parametrize(
    "wrap, described",
    [
        (lambda state: [1, 2], "list"),
        (lambda state: {"model": state}, "a dict of 'model'"),
        (lambda state: {"state_dict": [1]}, "a dict of 'state_dict'"),
        (lambda state: {1: state["fc.bias"]}, "a dict of 1"),
        (lambda state: {"state_dict": dict.fromkeys("abcdefg", 1), "b": 1}, "'state_dict', 'b'"),
        (lambda state: dict.fromkeys("abcdefg", 1), "'a', 'b', 'c', 'd', 'e', ..."),
    ],
    ids=["list", "other key", "no dict", "number", "no tensors", "many"],
)
def test_what_is_no_state_dict_is_refused(save, wrap, described):
    path = save(wrap)
    message = refusal(read_state_dict, path)
    assert message.startswith("Not a state dict") and described in message
    assert repr(str(path)) in message


@pytest.mark.parametrize("content", [b"", b"not weights\n", b"PK\x03\x04 and no more", bytes(99)])
def test_a_broken_file_is_refused(tmp_path, content):
    pytest.importorskip("torch")
    (tmp_path / "x.pth").write_bytes(content)
    assert "Not readable as weights" in refusal(read_state_dict, tmp_path / "x.pth")


def test_a_file_that_was_cut_short_is_refused(save):
    path = save(lambda state: state)
    path.write_bytes(path.read_bytes()[:-5000])
    assert "Not readable as weights" in refusal(read_state_dict, path)


def test_a_missing_file_is_refused(tmp_path):
    assert "No such file" in refusal(read_state_dict, tmp_path / "x.pth")
    assert "No such file" in refusal(read_state_dict, tmp_path)


class Runs:
    """Object that pickle restores by a function call."""

    def __init__(self, witness):
        self.witness = witness

    def __reduce__(self):
        return open, (self.witness, "w")


class Touches(Runs):
    """The same with a call that leaves no file open."""

    def __reduce__(self):
        return pathlib.Path.touch, (self.witness,)


def test_code_in_a_file_is_refused_and_does_not_run(save, tmp_path):
    witness = tmp_path / "it ran"
    path = save(lambda state: {"state_dict": state, "args": Runs(str(witness))})
    message = refusal(read_state_dict, path)
    assert "others may run code" in message
    assert re.search(r"it needs _?io\.open", message)  # _io in Python 3.12
    assert not witness.exists()


def test_code_runs_when_it_is_allowed(save, state, tmp_path):
    witness = tmp_path / "it ran"
    path = save(lambda state: {"state_dict": state, "args": Touches(witness)})
    read = read_state_dict(path, allow_code=True)
    assert witness.exists()
    assert read.keys() == state.keys()


def test_a_whole_module_is_read_when_it_is_allowed(tmp_path):
    torch = pytest.importorskip("torch")
    torch.save(torch.nn.Linear(3, 2), tmp_path / "module.pth")
    assert "torch.nn" in refusal(read_state_dict, tmp_path / "module.pth")
    read = read_state_dict(tmp_path / "module.pth", allow_code=True)
    assert {key: array.shape for key, array in read.items()} == {"weight": (2, 3), "bias": (2,)}


def test_a_tensor_that_says_more_numbers_than_its_file_holds_is_refused(tmp_path):
    """Repeats one number of half precision; converted, it would take all of the memory."""
    torch = pytest.importorskip("torch")
    torch.save({"a": torch.zeros(1).half().expand(10**12)}, tmp_path / "x.pth")
    assert "Not a state dict" in refusal(read_state_dict, tmp_path / "x.pth")


def test_a_zip_that_unpacks_to_more_than_itself_is_refused(tmp_path):
    pytest.importorskip("torch")
    with zipfile.ZipFile(tmp_path / "x.pth", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("archive/data.pkl", bytes(10_000_000))
    assert "Not readable as weights" in refusal(read_state_dict, tmp_path / "x.pth")


def test_without_pytorch_it_is_said_how_to_install_it(tmp_path, monkeypatch):
    (tmp_path / "x.pth").write_bytes(b"")
    monkeypatch.setitem(sys.modules, "torch", None)
    assert "pip install torch" in refusal(read_state_dict, tmp_path / "x.pth")
