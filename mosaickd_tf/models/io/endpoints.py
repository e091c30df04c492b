"""Functions of a loaded SavedModel that take images: its signatures, or its `__call__`."""

import tensorflow as tf

from mosaickd_tf.errors import RequestError

DEFAULT = "serving_default"
CALL = "__call__"
_RANKS = (2, 3, 4)  # of images with the batch: flat, gray and with channels


class Endpoint:
    """A function from images to a dict of outputs.

    Args:
        function: the function.
        spec: `tf.TensorSpec` of its images.
        outputs: outputs of the function as it was traced, of any structure.
        keyword: name of its argument; None where it is the first.
        constants: further positional arguments.

    Attributes:
        spec: as given.
        output_specs: dict of the `tf.TensorSpec` of each output.
        image_shape: tuple of the shape of the images with the batch, None for open ones; of a
            signature that takes any rank, that of images with channels.
    """

    def __init__(self, function, spec, outputs, keyword=None, constants=()):
        self._function, self._keyword, self._constants = function, keyword, constants
        self.spec = spec
        self.output_specs = {
            name: tf.TensorSpec(value.shape, value.dtype)
            for name, value in _by_name(outputs).items()
        }
        rank = spec.shape.rank
        self.image_shape = (None,) * 4 if rank is None else tuple(spec.shape)

    def __call__(self, images):
        """Returns a dict of outputs, in the order of their names."""
        if self._keyword is None:
            outputs = self._function(images, *self._constants)
        else:
            outputs = self._function(**{self._keyword: images})
        return _by_name(outputs)


def choose_endpoint(loaded, wanted, path):
    """Returns the name of the signature to use, or `CALL` where there is none but a `__call__`.

    Args:
        loaded: a SavedModel as TensorFlow loads it.
        wanted: name that the user gave; `serving_default`, or the only signature, if empty.
        path: of the SavedModel, for errors.

    Raises:
        RequestError: when there is no such signature, or none to choose, with a list.
    """
    names = sorted(loaded.signatures)
    names += [CALL] if not names and hasattr(loaded, CALL) else []
    if wanted in names:
        return wanted
    if not wanted and DEFAULT in names:
        return DEFAULT
    if not wanted and len(names) == 1:
        return names[0]
    if not names:
        raise RequestError(
            "The SavedModel has no signature. Expected one, as model.export of Keras or "
            f"tf.saved_model.save with `signatures` write it. Received: {str(path)!r} without. "
            "Save it with one"
        )
    is_there = "No such signature" if wanted else "The SavedModel has several signatures"
    raise RequestError(
        f"{is_there}. Expected `teacher_signature` as one of: {', '.join(names)}. Received: "
        f"{wanted or 'none'} for {str(path)!r}. Choose one"
    )


def endpoint_of(loaded, name):
    """Returns the `Endpoint` of a name that `choose_endpoint` returned.

    Raises:
        ValueError: for one that does not take a single tensor of images.
    """
    if name != CALL or CALL in loaded.signatures:
        function = loaded.signatures[name]
        specs = function.structured_input_signature[1]
        _check_specs(specs)
        ((keyword, spec),) = specs.items()
        return Endpoint(function, spec, function.structured_outputs, keyword)
    for concrete in sorted(loaded.__call__.concrete_functions, key=_is_training):
        arguments, named = concrete.structured_input_signature
        first, *constants = arguments or (None,)
        tensors = tf.nest.flatten([constants, named])
        if isinstance(first, tf.TensorSpec) and not any(map(_is_spec, tensors)):
            _check_specs({"images": first})
            return Endpoint(loaded, first, concrete.structured_outputs, constants=constants)
    raise ValueError("its __call__ takes other arguments than images")


def _is_training(concrete):
    """Returns whether a function was traced with an argument that is True."""
    arguments = tf.nest.flatten(concrete.structured_input_signature)
    return any(argument is True for argument in arguments)


def _is_spec(argument):
    return isinstance(argument, tf.TypeSpec)


def _check_specs(specs):
    taken = {name: f"{spec.dtype.name} {spec.shape}" for name, spec in specs.items()}
    if len(specs) != 1:
        raise ValueError(f"it takes {len(specs)} inputs, {taken}, in place of images alone")
    (spec,) = specs.values()
    is_number = spec.dtype.is_floating or spec.dtype.is_integer
    if not is_number or spec.shape.rank not in (None, *_RANKS):
        raise ValueError(f"it takes {taken}, which are no images")


def _by_name(outputs):
    """Returns outputs of any structure as a dict in the order of their names."""
    if isinstance(outputs, dict):
        return {
            name if len(values) == 1 else f"{name}_{index}": value
            for name, values in ((key, tf.nest.flatten(outputs[key])) for key in sorted(outputs))
            for index, value in enumerate(values)
        }
    values = tf.nest.flatten(outputs)
    return {f"output_{index}": value for index, value in enumerate(values)}
