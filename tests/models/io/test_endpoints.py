"""Functions of a loaded SavedModel: which one is used, and what it takes and returns."""

import numpy as np
import pytest
import tensorflow as tf

from mosaickd_tf.errors import RequestError
from mosaickd_tf.models.io.endpoints import CALL, choose_endpoint, endpoint_of

IMAGES = tf.constant(np.random.default_rng(0).uniform(0, 1, (2, 8, 8, 3)).astype("float32"))
SPEC = tf.TensorSpec((None, 8, 8, 3), name="photos")


def loaded(tmp_path, signatures, call=None):
    """Saves functions, each with the specs of its inputs, and loads them."""
    module = tf.Module()
    if call is not None:
        module = call
    traced = {
        name: tf.function(function, input_signature=specs).get_concrete_function()
        for name, (function, specs) in signatures.items()
    }
    tf.saved_model.save(module, str(tmp_path / "saved"), signatures=traced or None)
    return tf.saved_model.load(str(tmp_path / "saved"))


def means(photos):
    return {"means": tf.reduce_mean(photos, axis=(1, 2)), "area": tf.shape(photos)[1:2]}


class _Called(tf.Module):
    @tf.function
    def __call__(self, images, training):
        return tf.reduce_sum(images, axis=(1, 2)) * (2.0 if training else 1.0)


@pytest.fixture
def called():
    module = _Called()
    for training in (True, False):
        module.__call__.get_concrete_function(SPEC, training)
    return module


def test_the_default_comes_first_then_the_only_one(tmp_path):
    both = {"serving_default": (means, [SPEC]), "other": (means, [SPEC])}
    saved = loaded(tmp_path, both)
    assert choose_endpoint(saved, "", "path") == "serving_default"
    assert choose_endpoint(saved, "other", "path") == "other"
    saved = loaded(tmp_path, {"classify": (means, [SPEC])})
    assert choose_endpoint(saved, "", "path") == "classify"


def test_several_signatures_are_listed(tmp_path):
    saved = loaded(tmp_path, {"b": (means, [SPEC]), "a": (means, [SPEC])})
    with pytest.raises(RequestError, match="several signatures. Expected .* one of: a, b. Rec"):
        choose_endpoint(saved, "", "path")
    with pytest.raises(RequestError, match="No such signature.*one of: a, b. Received: c for"):
        choose_endpoint(saved, "c", "path")


def test_none_at_all_is_refused(tmp_path):
    with pytest.raises(RequestError, match="has no signature"):
        choose_endpoint(loaded(tmp_path, {}), "", "path")


def test_a_signature_returns_its_outputs_by_name(tmp_path):
    saved = loaded(tmp_path, {"classify": (means, [SPEC])})
    endpoint = endpoint_of(saved, "classify")
    outputs = endpoint(IMAGES)
    assert list(outputs) == ["area", "means"]
    np.testing.assert_allclose(outputs["means"], np.mean(IMAGES, axis=(1, 2)), rtol=1e-6)
    assert endpoint.image_shape == (None, 8, 8, 3)
    assert endpoint.output_specs["means"].shape.as_list() == [None, 3]
    assert endpoint.spec.dtype == tf.float32


def test_a_call_is_used_as_at_inference(tmp_path, called):
    saved = loaded(tmp_path, {}, called)
    assert choose_endpoint(saved, "", "path") == CALL
    endpoint = endpoint_of(saved, CALL)
    expected = np.sum(IMAGES, axis=(1, 2))
    np.testing.assert_allclose(endpoint(IMAGES)["output_0"], expected, rtol=1e-5)


def test_outputs_of_any_structure_have_names(tmp_path):
    def nested(photos):
        return {"b": tf.exp(photos), "a": tf.abs(photos)}

    class Listed(tf.Module):
        @tf.function(input_signature=[SPEC])
        def __call__(self, images):
            return {"heads": [images, -images], "one": nested(images)["a"]}

    outputs = endpoint_of(loaded(tmp_path, {}, Listed()), CALL)(IMAGES)
    assert list(outputs) == ["heads_0", "heads_1", "one"]
    np.testing.assert_array_equal(outputs["heads_1"], -IMAGES)


def test_a_signature_of_any_rank_takes_images_with_channels(tmp_path):
    saved = loaded(tmp_path, {"any": (lambda x: {"y": 2 * x}, [tf.TensorSpec(None, name="x")])})
    assert endpoint_of(saved, "any").image_shape == (None, None, None, None)


@pytest.mark.parametrize(
    "specs, words",
    [
        ([SPEC, tf.TensorSpec((), name="rate")], "it takes 2 inputs"),
        ([tf.TensorSpec((None,), name="x")], "which are no images"),
        ([tf.TensorSpec((None, 8, 8, 3, 1), name="x")], "which are no images"),
        ([tf.TensorSpec((None, 4), tf.string, name="x")], "which are no images"),
    ],
)
def test_a_signature_that_takes_something_else_is_refused(tmp_path, specs, words):
    def first(*inputs):
        return {"y": tf.identity(inputs[0])}

    saved = loaded(tmp_path, {"serve": (first, specs)})
    with pytest.raises(ValueError, match=words):
        endpoint_of(saved, "serve")


def test_a_call_that_takes_something_else_is_refused(tmp_path):
    class Two(tf.Module):
        @tf.function(input_signature=[SPEC, SPEC])
        def __call__(self, one, other):
            return one + other

    with pytest.raises(ValueError, match="other arguments than images"):
        endpoint_of(loaded(tmp_path, {}, Two()), CALL)
