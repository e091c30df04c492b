"""Model files of any kind, opened without running code unless it is allowed."""

import codecs
import json
import marshal
import pathlib
import zipfile

import keras
import numpy as np
import pytest
from keras import layers

from mosaickd_tf.errors import RequestError
from mosaickd_tf.models import training_copy
from mosaickd_tf.models.io.model_file import open_model_file, output_names
from tests import tiny
from tests.models.io import keras2_files as k2
from tests.refusals import refusal

IMAGES = np.random.default_rng(1).uniform(0, 1, (3, 8, 8, 3)).astype("float32")
MODULE = """
import keras

class Doubled(keras.layers.Layer):
    def __init__(self, factor=2, **kwargs):
        super().__init__(**kwargs)
        self.factor = factor

    def call(self, images):
        return self.factor * images

    def get_config(self):
        return super().get_config() | {"factor": self.factor}

def doubled(images):
    return 2 * images
"""


pytestmark = pytest.mark.usefixtures("custom_objects_kept")


@pytest.fixture
def module(tmp_path):
    path = tmp_path / "theirs.py"
    path.write_text(MODULE)
    return str(path)


def with_layer(path, node):
    """Writes a file of Keras 2 with a layer between the images and their mean."""
    network = k2.sequential(
        "sequential", k2.images(), node, k2.layer("GlobalAveragePooling2D", "pool")
    )
    return k2.write(path, network, {})


def code_of(function):
    return codecs.encode(marshal.dumps(function.__code__), "base64").decode()


def doubled_means(model):
    np.testing.assert_allclose(model(IMAGES), 2 * IMAGES.mean(axis=(1, 2)), rtol=1e-5)
    return True


def test_a_file_of_this_package_is_known_as_one(tmp_path):
    tiny.classifier().save(tmp_path / "student.keras")
    file = open_model_file(tmp_path / "student.keras")
    assert (file.kind, file.is_own, file.has_gradients) == ("Keras file", True, True)
    assert file.written_by == f"Keras {keras.__version__}"
    assert file.output_names == tuple(file.model.output_names)
    assert file.path == str(tmp_path / "student.keras")
    training_copy(tiny.classifier()).save(tmp_path / "copy.keras")
    assert open_model_file(tmp_path / "copy.keras").is_own


def test_a_file_of_another_program_is_not_one_of_this_package(tmp_path):
    images = keras.Input((8, 8, 3), name="unit_images")
    hidden = layers.GlobalAveragePooling2D()(images)
    model = keras.Model(images, [layers.Dense(2, name="a")(hidden), layers.Dense(2)(hidden)])
    model.save(tmp_path / "two.keras")
    assert not open_model_file(tmp_path / "two.keras").is_own
    tiny.classifier().save(tmp_path / "legacy.h5")
    file = open_model_file(tmp_path / "legacy.h5")
    assert (file.kind, file.is_own) == ("HDF5 file", False)


def test_outputs_have_names_that_differ():
    images = keras.Input((8, 8, 3))
    hidden = layers.GlobalAveragePooling2D()(images)
    heads = [layers.Dense(2, name="kind")(hidden), layers.Dense(3, name="age")(hidden)]
    assert output_names(keras.Model(images, heads)) == ("kind", "age")
    assert output_names(keras.Model(images, [heads[0], heads[0]])) == ("output_0", "output_1")


def test_a_lambda_layer_of_keras_2_is_refused_and_does_not_run(tmp_path):
    witness = tmp_path / "it ran"
    source = f"lambda images: (open({str(witness)!r}, 'w').close(), 2 * images)[1]"
    function = [code_of(eval(source)), None, None]
    node = k2.layer("Lambda", "twice", function=function, function_type="lambda", arguments={})
    path = with_layer(tmp_path / "1.h5", node)
    assert "requires keras.layers.Lambda, which is not built in or runs code" in refusal(
        open_model_file, path
    )
    assert not witness.exists()
    assert doubled_means(open_model_file(path, allow_code=True).model)
    assert witness.exists()


def test_a_lambda_layer_of_a_named_function_takes_it_from_the_module(tmp_path, module):
    node = k2.layer("Lambda", "twice", function="doubled", function_type="function")
    path = with_layer(tmp_path / "1.h5", node)
    assert "requires keras.layers.Lambda" in refusal(open_model_file, path)
    assert "doubled" in refusal(open_model_file, path, allow_code=True)
    assert doubled_means(open_model_file(path, allow_code=True, custom_objects=module).model)


@pytest.mark.parametrize("hidden_in", ["network", "nested", "wrapper", "activation", "cell"])
def test_a_lambda_layer_is_found_wherever_it_is(tmp_path, hidden_in):
    node = k2.layer("Lambda", "code", function=["", None, None], function_type="lambda")
    inner = {key: node[key] for key in ("class_name", "config")}
    node = {
        "network": node,
        "nested": k2.sequential("inner", k2.images("input_2"), node),
        "wrapper": k2.layer("TimeDistributed", "wrapper", layer=inner),
        "activation": k2.conv("conv", activation=inner),
        "cell": k2.layer("RNN", "rnn", cell=inner),
    }[hidden_in]
    assert "Lambda, which is not built in" in refusal(
        open_model_file, with_layer(tmp_path / "1.h5", node)
    )


@pytest.mark.parametrize(
    "name, config",
    [
        ("TFSMLayer", {"filepath": "/tmp"}),
        ("StringLookup", {"vocabulary": "/etc/passwd"}),
        ("TextVectorization", {"vocabulary": "/etc/passwd"}),
        ("IntegerLookup", {"vocabulary": "/etc/passwd"}),
        ("TorchModuleWrapper", {"module": "x"}),
    ],
)
def test_a_layer_that_reads_files_or_runs_code_is_refused_by_name(tmp_path, name, config):
    path = with_layer(tmp_path / "1.h5", k2.layer(name, "reader", **config))
    assert f"requires keras.layers.{name}" in refusal(open_model_file, path)


def test_a_custom_layer_is_refused_by_name_and_taken_from_the_module(tmp_path, module):
    path = with_layer(tmp_path / "1.h5", k2.layer("Doubled", "twice", factor=2))
    assert "requires Doubled, which is not built in" in refusal(open_model_file, path)
    assert "Doubled" in refusal(open_model_file, path, allow_code=True)
    assert "code that runs" in refusal_of_module(path, module)
    file = open_model_file(path, allow_code=True, custom_objects=module)
    assert doubled_means(file.model)


def refusal_of_module(path, module):
    with pytest.raises(RequestError) as caught:
        open_model_file(path, custom_objects=module)
    return str(caught.value)


def test_a_custom_layer_of_a_keras_file_is_taken_from_the_module(tmp_path, module):
    images = keras.Input((8, 8, 3))
    namespace = {}
    exec(MODULE, namespace)
    hidden = namespace["Doubled"](2)(images)
    path = tmp_path / "1.keras"
    keras.Model(images, layers.GlobalAveragePooling2D()(hidden)).save(path)
    assert "Doubled" in refusal(open_model_file, path)
    assert doubled_means(open_model_file(path, allow_code=True, custom_objects=module).model)


def test_a_network_whose_images_have_no_shape_is_refused(tmp_path):
    path = tmp_path / "1.keras"
    model = keras.Sequential([layers.GlobalAveragePooling2D()])
    model(IMAGES)
    model.save(path)
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    description = json.loads(members["config.json"])
    description["config"]["layers"] = description["config"]["layers"][-1:]
    description["config"].pop("build_input_shape", None)
    description.pop("build_config", None)
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            text = json.dumps(description) if name == "config.json" else content
            archive.writestr(name, text)
    assert "Not a network of known input" in refusal(open_model_file, path)


def test_a_file_of_another_kind_is_refused_with_what_it_is(tmp_path):
    path = pathlib.Path(tmp_path, "teacher.h5")
    path.write_bytes(b"version https://git-lfs.github.com/spec/v1\n")
    assert "a Git LFS pointer" in refusal(open_model_file, path)
    assert "a Git LFS pointer" in refusal(open_model_file, path, network="mobilenet_v2")
    model = keras.Sequential([keras.Input((8, 8, 3)), layers.Flatten(), layers.Dense(2)])
    model.save_weights(tmp_path / "1.weights.h5")
    assert "weights only, without a network" in refusal(open_model_file, tmp_path / "1.weights.h5")
