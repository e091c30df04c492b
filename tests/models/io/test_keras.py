"""Networks from .keras files of any origin: checked and never executed."""

import pathlib
import zipfile

import keras
import numpy as np
import pytest
from keras import layers

from mosaickd_tf.errors import RequestError
from mosaickd_tf.models import (
    build_generator,
    load_classifier,
    load_generator,
    training_copy,
)
from tests import tiny

UNIT = np.array([0.0, 0.25, 1.0], "float32").reshape(1, 1, 1, 3) * np.ones((2, 8, 8, 1), "float32")


def saved(model, path):
    model.save(path)
    return path


def refusal(path):
    with pytest.raises(RequestError) as caught:
        load_classifier(path)
    message = str(caught.value)
    assert len(message.splitlines()) == 1
    assert "Expected" in message and "Received" in message
    assert str(path) in message
    return message


def test_a_classifier_comes_back_as_it_was(tmp_path):
    model = tiny.classifier()
    loaded = load_classifier(saved(model, tmp_path / "teacher.keras"))
    assert tiny.same_bits(tiny.values(model), tiny.values(loaded))
    assert loaded.input_shape == (None, 8, 8, 3)
    assert loaded.output_shape == (None, 10)


def test_a_compiled_classifier_loads_without_what_it_was_compiled_with(tmp_path):
    @keras.saving.register_keras_serializable(package="elsewhere")
    def their_loss(labels, outputs):
        return keras.ops.mean(outputs)

    model = tiny.classifier()
    model.compile(optimizer="sgd", loss=their_loss)
    path = saved(model, tmp_path / "teacher.keras")
    del keras.saving.get_custom_objects()["elsewhere>their_loss"]
    assert load_classifier(path).output_shape == (None, 10)


def test_a_generator_comes_back_as_it_was_and_nothing_else_passes_for_one(tmp_path):
    model = build_generator(image_size=8, noise_dim=6, base_filters=4)
    loaded = load_generator(saved(model, tmp_path / "generator.keras"))
    assert tiny.same_bits(tiny.values(model), tiny.values(loaded))
    saved(tiny.classifier(), tmp_path / "classifier.keras")
    for name, complaint in (("classifier", "Not a generator"), ("nothing", "No such file")):
        with pytest.raises(RequestError, match=complaint):
            load_generator(tmp_path / f"{name}.keras")


def test_a_missing_file_is_refused(tmp_path):
    assert "No such file" in refusal(tmp_path / "teacher.keras")


def test_a_folder_is_refused(tmp_path):
    (tmp_path / "teacher.keras").mkdir()
    assert "No such file" in refusal(tmp_path / "teacher.keras")


def test_a_text_file_of_that_name_is_refused(tmp_path):
    (tmp_path / "teacher.keras").write_text("not a model\n")
    assert "Not a model that can be read" in refusal(tmp_path / "teacher.keras")


def test_a_file_that_was_cut_short_is_refused(tmp_path):
    path = saved(tiny.classifier(), tmp_path / "teacher.keras")
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    assert "a broken zip file" in refusal(path)


def test_a_file_of_an_unknown_layer_is_refused(tmp_path):
    @keras.saving.register_keras_serializable(package="elsewhere")
    class Theirs(layers.Layer):
        def call(self, inputs):
            return inputs

    model = keras.Sequential(
        [keras.Input((8, 8, 3)), Theirs(), layers.GlobalAveragePooling2D(), layers.Dense(2)]
    )
    path = saved(model, tmp_path / "teacher.keras")
    del keras.saving.get_custom_objects()["elsewhere>Theirs"]
    assert "Theirs" in refusal(path)


def test_code_in_a_file_is_refused_and_does_not_run(tmp_path):
    witness = str(tmp_path / "it ran")

    model = keras.Sequential(
        [
            keras.Input((8, 8, 3)),
            layers.Lambda(
                lambda images: (open(witness, "w").close(), images)[1],
                output_shape=(8, 8, 3),
            ),
            layers.GlobalAveragePooling2D(),
            layers.Dense(2),
        ]
    )
    path = saved(model, tmp_path / "teacher.keras")
    pathlib.Path(witness).unlink(missing_ok=True)
    assert "requires keras.layers.Lambda" in refusal(path)
    assert not pathlib.Path(witness).exists()
    keras.saving.load_model(path, safe_mode=False)(UNIT)  # who trusts the file can run it
    assert pathlib.Path(witness).exists()


@pytest.mark.parametrize("case", ["two outputs", "two inputs", "a map", "a row", "any size"])
def test_a_model_that_is_no_image_classifier_is_refused(tmp_path, case):
    images = keras.Input((8, 8, 3))
    pooled = layers.GlobalAveragePooling2D()(images)
    model = {
        "two outputs": lambda: keras.Model(images, [layers.Dense(2)(pooled), pooled]),
        "two inputs": lambda: keras.Model(
            [images, second := keras.Input((3,))], layers.Add()([pooled, second])
        ),
        "a map": lambda: keras.Model(images, layers.Conv2D(2, 3)(images)),
        "a row": lambda: keras.Sequential([keras.Input((5,)), layers.Dense(2)]),
        "any size": lambda: keras.Sequential(
            [keras.Input((None, None, 3)), layers.GlobalAveragePooling2D()]
        ),
    }[case]()
    assert "Not an image classifier" in refusal(saved(model, tmp_path / "teacher.keras"))


def described_otherwise(model, path, old, new):
    """Saves the model with a part of its description replaced."""
    model.save(path)
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    text = members["config.json"].decode()
    assert old in text
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            new_text = text.replace(old, new)
            archive.writestr(name, new_text if name == "config.json" else content)
    return path


def test_weights_that_are_described_but_not_stored_are_never_made(tmp_path):
    """Loads a file of ten billion units, which would take 120 gigabytes."""
    model = keras.Sequential(
        [keras.Input((8, 8, 3)), layers.GlobalAveragePooling2D(), layers.Dense(2)]
    )
    path = tmp_path / "wide.keras"
    described_otherwise(model, path, '"units": 2', '"units": 10000000000')
    assert "weights of 160,000,000,000 bytes" in refusal(path)
    assert load_classifier(saved(model, tmp_path / "good.keras")).output_shape == (None, 2)


def test_an_output_larger_than_memory_is_refused(tmp_path):
    model = keras.Sequential(
        [keras.Input((8, 8, 3)), layers.UpSampling2D(3), layers.GlobalAveragePooling2D()]
    )
    path = tmp_path / "large.keras"
    described_otherwise(model, path, '"size": [3, 3]', '"size": [3000, 3000]')
    assert "gives 1,728,000,000 numbers" in refusal(path)


def test_a_fused_copy_loads_too(tmp_path):
    """Loads a file with this package's own layer, which is registered."""
    model = training_copy(tiny.classifier())
    path = saved(model, tmp_path / "copy.keras")
    with zipfile.ZipFile(path) as archive:
        description = archive.read("config.json").decode()
    # Files of version 0.1.0 name the layer so.
    assert '"module": "mosaickd_tf.models.normalization"' in description
    assert '"registered_name": "mosaickd_tf>FusedBatchNormalization"' in description
    loaded = load_classifier(path)
    assert tiny.same_bits(tiny.values(model), tiny.values(loaded))


def test_the_old_format_which_holds_code_is_refused(tmp_path):
    path = tmp_path / "old.h5"
    saved(tiny.classifier(), path)
    assert "not a zip file" in refusal(path)
