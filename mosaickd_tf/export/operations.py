"""What a .tflite file computes with, read from the file itself."""

from mosaickd_tf.errors import RequestError


def of_file(path):
    """The operations of a .tflite file in the order of computation.

    Returns:
        A list of pairs: an operation's name, as "CONV_2D", and the set of names of the types
        of what it takes and gives, as "INT8".
    """
    from ai_edge_litert.tools import flatbuffer_utils

    model = flatbuffer_utils.read_model(str(path))
    names = [flatbuffer_utils.opcode_to_name(model, i) for i in range(len(model.operatorCodes))]
    found = []
    for graph in model.subgraphs:
        for operator in graph.operators:
            tensors = [graph.tensors[i] for i in (*operator.inputs, *operator.outputs) if i >= 0]
            types = {flatbuffer_utils.type_to_name(tensor.type) for tensor in tensors}
            found.append((names[operator.opcodeIndex], types))
    return found


def check_integers(path, name, allowed=()):
    """Raises `RequestError` when the file of this student computes in float.

    Args:
        path: a .tflite file.
        name: what the student is called.
        allowed: names of operations that may, those between float and integers.
    """
    in_float = {op for op, types in of_file(path) if any("FLOAT" in name for name in types)}
    refused = in_float - set(allowed)
    if refused:
        named = sorted(refused - {"QUANTIZE", "DEQUANTIZE"} or refused)  # those stand around it
        raise RequestError(
            f"The student {name!r} cannot become a file of integers. Expected operations that "
            f"LiteRT computes in integers. Received: {', '.join(named)}. Replace those layers, "
            "or leave such formats out of --exports"
        )
