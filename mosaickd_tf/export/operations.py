"""Operations and ranges of a .tflite file, read from the file and changed in it."""

import re

from mosaickd_tf.errors import RequestError

_TO_PROBABILITIES = ("SOFTMAX", "LOGISTIC")
_AFTER_LOGITS = (*_TO_PROBABILITIES, "QUANTIZE", "DEQUANTIZE", "RESHAPE")
_OF_ANY_RANGE = ("FULLY_CONNECTED", "CONV_2D")  # operations whose output may have any scale
_SMALLEST_SCALE = 1e-8  # above that which the converter writes for a range of 0 to 0


def of_file(path):
    """Lists the operations of a .tflite file in the order of computation.

    Returns:
        A list of pairs: an operation's name, as "CONV_2D", and the set of names of the types
        of its inputs and outputs, as "INT8".
    """
    from ai_edge_litert.tools import flatbuffer_utils

    model = flatbuffer_utils.read_model(str(path))
    found = []
    for graph in model.subgraphs:
        for operator in graph.operators:
            tensors = [graph.tensors[i] for i in (*operator.inputs, *operator.outputs) if i >= 0]
            types = {flatbuffer_utils.type_to_name(tensor.type) for tensor in tensors}
            found.append((flatbuffer_utils.opcode_to_name(model, operator.opcodeIndex), types))
    return found


def check_ranges(path, name):
    """Raises `RequestError` when a tensor in the file of this student is always about 0.

    The runtime aborts the process at the scale of such a tensor.
    """
    from ai_edge_litert.tools import flatbuffer_utils

    graph = flatbuffer_utils.read_model(str(path)).subgraphs[0]
    for tensor in (graph.tensors[i] for operator in graph.operators for i in operator.outputs):
        scale = tensor.quantization.scale if tensor.quantization else None
        if scale is not None and len(scale) == 1 and 0 < scale[0] < _SMALLEST_SCALE:
            raise RequestError(
                f"The student {name!r} cannot become a file of integers. Expected calibration "
                f"images that activate every layer. Received: at most about 0 in "
                f"{tensor.name.decode()!r}. Choose another `calibration`"
            )


def check_integers(path, name, allowed=(), layers=()):
    """Raises `RequestError` when the file of a student computes in float.

    Args:
        path: a .tflite file.
        name: of the student.
        allowed: names of operations that may, those between floats and integers.
        layers: names of the student's layers, of which the error names those that do.
    """
    in_float = {op for op, types in of_file(path) if any("FLOAT" in kind for kind in types)}
    refused = in_float - set(allowed)
    if refused:
        names = sorted(refused - {"QUANTIZE", "DEQUANTIZE"} or refused)  # those enclose others
        found = ", ".join(map(repr, _layers_of(path, names, layers)))
        raise RequestError(
            f"The student {name!r} cannot become a file of integers. Expected operations "
            f"that LiteRT computes in integers. Received: {', '.join(names)}"
            f"{found and f' of the layers {found}'}. Replace those layers, or leave such "
            "formats out of `exports`"
        )


def _layers_of(path, names, layers):
    """Returns those of the layers that operations of these names come from, by their names."""
    from ai_edge_litert.tools import flatbuffer_utils

    model = flatbuffer_utils.read_model(str(path))
    paths = [
        graph.tensors[number].name.decode(errors="replace")
        for graph in model.subgraphs
        for operator in graph.operators
        if flatbuffer_utils.opcode_to_name(model, operator.opcodeIndex) in names
        for number in operator.outputs
    ]
    # The graph numbers the calls of a layer: `norm_1` in the path is the layer `norm`.
    parts = {part for path in paths for part in path.split("/")}
    parts |= {re.sub(r"_\d+$", "", part) for part in parts}
    return [layer for layer in layers if layer in parts]


def widen_logits(path, factor):
    """Multiplies the range of the logits in a .tflite file of integers.

    Logits beyond the range are clipped, and two classes there become equal. A file whose logits
    come from another operation than a dense layer or a convolution stays unchanged.

    Args:
        path: a .tflite file.
        factor: of the range, and with it of the step between two integers.
    """
    from ai_edge_litert.tools import flatbuffer_utils

    model = flatbuffer_utils.read_model(str(path))
    (graph,) = model.subgraphs
    wanted, logits = graph.outputs[0], []
    for operator in reversed(graph.operators):
        if wanted not in operator.outputs:
            continue
        name = flatbuffer_utils.opcode_to_name(model, operator.opcodeIndex)
        is_probability = name in _TO_PROBABILITIES
        logits = [] if is_probability else [*logits, graph.tensors[wanted].quantization]
        if name not in _AFTER_LOGITS:
            break
        wanted = operator.inputs[0]
    if name not in _OF_ANY_RANGE:
        return
    for one in logits:
        if one is not None and one.scale is not None:  # else they are floats
            one.scale = [scale * factor for scale in one.scale]
    path.write_bytes(flatbuffer_utils.convert_object_to_bytearray(model))


def forget_names(path):
    """Removes the names of inner tensors, which the runtime does not need, from a .tflite file."""
    from ai_edge_litert.tools import flatbuffer_utils

    model = flatbuffer_utils.read_model(str(path))
    for graph in model.subgraphs:
        kept = {*graph.inputs, *graph.outputs}
        for number, tensor in enumerate(graph.tensors):
            if number not in kept:
                tensor.name = b""
    path.write_bytes(flatbuffer_utils.convert_object_to_bytearray(model))
