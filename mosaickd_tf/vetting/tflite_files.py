"""Checks of the structure of a .tflite file in Python, before the runtime reads it."""

from ai_edge_litert import schema_py_generated as schema

IDENTIFIER = b"TFL3"
MAX_ELEMENTS = 2**28  # of a tensor
_MAX_COUNT = 2**16  # tensors or operations of a graph
_OPERATIONS = {
    value: name
    for name, value in vars(schema.BuiltinOperator).items()
    if isinstance(value, int) and not name.startswith("_")
}
# Operations that call other graphs, possibly endlessly, or code outside of LiteRT.
_REFUSED = {
    "CALL",
    "CALL_ONCE",
    "CUSTOM",
    "DELEGATE",
    "IF",
    "PLACEHOLDER_FOR_GREATER_OP_CODES",
    "STABLEHLO_CUSTOM_CALL",
    "STABLEHLO_WHILE",
    "WHILE",
}


def check_structure(content):
    """Checks that a .tflite file is complete and uses only built-in operations.

    Args:
        content: bytes of the file. Data after the model, such as metadata, are ignored.

    Raises:
        ValueError: with the fault.
    """
    if content[4:8] != IDENTIFIER:
        raise ValueError(f"the identifier {content[4:8]!r} instead of {IDENTIFIER!r}")
    try:
        model = schema.Model.GetRootAs(content)
        _check_model(model, len(content))
    except ValueError:
        raise
    except Exception as error:  # an offset outside of the file
        raise ValueError("offsets outside of the file") from error


def _check_model(model, size):
    if getattr(model, "ExternalBuffersLength", lambda: 0)():
        raise ValueError("weights stored in another file")
    codes = [model.OperatorCodes(i) for i in range(_checked_count(model.OperatorCodesLength()))]
    for code in codes:
        number = max(code.BuiltinCode(), code.DeprecatedBuiltinCode())
        name = _OPERATIONS.get(number, f"number {number}")
        if number not in _OPERATIONS or name in _REFUSED:
            raise ValueError(f"the operation {name}, which is not built in or calls another")
    buffers = [model.Buffers(i) for i in range(_checked_count(model.BuffersLength()))]
    for buffer in buffers:
        if buffer.DataLength() > size or buffer.Offset() + buffer.Size() > size:
            raise ValueError("weights outside of the file")
    if not model.SubgraphsLength():
        raise ValueError("no graph in it")
    for i in range(_checked_count(model.SubgraphsLength())):
        _check_graph(model.Subgraphs(i), len(codes), buffers)


def _check_graph(graph, num_codes, buffers):
    tensors = [graph.Tensors(i) for i in range(_checked_count(graph.TensorsLength()))]
    for tensor in tensors:
        _check_tensor(tensor, buffers)
    operators = [graph.Operators(i) for i in range(_checked_count(graph.OperatorsLength()))]
    for operator in operators:
        if operator.OpcodeIndex() >= num_codes:
            raise ValueError("an operation code that is not in its list")
    for node in (graph, *operators):
        indices = [node.Inputs(i) for i in range(_checked_count(node.InputsLength()))]
        indices += [node.Outputs(i) for i in range(_checked_count(node.OutputsLength()))]
        if any(not -1 <= index < len(tensors) for index in indices):
            raise ValueError("an operation on a missing tensor")


def _check_tensor(tensor, buffers):
    if tensor.Buffer() >= len(buffers):
        raise ValueError("a tensor without its weights")
    elements = 1
    for i in range(_checked_count(tensor.ShapeLength())):
        elements *= tensor.Shape(i)
        if not 0 <= elements <= MAX_ELEMENTS:
            raise ValueError(f"a tensor of less than 0 or more than {MAX_ELEMENTS:,} elements")


def _checked_count(number):
    if number > _MAX_COUNT:
        raise ValueError(f"a list of {number:,} items, more than {_MAX_COUNT:,}")
    return number
