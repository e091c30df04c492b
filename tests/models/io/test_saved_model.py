"""SavedModels as teachers: examined, refused, and run when it is allowed."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from mosaickd_tf.errors import RequestError
from mosaickd_tf.models import load_classifier, load_saved_model, parameters, training_copy
from mosaickd_tf.models.io.model_file import open_model_file
from mosaickd_tf.models.io.saved_model import open_saved_model
from tests import tiny

IMAGES = np.random.default_rng(0).uniform(size=(5, 8, 8, 3)).astype("float32")
WEIGHTS = np.random.default_rng(1).normal(size=(3, 4)).astype("float32")
EXPECTED = IMAGES.mean(axis=(1, 2)) @ WEIGHTS


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """Returns a classifier and its SavedModel."""
    model = tiny.classifier()
    folder = tmp_path_factory.mktemp("saved") / "teacher"
    model.export(folder, format="tf_saved_model", verbose=False)
    return model, folder


class Signatures(tf.Module):
    """Functions of means of channels, as other tools write signatures."""

    def __init__(self):
        super().__init__()
        self.weights = tf.Variable(WEIGHTS)

    @tf.function(input_signature=[tf.TensorSpec((2, 8, 8, 3))])
    def pairs(self, images):
        logits = tf.reduce_mean(images, axis=(1, 2)) @ self.weights
        return {
            "head/logits": logits,
            "best": tf.argmax(logits, axis=-1),
            "names": tf.constant(["cat", "dog"]),
            "total": tf.reduce_sum(logits),
        }

    @tf.function(input_signature=[tf.TensorSpec((None, 3, 8, 8))])
    def channels_first(self, images):
        return tf.reduce_mean(images, axis=(2, 3)) @ self.weights

    @tf.function(input_signature=[tf.TensorSpec(None)])
    def any_rank(self, images):
        return tf.reduce_mean(images, axis=(1, 2)) @ self.weights

    @tf.function(input_signature=[tf.TensorSpec((None, None, None, 3), tf.uint8)])
    def integers(self, pixels):
        return tf.reduce_mean(tf.cast(pixels, "float32"), axis=(1, 2)) @ self.weights

    @tf.function(input_signature=[tf.TensorSpec((None,), tf.string)])
    def files(self, content):
        return tf.zeros((tf.size(content), 4))

    @tf.function(input_signature=[tf.TensorSpec((None, 8, 8, 3)), tf.TensorSpec((), tf.bool)])
    def two(self, images, training):
        return tf.reduce_mean(images, axis=(1, 2)) @ self.weights


@pytest.fixture(scope="module")
def signatures(tmp_path_factory):
    """Returns the SavedModel of `Signatures`."""
    module, folder = Signatures(), tmp_path_factory.mktemp("signatures")
    names = ("pairs", "channels_first", "any_rank", "integers", "files", "two")
    tf.saved_model.save(module, folder, signatures={name: getattr(module, name) for name in names})
    return folder


def writer(folder):
    """Saves a model that writes a file when it runs; returns its folder and the file's path."""
    witness = folder / "it ran"

    class Writer(tf.Module):
        @tf.function(input_signature=[tf.TensorSpec((None, 8, 8, 3))])
        def serve(self, images):
            tf.io.write_file(str(witness), "it ran")
            return {"logits": tf.reduce_mean(images, axis=(1, 2))}

    module = Writer()
    tf.saved_model.save(module, folder / "model", signatures={"serving_default": module.serve})
    witness.unlink(missing_ok=True)
    return folder / "model", witness


# Permission


def test_it_says_what_it_would_execute_and_does_not(tmp_path):
    folder, witness = writer(tmp_path)
    for load in (load_saved_model, load_classifier):
        with pytest.raises(RequestError, match="WriteFile") as caught:
            load(folder)
        message = str(caught.value)
        assert "`allow_code`" in message and repr(str(folder)) in message
        assert len(message.splitlines()) == 1
    assert not witness.exists()
    load_saved_model(folder, allow_code=True)(np.zeros((1, 8, 8, 3), "float32"))
    assert witness.exists()


def test_a_broken_graph_is_refused_with_and_without_permission(tmp_path):
    (tmp_path / "saved_model.pb").write_bytes(b"\xff\xff no graph")
    for allow_code in (False, True):
        with pytest.raises(RequestError, match="Received") as caught:
            load_saved_model(tmp_path, allow_code=allow_code)
        assert str(tmp_path) in str(caught.value)


# The default signature


def test_allowed_it_gives_what_the_model_gives(exported):
    model, folder = exported
    images = np.random.default_rng(0).uniform(size=(3, 8, 8, 3)).astype("float32")
    teacher = load_saved_model(folder, allow_code=True)
    expected = model(images, training=False)
    np.testing.assert_allclose(teacher(images, training=False), expected, atol=1e-5)
    copy = training_copy(teacher)
    np.testing.assert_allclose(copy(images, training=False), expected, atol=1e-5)
    assert (teacher.input_shape, teacher.output_shape) == (model.input_shape, model.output_shape)
    assert parameters(teacher) >= parameters(model)


def test_gradients_flow_back_through_it(exported):
    """Compares gradients, through which the generator learns from its teacher."""
    model, folder = exported
    teacher = training_copy(load_saved_model(folder, allow_code=True))
    images = tf.constant(np.random.default_rng(1).uniform(size=(2, 8, 8, 3)), "float32")

    def slope(network):
        with tf.GradientTape() as tape:
            tape.watch(images)
            total = tf.reduce_sum(network(images, training=False) ** 2)
        return tape.gradient(total, images)

    np.testing.assert_allclose(slope(teacher), slope(model), rtol=1e-3, atol=1e-5)


def test_a_dict_of_outputs_keeps_its_names(tmp_path):
    images = keras.Input((None, None, 3))
    logits = keras.layers.Dense(4)(keras.layers.GlobalAveragePooling2D()(images))
    probabilities = keras.layers.Softmax()(logits)
    model = keras.Model(images, {"probabilities": probabilities, "logits": logits})
    model.export(tmp_path / "m", format="tf_saved_model", verbose=False)
    file = open_model_file(tmp_path / "m", allow_code=True)
    assert file.output_names == ("logits", "probabilities")
    assert file.model.input_shape == (None, None, None, 3)
    assert file.has_gradients and file.written_by == f"TensorFlow {tf.__version__}"
    for name, received in zip(file.output_names, file.model(IMAGES), strict=True):
        np.testing.assert_allclose(received, model(IMAGES)[name], atol=1e-6)


# Other signatures


def test_several_signatures_are_listed_for_the_choice(signatures):
    for wanted, beginning in (("", "The SavedModel has several"), ("other", "No such signature")):
        with pytest.raises(RequestError, match=beginning) as caught:
            load_saved_model(signatures, True, wanted)
        assert "`teacher_signature` as one of: any_rank, channels_first, files" in str(caught.value)


def test_a_fixed_batch_size_takes_any_number_of_images(signatures):
    model, _, remarks = open_saved_model(signatures, True, "pairs")
    assert model.output_names == ["best", "head_logits"]
    assert remarks == ["signature 'pairs'", "left out, as no numbers of each image: names, total"]
    for network in (model, training_copy(model)):
        compiled = tf.function(lambda x, network=network: network(x, training=False))
        for count in (1, 2, 5):
            best, logits = compiled(IMAGES[:count])
            np.testing.assert_allclose(logits, EXPECTED[:count], atol=1e-5)
            np.testing.assert_array_equal(best, EXPECTED[:count].argmax(axis=-1))


def test_axes_and_ranks_are_the_signature_s(signatures):
    first = load_saved_model(signatures, True, "channels_first")
    assert first.input_shape == (None, 3, 8, 8)
    np.testing.assert_allclose(first(IMAGES.transpose(0, 3, 1, 2)), EXPECTED, atol=1e-5)
    free = load_saved_model(signatures, True, "any_rank")
    assert free.input_shape == (None, None, None, 3)
    np.testing.assert_allclose(free(IMAGES), EXPECTED, atol=1e-5)


def test_integers_are_taken_and_floats_rounded_to_them(signatures):
    file = open_model_file(signatures, allow_code=True, signature="integers")
    assert file.model.inputs[0].dtype == "uint8" and not file.has_gradients
    pixels = np.round(255 * IMAGES).astype("uint8")
    expected = pixels.mean(axis=(1, 2)) @ WEIGHTS
    np.testing.assert_allclose(file.model(pixels), expected, rtol=1e-4)
    nearly = pixels.astype("float32") - 0.3  # a cast alone would take the integer below
    layer = file.model.layers[1]
    np.testing.assert_allclose(layer(nearly)[0], expected, rtol=1e-4)


@pytest.mark.parametrize(("signature", "reason"), [("files", "string"), ("two", "2 inputs")])
def test_what_takes_no_images_is_refused(signatures, signature, reason):
    with pytest.raises(RequestError, match=reason) as caught:
        load_saved_model(signatures, True, signature)
    assert "another `teacher_signature`" in str(caught.value)


def test_without_signatures_its_call_is_used(tmp_path):
    class Called(tf.Module):
        @tf.function
        def __call__(self, images, training=False):
            return [tf.reduce_mean(images, axis=(1, 2)) * (100.0 if training else 1.0)]

    module, spec = Called(), tf.TensorSpec((None, 8, 8, 3))
    for training in (True, False):
        module.__call__.get_concrete_function(spec, training=training)
    tf.saved_model.save(module, tmp_path / "called")
    model = load_saved_model(tmp_path / "called", True)
    np.testing.assert_allclose(model(IMAGES), IMAGES.mean(axis=(1, 2)), atol=1e-5)
    tf.saved_model.save(tf.Module(), tmp_path / "empty")
    with pytest.raises(RequestError, match="has no signature"):
        load_saved_model(tmp_path / "empty", True)
