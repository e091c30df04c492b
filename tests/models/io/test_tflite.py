"""TFLite files as Keras models give what the functions that were converted give."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from mosaickd_tf.errors import RequestError
from mosaickd_tf.models.graph.gradients import has_gradients
from mosaickd_tf.models.io.tflite import load_tflite

RNG = np.random.default_rng(0)
IMAGES = RNG.uniform(0, 1, (5, 8, 8, 3)).astype("float32")
MATRIX = RNG.uniform(-1, 1, (3, 4)).astype("float32")


def head(images):
    """Returns four numbers of each image."""
    return tf.reduce_mean(images, axis=(1, 2)) @ MATRIX


def expected(images):
    return images.astype("float64").mean(axis=(1, 2)) @ MATRIX


def converted(path, function=head, shape=(1, 8, 8, 3), dtype=tf.float32, **options):
    """Converts a function of one input to a .tflite file."""
    specs = [tf.TensorSpec(shape, dtype, name="images")]
    module = tf.Module()
    module.serve = tf.function(function, input_signature=specs)
    converter = tf.lite.TFLiteConverter.from_concrete_functions(
        [module.serve.get_concrete_function()], module
    )
    for name, value in options.items():
        setattr(converter, name, value)
    path.write_bytes(converter.convert())
    return path


def quantized(path, low, high, **options):
    """Converts the function with integers only, calibrated on images of a range."""
    images = low + (high - low) * np.concatenate([IMAGES, np.zeros((1, 8, 8, 3)), IMAGES**0])

    def calibration():
        for image in images.astype("float32"):
            yield [image[None]]

    return converted(
        path,
        optimizations=[tf.lite.Optimize.DEFAULT],
        representative_dataset=calibration,
        **{"inference_input_type": tf.uint8, "inference_output_type": tf.uint8} | options,
    )


def outputs(model, images):
    return np.asarray(model(images, training=False))


@pytest.mark.parametrize("batch_size", [1, 2, None])
def test_a_file_of_any_batch_size_takes_any_number_of_images(tmp_path, batch_size):
    path = converted(tmp_path / "1.tflite", shape=(batch_size, 8, 8, 3))
    model, pixels, remarks = load_tflite(path)
    assert model.input_shape == (None, 8, 8, 3) and model.output_shape == (None, 4)
    for count in (0, 1, 5):
        found = outputs(model, IMAGES[:count])
        np.testing.assert_allclose(found, expected(IMAGES[:count]), atol=1e-6)
    assert pixels == "" and "a black box" in remarks[0]


def test_it_is_used_inside_of_other_networks_without_gradients(tmp_path):
    model = load_tflite(converted(tmp_path / "1.tflite"))[0]
    assert not has_gradients(model)
    images = keras.Input((4, 4, 3))
    larger = keras.layers.UpSampling2D(2)(images)
    outer = keras.Model(images, model(larger))
    small = IMAGES[:, :4, :4]
    np.testing.assert_allclose(outer.predict(small, verbose=0), expected(small), atol=1e-6)


@pytest.mark.parametrize(
    "low, high, name",
    [(0, 1, "unit"), (-1, 1, "signed"), (0, 255, "bytes"), (0, 3, "")],
)
def test_integers_stand_for_the_values_that_they_were_calibrated_for(tmp_path, low, high, name):
    model, pixels, remarks = load_tflite(quantized(tmp_path / "1.tflite", low, high))
    assert pixels == name
    assert model.input.dtype == "float32"
    images = low + (high - low) * IMAGES
    step = 4 * (high - low) / 255  # of rounding images, weights and outputs
    np.testing.assert_allclose(outputs(model, images), expected(images), atol=step)
    assert "uint8 input for values from" in remarks[1]


def test_int8_images_and_float_outputs(tmp_path):
    options = {"inference_input_type": tf.int8, "inference_output_type": tf.float32}
    model, pixels, remarks = load_tflite(quantized(tmp_path / "1.tflite", 0, 1, **options))
    np.testing.assert_allclose(outputs(model, IMAGES), expected(IMAGES), atol=0.02)
    assert pixels == "unit" and "int8 input" in remarks[1]


def test_bytes_without_a_scale_are_taken_as_bytes(tmp_path):
    def of_bytes(images):
        return head(tf.cast(images, tf.float32))

    model = load_tflite(converted(tmp_path / "1.tflite", of_bytes, dtype=tf.uint8))[0]
    images = np.round(255 * IMAGES).astype("uint8")
    assert model.input.dtype == "uint8"
    np.testing.assert_allclose(outputs(model, images), expected(images), rtol=1e-4)


def test_open_sides_and_several_outputs(tmp_path):
    def two(images):
        return {"means": tf.reduce_mean(images, axis=(1, 2)), "logits": head(images)}

    path = converted(tmp_path / "1.tflite", two, shape=(1, None, None, 3))
    model = load_tflite(path)[0]
    assert model.input_shape == (None, None, None, 3)
    for side in (8, 6):
        images = IMAGES[:, :side, :side]
        found = {output.shape[-1]: np.asarray(output) for output in model(images, training=False)}
        np.testing.assert_allclose(found[4], expected(images), atol=1e-6)
        np.testing.assert_allclose(found[3], images.mean(axis=(1, 2)), atol=1e-6)


@pytest.mark.parametrize(
    "function, shape, dtype, words",
    [
        (lambda x: 2 * x, (1, 2, 2, 2, 3), tf.float32, "inputs of shapes"),
        (lambda x: 2 * x, (1, 8, 8, 3), tf.int32, "int32 images without a scale"),
    ],
)
def test_a_file_that_takes_something_else_is_refused(tmp_path, function, shape, dtype, words):
    path = converted(tmp_path / "1.tflite", function, shape=shape, dtype=dtype)
    with pytest.raises(RequestError, match=words) as caught:
        load_tflite(path)
    assert len(str(caught.value).splitlines()) == 1


def test_a_broken_file_is_refused(tmp_path):
    path = converted(tmp_path / "1.tflite")
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(RequestError, match="Not a readable model"):
        load_tflite(path)
