"""SavedModels as Keras models, if the user allows their graphs to run."""

import os

import keras
import tensorflow as tf

from mosaickd_tf import vetting
from mosaickd_tf.errors import RequestError
from mosaickd_tf.models.io.endpoints import choose_endpoint, endpoint_of
from mosaickd_tf.models.io.fixed_batch import in_batches_of
from mosaickd_tf.utils.text import cause

_SIDES = (32, 64, 96, 224, 299)  # tried where the images may have any
_CHANNELS = (3, 1)


@keras.saving.register_keras_serializable(package="mosaickd_tf")
class SavedModelLayer(keras.layers.TFSMLayer):
    """`TFSMLayer` around one signature of a SavedModel that supports copies of its network.

    Keras refuses to build such a layer from a configuration. This one is built only from
    configurations of this process: a .keras file that names it is refused before Keras reads it.

    Args:
        filepath: folder of the SavedModel.
        call_endpoint: name of the signature, or "__call__".
        output_keys: names of the outputs to return.
        **kwargs: of a Keras layer.
    """

    is_black_box = True  # its graph is not one of Keras layers

    def __init__(self, filepath, call_endpoint, output_keys, **kwargs):
        super().__init__(filepath, call_endpoint, **kwargs)
        self.autocast = False
        self.endpoint = endpoint_of(self._reloaded_obj, call_endpoint)
        self.output_keys = output_keys

    def call(self, inputs, training=False, **_):
        """Returns a list of outputs for images of any dtype, which is cast to the signature's.

        Images of a signature that has a fixed batch size are given to it in batches of that size,
        of which zeros fill the last. To integers, images are rounded.
        """
        spec = self.endpoint.spec
        images = _cast(inputs, spec.dtype)
        batch_size = spec.shape[0] if spec.shape.rank else None
        if batch_size is None:
            outputs = self.endpoint(images)
        else:
            specs = {key: self.endpoint.output_specs[key] for key in self.output_keys}
            call = self.endpoint
            outputs = in_batches_of(
                batch_size, lambda x: {key: call(x)[key] for key in specs}, images, specs
            )
        return [outputs[key] for key in self.output_keys]

    def stored_vectors(self):
        """Returns the float vectors among the variables of the SavedModel, as NumPy arrays."""
        prefix = os.path.join(self.filepath, "variables", "variables")
        if not os.path.isfile(f"{prefix}.index"):
            return []
        reader = tf.train.load_checkpoint(prefix)
        dtypes = reader.get_variable_to_dtype_map()
        return [
            reader.get_tensor(name)
            for name, shape in reader.get_variable_to_shape_map().items()
            if len(shape) == 1 and dtypes[name].is_floating
        ]

    def get_config(self):
        """Returns the arguments of the layer."""
        return super().get_config() | {"output_keys": self.output_keys}

    @classmethod
    def from_config(cls, config, **_):
        """Loads the SavedModel of the configuration again."""
        return cls(**config)


def load_saved_model(path, allow_code=False, signature=""):
    """Loads a SavedModel as a Keras model. Its graph, which may do anything, runs.

    Args:
        path: the folder.
        allow_code: whether the user allows that.
        signature: name of the signature; `serving_default`, or the only one, if empty.

    Returns:
        A Keras model from the images of the signature, of any batch size, to its outputs.

    Raises:
        RequestError: as `open_saved_model`.
    """
    return open_saved_model(path, allow_code, signature)[0]


def open_saved_model(path, allow_code=False, signature=""):
    """Loads a SavedModel as `load_saved_model` does, and says what is known of it.

    Args:
        path: the folder.
        allow_code: whether the user allows that.
        signature: name of the signature; `serving_default`, or the only one, if empty.

    Returns:
        `(model, written_by, remarks)`: the Keras model, whose outputs have the names of the
        signature's; what wrote the file, as "TensorFlow 2.21.0"; a list of remarks.

    Raises:
        RequestError: without permission, with the operations that would run; for a folder that
            cannot be loaded, without such a signature, and for a signature that takes no images.
    """
    if not allow_code:
        raise RequestError(
            "A SavedModel runs code: its graph may read and write files. Expected `allow_code`, or "
            f"the model as a .keras file. Received: {str(path)!r}, {vetting.operations(path)}. "
            "Allow it if you trust its source"
        )
    try:
        loaded = tf.saved_model.load(str(path))
        name = choose_endpoint(loaded, signature, path)
        endpoint = endpoint_of(loaded, name)
        shape, kept, left_out = _try(endpoint)
        images = keras.Input(shape, dtype=endpoint.spec.dtype.name, name="saved_model_images")
        tensors = SavedModelLayer(str(path), name, list(kept))(images)
        outputs = [
            keras.layers.Identity(name=_layer_name(key), dtype=_dtype(tensor))(tensor)
            for key, tensor in zip(kept, tensors, strict=True)
        ]
        model = keras.Model(
            images, outputs[0] if len(outputs) == 1 else outputs, name="saved_model"
        )
    except RequestError:
        raise
    except Exception as error:  # TensorFlow raises various types for a broken folder
        raise RequestError(
            "Not a SavedModel of a classifier. Expected a signature from images (batch, height, "
            f"width, channels) to one output or several. Received: {str(path)!r} ({cause(error)}). "
            "Choose another `teacher_signature`, or save the model as .keras"
        ) from error
    version = getattr(loaded, "tensorflow_version", "")
    return model, f"TensorFlow {version}" if version else "", _remarks(name, left_out)


def _cast(images, dtype):
    if images.dtype.is_floating and dtype.is_integer:
        return tf.saturate_cast(tf.round(images), dtype)
    return tf.cast(images, dtype)


def _try(endpoint):
    """Runs an endpoint on two images of zeros, or on its own number.

    Returns:
        `(shape, kept, left_out)`: the shape of its images without the batch, None for sides that
        are open; the outputs by name that are numbers of each image; names of the others.

    Raises:
        ValueError: without such outputs.
        Exception: anything that TensorFlow raises where no shape of images works.
    """
    batch_size, *shape = endpoint.image_shape
    error = ValueError("no shape of images works")
    for taken, side in _shapes(shape):
        try:
            tried = [side if size is None else size for size in taken]
            images = tf.zeros([batch_size or 2, *tried], endpoint.spec.dtype)
            outputs = endpoint(images)
        except Exception as reason:  # of another shape than the graph takes
            error = reason
            continue
        kept = {key: value for key, value in outputs.items() if _of_images(value, images)}
        if not kept:
            raise ValueError(f"no output with numbers of each image, but {list(outputs)}")
        return tuple(taken), kept, [key for key in outputs if key not in kept]
    raise error


def _shapes(shape):
    """Yields shapes that the images may have, with a size to try for the sides that are open."""
    is_open = len(shape) == 3 and shape[-1] is None and shape[0] not in _CHANNELS
    for channels in _CHANNELS if is_open else shape[-1:]:
        tried = [*shape[:-1], channels]
        yield from ((tried, side) for side in (_SIDES if None in tried else (None,)))


def _of_images(output, images):
    is_number = output.dtype.is_floating or output.dtype.is_integer
    return is_number and output.shape.rank and output.shape[0] == images.shape[0]


def _dtype(tensor):
    return tensor.dtype if "float" in tensor.dtype else "float32"


def _layer_name(key):
    return key.replace("/", "_").replace(":", "_")


def _remarks(name, left_out):
    remarks = [] if name == "serving_default" else [f"signature {name!r}"]
    if left_out:
        remarks.append(f"left out, as no numbers of each image: {', '.join(left_out)}")
    return remarks
