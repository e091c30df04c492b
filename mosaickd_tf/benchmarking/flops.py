"""Floating-point operations of a computation, and those per second of the machine."""

import math
import time

import tensorflow as tf

_CONVOLUTIONS = ("Conv2D", "DepthwiseConv2dNative")
_SIDE, _CHANNELS = 32, 64
_PROCESSOR_SIZES, _GPU_SIZES = (64, 2048), (4096, 8192)  # images, side of the square matrices
_RUNS = 10


def flop_of(function, *args):
    """Counts the floating-point operations of convolutions and matrix products.

    They are counted in the graph, including gradients and without unused operations; a
    multiplication and an addition are two.

    Args:
        function: function of tensors that `tf.function` can trace.
        *args: arguments to trace it with, of known shapes.

    Returns:
        An integer. Both sides of a branch count.
    """
    graph = tf.function(function, autograph=False).get_concrete_function(*args).graph
    return 2 * _macs_in(graph)


def peak_flop_per_second(precision):
    """Measures the operations per second of two plain operations, the best of several runs.

    Args:
        precision: name of a dtype policy.

    Returns:
        Dict with `"convolution"` (3x3, 64 channels, 64 images of 32x32) and
        `"matrix_product"` (2048 squared); on a GPU with 4096 images and 8192 squared, so that
        the launch does not dominate.
    """
    dtype = precision.removeprefix("mixed_")
    gpus = tf.config.list_physical_devices("GPU")
    batch, width = _GPU_SIZES if gpus else _PROCESSOR_SIZES
    maps = tf.ones((batch, _SIDE, _SIDE, _CHANNELS), dtype)
    kernel = tf.ones((3, 3, _CHANNELS, _CHANNELS), dtype)
    square = tf.ones((width, width), dtype)
    convolve = tf.function(lambda: tf.nn.conv2d(maps, kernel, 1, "SAME"), autograph=False)
    multiply = tf.function(lambda: tf.matmul(square, square), autograph=False)
    return {
        "convolution": 2 * maps.shape.num_elements() * 9 * _CHANNELS / _fastest(convolve),
        "matrix_product": 2 * width**3 / _fastest(multiply),
    }


def _fastest(function):
    function()
    seconds = []
    for _ in range(_RUNS):
        start = time.perf_counter()
        tf.reduce_sum(function()[0, 0]).numpy()  # waits for the device
        seconds.append(time.perf_counter() - start)
    return min(seconds)


def _macs_in(graph):
    """Counts the multiply-accumulates of a graph; a function counts at each call."""
    functions = graph._functions
    macs = 0
    for op in _needed(graph):
        called = [functions[name].graph for name in _called(op) if name in functions]
        macs += _macs(op) + sum(map(_macs_in, called))
    return macs


def _needed(graph):
    """Returns the operations that the outputs of a graph depend on; others never run."""
    waiting = [tensor.op for tensor in graph.outputs] + list(graph.control_outputs)
    needed = {}
    while waiting:
        op = waiting.pop()
        if op.name not in needed:
            needed[op.name] = op
            waiting += [tensor.op for tensor in op.inputs] + list(op.control_inputs)
    return needed.values()


def _called(op):
    """Yields the names of the functions that an operation calls, as branches or loop bodies."""
    for value in op.node_def.attr.values():
        yield from (function.name for function in (value.func, *value.list.func) if function.name)


def _macs(op):
    """Counts the multiply-accumulates of one operation, 0 for other kinds."""
    if op.type in _CONVOLUTIONS:
        return _convolution(op.outputs[0].shape, op.inputs[1].shape)
    if op.type.endswith(("BackpropInput", "BackpropFilter")):
        # Both cost as much as the forward pass: every output with every weight of its window.
        of_filter = op.type.endswith("BackpropFilter")
        kernel = op.outputs[0].shape if of_filter else op.inputs[1].shape
        return _convolution(op.inputs[2].shape, kernel)
    if op.type == "MatMul":
        inner = op.inputs[0].shape[0 if op.get_attr("transpose_a") else 1]
        return math.prod(op.outputs[0].shape) * inner
    return 0


def _convolution(output_shape, kernel_shape):
    height, width, channels, filters = kernel_shape
    depthwise = output_shape[-1] != filters
    return math.prod(output_shape) * height * width * (1 if depthwise else channels)
