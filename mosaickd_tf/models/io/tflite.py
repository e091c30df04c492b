"""TFLite files as Keras models of images: black boxes, which LiteRT runs outside of the graph."""

import os
import threading

import keras
import numpy as np
import tensorflow as tf

from mosaickd_tf import vetting
from mosaickd_tf.errors import RequestError
from mosaickd_tf.utils.text import first_line

_CHUNK = 64  # images that the runtime gets at once where it takes more than one
# Ranges of pixels by what the lowest and the highest integer of a quantized input mean.
_RANGES = {"unit": (0, 1), "signed": (-1, 1), "bytes": (0, 255)}
_TOLERANCE = 0.05  # of their difference: calibration images may miss the darkest and brightest


@keras.saving.register_keras_serializable(package="mosaickd_tf")
class TfliteLayer(keras.layers.Layer):
    """Layer that runs a .tflite file of built-in operations; no gradients flow through it.

    Args:
        filepath: of the file, which is vetted each time that the layer is created.
        **kwargs: of a Keras layer.
    """

    is_black_box = True  # its graph is not one of Keras layers

    def __init__(self, filepath, **kwargs):
        super().__init__(**({"dtype": "float32"} | kwargs))
        self.autocast = False
        self.supports_jit = False  # it calls Python
        self.filepath = os.path.abspath(filepath)
        self.runner = TfliteRunner(self.filepath)

    def call(self, images):
        """Returns a list of the file's outputs, float32, for images of its input's real values."""
        dtypes = [tf.float32] * len(self.runner.outputs)
        outputs = tf.numpy_function(self.runner.run, [images], dtypes, stateful=False)
        outputs = tf.nest.flatten(outputs)
        for tensor, output in zip(outputs, self.runner.outputs, strict=True):
            tensor.set_shape((None, *output.shape))
        return outputs

    def get_config(self):
        """Returns the arguments of the layer."""
        return super().get_config() | {"filepath": self.filepath}


def load_tflite(path):
    """Loads a TFLite file as a Keras model of images.

    An input that is quantized is one of float images here, of the real values that its scale and
    zero point give to its integers; the model quantizes them. So a file of int8 or uint8 images
    that was calibrated on images in [-1, 1] takes images in [-1, 1]. An input of uint8 without
    scale takes uint8 images. Quantized outputs are dequantized.

    Args:
        path: of the file, which is vetted first.

    Returns:
        `(model, pixels, remarks)`: the Keras model, of any batch size, from images to float32
        outputs; the range of pixels, a value of `teacher_input`, that a quantized input shows,
        else ""; a list of remarks.

    Raises:
        RequestError: for a file that is unreadable, unsafe or takes no images.
    """
    layer = TfliteLayer(path)
    runner = layer.runner
    images = keras.Input(runner.image_shape, dtype=runner.image_dtype, name="tflite_images")
    outputs = [
        keras.layers.Identity(name=output.name, dtype="float32")(tensor)
        for output, tensor in zip(runner.outputs, layer(images), strict=True)
    ]
    model = keras.Model(images, outputs[0] if len(outputs) == 1 else outputs, name="tflite")
    remarks = ["a black box: for methods that need neither gradients nor features of the teacher"]
    if runner.input.scale:
        low, high = runner.input.real_range
        remarks.append(f"{runner.input.dtype} input for values from {low:.4g} to {high:.4g}")
    return model, runner.input.pixels, remarks


def takes_bytes(model):
    """Checks whether a model of `load_tflite` runs a file of one uint8 image to one vector."""
    runners = [layer.runner for layer in model.layers if isinstance(layer, TfliteLayer)]
    return any(
        runner.input.dtype == np.uint8 and [len(x.shape) for x in runner.outputs] == [1]
        for runner in runners
    )


class _Tensor:
    """An input or output of a .tflite file.

    Args:
        details: of the interpreter.
        name: of the tensor.
    """

    def __init__(self, details, name):
        self.index = details["index"]
        self.name = name.replace("/", "_").replace(":", "_").replace(";", "_")
        self.dtype = np.dtype(details["dtype"])
        scale, self.zero_point = details["quantization"]
        self.scale = float(scale)
        sides = details.get("shape_signature", details["shape"]).tolist()
        self.batch_size = sides[0] if sides else 0
        self.shape = tuple(None if side < 0 else side for side in sides[1:])

    @property
    def real_range(self):
        """Real values of the lowest and the highest integer."""
        limits = np.iinfo(self.dtype)
        return tuple(self.scale * (q - self.zero_point) for q in (limits.min, limits.max))

    @property
    def pixels(self):
        """Range of pixels that the quantization shows; "" where it does not.

        One that is symmetric about 0 does not: it may hold images in [-1, 1] or only the upper
        half, images in [0, 1].
        """
        if not self.scale or self.dtype.itemsize != 1 or self._is_symmetric():
            return ""
        low, high = self.real_range
        for name, (lowest, highest) in _RANGES.items():
            allowed = _TOLERANCE * (highest - lowest)
            if abs(low - lowest) <= allowed and abs(high - highest) <= allowed:
                return name
        return ""

    def _is_symmetric(self):
        return self.dtype == np.int8 and self.zero_point == 0

    def quantized(self, values):
        """Returns real values as the file takes them."""
        if self.dtype == np.float32:
            return values.astype(np.float32)
        limits = np.iinfo(self.dtype)
        scale, zero_point = (self.scale, self.zero_point) if self.scale else (1.0, 0)
        values = np.round(values.astype(np.float64) / scale) + zero_point
        return np.clip(values, limits.min, limits.max).astype(self.dtype)

    def dequantized(self, values):
        """Returns values of the file as float32 real ones."""
        if self.scale and self.dtype.kind in "iu":
            values = (values.astype(np.float64) - self.zero_point) * self.scale
        return values.astype(np.float32)


class TfliteRunner:
    """Function of a .tflite file on NumPy arrays of any batch size; safe to call from threads.

    Args:
        path: of the file, which is vetted.

    Attributes:
        image_shape: of the images without the batch; None for open sides.
        image_dtype: "float32", or "uint8" where the file tells no scale of it.
        input: its `_Tensor`.
        outputs: a `_Tensor` each.

    Raises:
        RequestError: for a file that is unreadable, unsafe or takes no images.
    """

    def __init__(self, path):
        vetting.examine_tflite(path)
        from ai_edge_litert.interpreter import Interpreter

        try:
            self._interpreter = Interpreter(str(path), num_threads=os.cpu_count())
        except (ValueError, RuntimeError) as error:
            raise _refusal(path, first_line(error)) from error
        sources = self._interpreter.get_input_details()
        if len(sources) != 1 or len(sources[0]["shape"]) not in (2, 3, 4):
            shapes = [tuple(source["shape"].tolist()) for source in sources]
            raise _refusal(path, f"inputs of shapes {shapes}")
        self.input = _Tensor(sources[0], "images")
        names = _output_names(self._interpreter)
        targets = self._interpreter.get_output_details()
        found = [_Tensor(target, names.get(target["index"], target["name"])) for target in targets]
        self.outputs = [output for output in found if output.dtype.kind in "fiu"]
        if not self.outputs:
            raise _refusal(path, "no output of numbers")
        self.image_shape = self.input.shape
        self.image_dtype = "float32"
        if not self.input.scale and self.input.dtype != np.float32:
            self.image_dtype = self.input.dtype.name
        if self.image_dtype not in ("float32", "uint8"):
            raise _refusal(path, f"{self.image_dtype} images without a scale")
        self._takes_batches = vetting.takes_batches(path)
        self._lock = threading.Lock()
        self._shape = None  # for which tensors are allocated

    def run(self, images):
        """Returns a list of float32 arrays `(n, ...)` for images `(n, ...)` of real values."""
        size = min(len(images), _CHUNK) if self._takes_batches else self.input.batch_size
        size = max(1, size)
        missing = -len(images) % size if len(images) else size
        filled = np.pad(images, [(0, missing)] + [(0, 0)] * (images.ndim - 1))
        with self._lock:
            rows = [self._invoke(chunk) for chunk in np.split(filled, len(filled) // size)]
        return [np.concatenate(output)[: len(images)] for output in zip(*rows, strict=True)]

    def _invoke(self, images):
        if images.shape != self._shape:
            self._interpreter.resize_tensor_input(self.input.index, images.shape)
            self._interpreter.allocate_tensors()
            self._shape = images.shape
        self._interpreter.set_tensor(self.input.index, self.input.quantized(images))
        self._interpreter.invoke()
        return [
            output.dequantized(self._interpreter.get_tensor(output.index))
            for output in self.outputs
        ]


def _output_names(interpreter):
    """Returns the names of outputs by index, as the file's signature has them."""
    signatures = interpreter.get_signature_list()
    if len(signatures) != 1:
        return {}
    details = interpreter.get_signature_runner(next(iter(signatures))).get_output_details()
    return {value["index"]: name for name, value in details.items()}


def _refusal(path, received):
    return RequestError(
        "Not a supported classifier. Expected a .tflite file of one input of images (batch, "
        f"height, width, channels), float32, uint8 or int8. Received: {str(path)!r}, {received}. "
        "Convert the model again with such an input"
    )
