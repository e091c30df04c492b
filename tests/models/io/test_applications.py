"""Networks of keras.applications with weights from files that hold weights alone."""

import h5py
import keras
import numpy as np
import pytest
from keras.src.legacy.saving import legacy_h5_format  # writes the layout of Keras 2

from mosaickd_tf.config import DataConfig, TeacherConfig
from mosaickd_tf.errors import RequestError
from mosaickd_tf.models.io.applications import _NETWORKS, load_application
from mosaickd_tf.models.io.model_file import open_model_file
from mosaickd_tf.teachers import inputs
from mosaickd_tf.teachers.inspection import inspect_file

IMAGES = np.random.default_rng(0).uniform(size=(2, 32, 32, 3)).astype("float32")


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    """Returns a MobileNetV2 of 5 classes, its outputs, and its weights in both layouts."""
    folder = tmp_path_factory.mktemp("weights")
    keras.utils.set_random_seed(0)
    model = keras.applications.MobileNetV2(input_shape=(32, 32, 3), weights=None, classes=5)
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            shape = layer.moving_mean.shape
            layer.moving_mean.assign(np.random.default_rng(1).normal(0, 0.1, shape))
    model.save_weights(folder / "new.weights.h5")
    (folder / "renamed.h5").write_bytes((folder / "new.weights.h5").read_bytes())
    with h5py.File(folder / "old.h5", "w") as file:
        legacy_h5_format.save_weights_to_hdf5_group(file, model)
    model.save(folder / "whole.h5")
    model.save(folder / "whole.keras")
    return folder, np.asarray(model(IMAGES, training=False))


def test_each_name_is_one_of_keras_and_each_of_keras_has_a_name():
    of_keras = {name for name in dir(keras.applications) if name[0].isupper()}
    assert {network.name for network in _NETWORKS.values()} == of_keras


@pytest.mark.parametrize("name", ["new.weights.h5", "renamed.h5", "old.h5"])
def test_classes_and_weights_are_those_of_the_file(weights, name):
    folder, expected = weights
    model, pixels, remarks = load_application(folder / name, "mobilenet_v2:32")
    assert model.output_shape == (None, 5) and pixels == "signed"
    assert "32x32 images" in remarks[0] and "teacher_network=mobilenet_v2:SIDE" in remarks[0]
    received = keras.ops.softmax(model(IMAGES, training=False))  # it returns logits
    np.testing.assert_allclose(received, expected, atol=1e-6)


def test_names_are_those_of_keras_too(weights):
    model, _, _ = load_application(weights[0] / "new.weights.h5", "MobileNetV2:48x64")
    assert model.input_shape == (None, 48, 64, 3)


@pytest.mark.parametrize(
    ("name", "network", "words"),
    [
        ("new.weights.h5", "lenet", "vgg16, vgg19, xception. Received: teacher_network='lenet'"),
        ("new.weights.h5", "keras_hub:resnet", "KerasHub is to be saved whole, as .keras"),
        ("new.weights.h5", "mobilenet_v2:7", "32 to 1024 pixels"),
        ("new.weights.h5", "mobilenet_v2:big", "NAME:SIDE"),
        ("new.weights.h5", "mobilenet:32", "The weights do not fit.*MobileNet of"),
        ("whole.h5", "mobilenet_v2", "holds its network. Leave `teacher_network` out"),
        ("whole.keras", "mobilenet_v2", "a Keras file. Leave `teacher_network` out"),
    ],
)
def test_other_requests_are_refused_with_what_to_do(weights, name, network, words):
    with pytest.raises(RequestError, match=words) as caught:
        load_application(weights[0] / name, network)
    assert len(str(caught.value).splitlines()) == 1


def test_a_file_cut_off_is_refused(weights, tmp_path):
    content = (weights[0] / "new.weights.h5").read_bytes()
    (tmp_path / "cut.weights.h5").write_bytes(content[: len(content) // 2])
    with pytest.raises(RequestError, match="cut.weights.h5"):
        load_application(tmp_path / "cut.weights.h5", "mobilenet_v2:32")


def test_the_range_of_published_weights_is_checked_by_the_statistics(weights):
    """The network was not trained on images in [-1, 1]; the range is evidence, not a fact."""
    path = str(weights[0] / "new.weights.h5")
    file = open_model_file(path, network="mobilenet_v2:32")
    options = TeacherConfig(teacher=path, teacher_network="mobilenet_v2:32")
    taken = inputs.read_input(file, options)
    assert (taken.pixels, taken.evidence) == ("signed", "keras.applications")
    asked = TeacherConfig(teacher=path, teacher_network="mobilenet_v2:32", teacher_input="imagenet")
    found = inspect_file(file, asked, DataConfig())
    assert found.taken.pixels == "imagenet" and found.head.num_labels == 5
    assert found.head.kind == "logits" and found.head.task == "single_label"
