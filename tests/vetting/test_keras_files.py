"""Checks of a .keras file before Keras reads it: its members, sizes and classes."""

import json
import zipfile

import keras
import pytest
from keras import layers
from keras.src.applications.convnext import LayerScale, StochasticDepth

from mosaickd_tf.errors import RequestError
from mosaickd_tf.models.io.keras import load_keras
from mosaickd_tf.vetting import keras_files
from mosaickd_tf.vetting.keras_files import examine_keras
from tests import tiny


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    path = tmp_path_factory.mktemp("whole") / "teacher.keras"
    tiny.classifier().save(path)
    return path


@pytest.fixture
def rewritten(whole, tmp_path):
    """Writes a copy with other members: bytes by name, None leaves one out."""

    def write(**members):
        members = {name.replace("__", "."): content for name, content in members.items()}
        path = tmp_path / "other.keras"
        with zipfile.ZipFile(whole) as old:
            content = {name: old.read(name) for name in old.namelist()} | members
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as new:
            for name, data in content.items():
                if data is not None:
                    new.writestr(name, data)
        return path

    return write


def refusal(path):
    with pytest.raises(RequestError) as caught:
        examine_keras(path)
    message = str(caught.value)
    assert len(message.splitlines()) == 1
    assert "Expected" in message and repr(str(path)) in message
    return message


def described(whole, change):
    """Returns the description of the valid file after `change` of one of its layers."""
    with zipfile.ZipFile(whole) as archive:
        description = json.loads(archive.read("config.json"))
    change(description["config"]["layers"][1])
    return json.dumps(description)


def test_a_valid_file_is_described_without_its_compile_config(whole):
    description, size = examine_keras(whole)
    assert description["class_name"] == "Functional"
    assert description["compile_config"] is None
    assert size > 4 * tiny.classifier().count_params()


def test_models_of_built_in_objects_are_accepted(tmp_path):
    images = keras.Input((8, 8, 3))
    inner = layers.Conv2D(2, 3, activation="relu", kernel_regularizer="l2", padding="same")(images)
    inner = layers.Conv2D(2, 1, activation=keras.activations.silu, kernel_constraint="max_norm")(
        inner
    )
    inner = keras.ops.relu(inner + 1) * images[..., :1]
    inner = keras.Sequential([layers.RandomFlip(), layers.Dropout(0.1), layers.LeakyReLU()])(inner)
    model = keras.Model(images, layers.Dense(2)(keras.ops.mean(inner, axis=(1, 2))))
    model.compile(optimizer="adam", loss="mse", metrics=["accuracy"])
    model.save(tmp_path / "model.keras")
    examine_keras(tmp_path / "model.keras")


@pytest.mark.parametrize("name", ["../../escape.txt", "/etc/escape", "assets/vocabulary.txt"])
def test_an_unexpected_member_is_refused(rewritten, name):
    assert "members other than" in refusal(rewritten(**{name: b"x"}))


def test_a_duplicate_member_is_refused(rewritten):
    path = rewritten()
    with pytest.warns(UserWarning, match="Duplicate"), zipfile.ZipFile(path, "a") as archive:
        archive.writestr("config.json", "{}")
    assert "members other than" in refusal(path)


@pytest.mark.parametrize("name", ["config.json", "model.weights.h5"])
def test_a_missing_member_is_refused(rewritten, name):
    assert f"no {name}" in refusal(rewritten(**{name: None}))


def test_a_zip_bomb_is_refused(rewritten):
    path = rewritten(model__weights__h5=bytes(60_000_000))
    assert path.stat().st_size < 200_000
    assert "unpack to" in refusal(path)


def test_a_description_that_is_too_long_is_refused(rewritten, monkeypatch):
    monkeypatch.setattr(keras_files, "MAX_CONFIG", 1000)
    assert "1,000 bytes" in refusal(rewritten())


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "3", '"text"', "\xff", "[" * 100_000, '{"class_name": ' * 50_000]
)
def test_an_invalid_description_is_refused(rewritten, text):
    refusal(rewritten(config__json=text))


@pytest.mark.parametrize(
    "change",
    [
        {"class_name": "Lambda"},
        {"class_name": "TFSMLayer"},
        {"class_name": "TorchModuleWrapper"},
        {"class_name": "StringLookup"},
        {"module": "os", "class_name": "system"},
        {"module": "keras.src.utils.file_utils"},
        {"module": "keras.utils", "class_name": "get_file"},
        {"module": "keras.saving"},
        {"module": "keras.src.applications.convnext", "class_name": "ConvNeXt"},
        {"module": "mosaickd_tf.models.io.saved_model", "class_name": "SavedModelLayer"},
        {"module": None, "registered_name": "mosaickd_tf>SavedModelLayer"},
        {"registered_name": "elsewhere>ZeroPadding2D"},
        {"class_name": "function", "config": "system", "module": "os"},
        {"class_name": "__lambda__", "config": {"value": "code"}},
        {"class_name": "__typespec__"},
        {"class_name": "__numpy__", "config": {"value": [1], "dtype": "U999999999"}},
        {"class_name": ["Conv2D"]},
        {"module": {"a": 1}},
    ],
    ids=str,
)
def test_a_class_that_is_not_built_in_is_refused_by_its_name(whole, rewritten, change):
    text = described(whole, lambda layer: layer.update(change))
    assert " requires " in refusal(rewritten(config__json=text))


def test_layers_that_keras_applications_alone_has_are_built_in(tmp_path):
    images = keras.Input((8, 8, 4))
    hidden = StochasticDepth(0.1)(LayerScale(1e-6, 4)(images))
    keras.Model(images, hidden).save(tmp_path / "scaled.keras")
    examine_keras(tmp_path / "scaled.keras")


def test_a_class_is_refused_at_any_depth(whole, rewritten):
    hidden = {"class_name": "Lambda", "module": "keras.layers", "config": {}}
    text = described(whole, lambda layer: layer["config"].update(extra=[[{"a": hidden}]]))
    assert "keras.layers.Lambda" in refusal(rewritten(config__json=text))


@pytest.mark.parametrize(
    "metadata, version",
    [
        (b'{"keras_version": "3.1.0"}', "3.1.0"),
        (b'{"keras_version": "3\\n1"}', r"3\n1"),
        (b'{"keras_version": 3}', "3"),
        (b"{}", ""),
        (b"[]", ""),
        (b"{", ""),
        (b"[" * 100_000, ""),
        (None, ""),
    ],
)
def test_the_version_is_read_where_it_is_there(rewritten, metadata, version):
    assert keras_files.keras_version(rewritten(metadata__json=metadata)) == version


def test_the_version_of_a_member_that_is_broken_is_empty(whole, tmp_path):
    content = whole.read_bytes()
    path = tmp_path / "broken.keras"
    path.write_bytes(content.replace(b"metadata.json", b"etadatam.json", 1))
    assert keras_files.keras_version(path) == ""
    load_keras(path)
