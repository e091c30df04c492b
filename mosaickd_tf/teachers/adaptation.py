"""Layers in front of a teacher that turn unit images into the images that it takes."""

import keras
import numpy as np
from keras import layers

from mosaickd_tf.data import datasets
from mosaickd_tf.errors import RequestError
from mosaickd_tf.models.graph.rebuilding import with_free_input, with_image_shape

# Mean and standard deviation of unit images by which a teacher's input is standardized.
RANGES = {
    "unit": (0.0, 1.0),
    "signed": (0.5, 0.5),
    "bytes": (0.0, 1 / 255),
    "imagenet": ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
}
CAFFE_MEANS = (103.939, 116.779, 123.68)  # of blue, green and red, in [0, 255]
_LUMA = (19595 / 65536, 38470 / 65536, 7471 / 65536)  # of red, green and blue, as Pillow's "L"


def of_unit_images(model, taken, image_shape):
    """Puts in front of a model what turns unit images into the images that it takes.

    Images of another size are resized, color images for a gray teacher become their luma, gray
    ones for a color teacher three equal channels; then come range of pixels and order of axes.
    All layers are built-in ones through which gradients flow.

    Args:
        model: the Keras model of the file.
        taken: its `TeacherInput`, decided.
        image_shape: `(height, width, channels)` of the unit images.

    Returns:
        A Keras model from unit images `image_shape` to the outputs of the model; the model itself
        where nothing has to be done.

    Raises:
        RequestError: for statistics of another number of channels than the teacher has, and a
            model that cannot be rebuilt for float images and any batch size.
    """
    image_shape = tuple(image_shape)
    height, width, channels = taken.image_shape
    sides = (height or image_shape[0], width or image_shape[1])
    own = (channels, *sides) if taken.channels_first else (*sides, channels)
    model = with_free_input(model)
    if len(model.input_shape) == 4:
        model = with_image_shape(model, own)
    if taken.pixels == "unit" and model.input_shape[1:] == image_shape:
        return model
    images = tensor = keras.Input(image_shape, name="unit_images")
    if sides != image_shape[:2]:
        shrinks = sides[0] < image_shape[0] or sides[1] < image_shape[1]
        tensor = layers.Resizing(
            *sides,
            antialias=shrinks,
            data_format="channels_last",
            dtype="float32",
            name="teacher_size",
        )(tensor)
    tensor = _in_channels(tensor, channels)
    if taken.pixels == "caffe":
        tensor = _caffe(tensor, taken)
    elif taken.pixels != "unit":
        rescaling = _rescaling(taken)
        tensor = layers.Rescaling(**rescaling, name="teacher_input")(tensor)
    tensor = _in_layout(tensor, model.input_shape[1:], taken.channels_first)
    return keras.Model(images, model(tensor), name=model.name)


def _in_channels(images, channels):
    """Returns images in the channels of the teacher."""
    received = images.shape[-1]
    if received == channels:
        return images
    if channels == 1:
        return _mixed(images, np.reshape(_LUMA, (3, 1)), [0.0], "teacher_luma")
    return layers.Concatenate(dtype="float32", name="teacher_channels")([images] * channels)


def _caffe(images, taken):
    """Returns images as `preprocess_input` of keras.applications makes them in mode "caffe"."""
    if taken.image_shape[2] != 3:
        raise _other_channels(taken)
    return _mixed(images, 255.0 * np.eye(3)[::-1], np.negative(CAFFE_MEANS), "teacher_input")


def _mixed(images, matrix, offset, name):
    """Maps the channels of each pixel by a matrix `(from, to)` and an offset `(to,)`."""
    layer = layers.Conv2D(
        matrix.shape[1],
        1,
        data_format="channels_last",
        dtype="float32",
        trainable=False,
        name=name,
    )
    mixed = layer(images)
    layer.set_weights([matrix[None, None].astype("float32"), np.asarray(offset, "float32")])
    return mixed


def _in_layout(images, shape, channels_first):
    """Returns images in the axes of the teacher, of which there may be two or one."""
    if channels_first:
        images = layers.Permute((3, 1, 2), dtype="float32", name="teacher_layout")(images)
    if len(shape) != 3:
        images = layers.Reshape(
            [side or -1 for side in shape], dtype="float32", name="teacher_axes"
        )(images)
    return images


def _rescaling(taken):
    """Returns the scale and offset that standardize unit images."""
    pixels = taken.pixels
    known = RANGES.get(pixels) if isinstance(pixels, str) else None
    mean, std = map(np.asarray, known or datasets.teacher_input(pixels))
    if std.size not in (1, taken.image_shape[2]):
        raise _other_channels(taken)
    return {"scale": (1 / std).tolist(), "offset": (-mean / std).tolist()}


def _other_channels(taken):
    pixels, channels = taken.pixels, taken.image_shape[2]
    if not isinstance(pixels, str):
        return RequestError(
            "`teacher_mean` and `teacher_std` need a number for each channel of the teacher. "
            f"Expected {channels}. Received: {len(pixels[0])} for {taken.path!r}. Give as many"
        )
    return RequestError(
        "`teacher_input` has statistics of 3 channels. Expected unit, signed or bytes. "
        f"Received: teacher_input={pixels} for {channels} channels of {taken.path!r}. Choose another"
    )
