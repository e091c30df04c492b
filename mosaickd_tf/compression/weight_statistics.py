"""Sparsity and clusters of the weights in a .tflite file."""

import numpy as np

from mosaickd_tf.errors import RequestError

GROUP = 4  # input channels, of which 2 are zero in the pattern 2_of_4
_KERNEL = 1  # index among the inputs of such an operation
_OPERATIONS = ("CONV_2D", "FULLY_CONNECTED")
_TYPES = {"FLOAT32": np.float32, "INT8": np.int8}


def of_file(path):
    """Returns the kernels of the convolutions and dense layers of a .tflite file.

    Returns:
        A list of arrays in the order of computation, float32 or int8, output channels first
        and input channels last.

    Raises:
        RequestError: for weights of another type.
    """
    from ai_edge_litert.tools import flatbuffer_utils as utils

    model = utils.read_model(str(path))
    names = [utils.opcode_to_name(model, i) for i in range(len(model.operatorCodes))]
    kernels = []
    for graph in model.subgraphs:
        for operator in graph.operators:
            if names[operator.opcodeIndex] in _OPERATIONS:
                tensor = graph.tensors[operator.inputs[_KERNEL]]
                kind = utils.type_to_name(tensor.type)
                if kind not in _TYPES:
                    raise RequestError(f"Expected weights of {', '.join(_TYPES)}. Received: {kind}")
                data = np.asarray(model.buffers[tensor.buffer].data, np.uint8)
                kernels.append(np.frombuffer(data.tobytes(), _TYPES[kind]).reshape(tensor.shape))
    return kernels


def facts(kernels):
    """Returns the sparsity and the number of values of kernels.

    Args:
        kernels: a list of arrays as `of_file` returns it.

    Returns:
        Dict with `sparsity`, the share of zeros among all weights; `layers`, for each kernel
        its `shape`, `sparsity` and `values`, the number of different weights.
    """
    layers = [
        {
            "shape": list(kernel.shape),
            "sparsity": float(np.mean(kernel == 0)),
            "values": len(np.unique(kernel)),
        }
        for kernel in kernels
    ]
    zeros = sum(int(np.sum(kernel == 0)) for kernel in kernels)
    return {"sparsity": zeros / sum(kernel.size for kernel in kernels), "layers": layers}


def in_groups(kernel):
    """Returns whether 2 or more of each 4 input channels are zero, as in the pattern 2_of_4."""
    return bool(np.all(np.sum(kernel.reshape(-1, GROUP) == 0, axis=-1) >= 2))
