"""SavedModels as classifiers, if the user allows their graphs to run."""

import keras
import tensorflow as tf

from mosaickd_tf import vetting
from mosaickd_tf.errors import RequestError
from mosaickd_tf.utils.text import first_line

_ENDPOINT = "serving_default"


@keras.saving.register_keras_serializable(package="mosaickd_tf")
class SavedModelLayer(keras.layers.TFSMLayer):
    """`TFSMLayer` around a SavedModel of one output that supports copies of its network.

    Keras refuses to build such a layer from a configuration. This one is built only from
    configurations of this process: a .keras file that names it is refused before Keras reads it.
    """

    def call(self, inputs, training=False, **_):
        """Returns the logits of float32 images."""
        (outputs,) = super().call(tf.cast(inputs, "float32")).values()
        return outputs

    @classmethod
    def from_config(cls, config, **_):
        """Loads the SavedModel of the configuration again."""
        return cls(**config)


def load_saved_model(path, allow_code=False):
    """Loads a SavedModel as a Keras classifier. Its graph, which may do anything, runs.

    Args:
        path: the folder. Its signature `serving_default` takes float32 images
            `(batch, height, width, channels)` and returns logits `(batch, classes)`.
        allow_code: whether the user allows that.

    Returns:
        A Keras model.

    Raises:
        RequestError: without permission, with the operations that would run; for a folder with
            another signature or none.
    """
    if not allow_code:
        raise RequestError(
            "A SavedModel runs code: its graph may read and write files. Expected `allow_code`, or "
            f"the model as a .keras file. Received: {str(path)!r}, {vetting.operations(path)}. "
            "Allow it if you trust its source"
        )
    try:
        shape = _image_shape(tf.saved_model.load(str(path)))
        images = keras.Input(shape)
        return keras.Model(
            images, SavedModelLayer(str(path), _ENDPOINT)(images), name="saved_model"
        )
    except Exception as error:  # TensorFlow raises various types for a broken folder
        raise RequestError(
            f"Not a SavedModel of a classifier. Expected a signature {_ENDPOINT!r} from float32 "
            f"images (batch, height, width, channels) to one output (batch, classes). Received: "
            f"{str(path)!r} ({first_line(error)}). Save the model as .keras"
        ) from error


def _image_shape(loaded):
    signature = loaded.signatures[_ENDPOINT]
    specs = list(signature.structured_input_signature[1].values())
    outputs = list(signature.structured_outputs.values())
    ranks = [len(spec.shape) for spec in (*specs, *outputs)]
    if ranks != [4, 2] or specs[0].dtype != tf.float32 or None in specs[0].shape[1:]:
        raise ValueError(f"it takes {specs} and returns {outputs}")
    return tuple(specs[0].shape[1:])
