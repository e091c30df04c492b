"""SavedModels as teachers: examined, refused, and run when it is allowed."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from mosaickd_tf.errors import RequestError
from mosaickd_tf.models import load_classifier, load_saved_model, parameters, training_copy
from tests import tiny


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """Returns a classifier and its SavedModel."""
    model = tiny.classifier()
    folder = tmp_path_factory.mktemp("saved") / "teacher"
    model.export(folder, format="tf_saved_model", verbose=False)
    return model, folder


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


def test_a_signature_of_bytes_is_refused(tmp_path):
    images = keras.Input((8, 8, 3), dtype="uint8")
    pooled = keras.layers.GlobalAveragePooling2D()(keras.layers.Rescaling(1.0)(images))
    keras.Model(images, pooled).export(tmp_path / "m", format="tf_saved_model", verbose=False)
    with pytest.raises(RequestError, match="float32 images"):
        load_saved_model(tmp_path / "m", allow_code=True)


def test_a_broken_graph_is_refused_with_and_without_permission(tmp_path):
    (tmp_path / "saved_model.pb").write_bytes(b"\xff\xff no graph")
    for allow_code in (False, True):
        with pytest.raises(RequestError, match="Received") as caught:
            load_saved_model(tmp_path, allow_code=allow_code)
        assert str(tmp_path) in str(caught.value)
