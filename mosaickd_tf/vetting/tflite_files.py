"""The structure of a .tflite file, read by Python alone before the runtime sees it."""

from ai_edge_litert import schema_py_generated as schema

IDENTIFIER = b"TFL3"
MAX_ELEMENTS = 2**28  # of a tensor
_MAX_PARTS = 2**16  # tensors or operations of a graph
_OPERATIONS = {
    value: name
    for name, value in vars(schema.BuiltinOperator).items()
    if isinstance(value, int) and not name.startswith("_")
}
# What calls other graphs, and may do so for ever, or code that is not in LiteRT.
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
    """Checks that a .tflite file is whole and asks for built-in operations alone.

    Args:
        content: of the file, bytes. What is appended to the model, as metadata are, is ignored.

    Raises:
        ValueError: with what is wrong, in words.
    """
    if content[4:8] != IDENTIFIER:
        raise ValueError(f"the identifier {content[4:8]!r} instead of {IDENTIFIER!r}")
    try:
        model = schema.Model.GetRootAs(content)
        _check_model(model, len(content))
    except ValueError:
        raise
    except Exception as error:  # an offset that leads out of the file
        raise ValueError("offsets that lead out of the file") from error


def _check_model(model, size):
    if getattr(model, "ExternalBuffersLength", lambda: 0)():
        raise ValueError("weights that lie in another file")
    codes = [model.OperatorCodes(i) for i in range(_counted(model.OperatorCodesLength()))]
    for code in codes:
        number = max(code.BuiltinCode(), code.DeprecatedBuiltinCode())
        name = _OPERATIONS.get(number, f"number {number}")
        if number not in _OPERATIONS or name in _REFUSED:
            raise ValueError(f"the operation {name}, which is not built in or calls another")
    buffers = [model.Buffers(i) for i in range(_counted(model.BuffersLength()))]
    for buffer in buffers:
        if buffer.DataLength() > size or buffer.Offset() + buffer.Size() > size:
            raise ValueError("weights that lead out of the file")
    if not model.SubgraphsLength():
        raise ValueError("no graph in it")
    for i in range(_counted(model.SubgraphsLength())):
        _check_graph(model.Subgraphs(i), len(codes), buffers)


def _check_graph(graph, num_codes, buffers):
    tensors = [graph.Tensors(i) for i in range(_counted(graph.TensorsLength()))]
    for tensor in tensors:
        _check_tensor(tensor, buffers)
    operators = [graph.Operators(i) for i in range(_counted(graph.OperatorsLength()))]
    for operator in operators:
        if operator.OpcodeIndex() >= num_codes:
            raise ValueError("an operation that is not in its list")
    for part in (graph, *operators):
        ends = [part.Inputs(i) for i in range(_counted(part.InputsLength()))]
        ends += [part.Outputs(i) for i in range(_counted(part.OutputsLength()))]
        if any(not -1 <= end < len(tensors) for end in ends):
            raise ValueError("an operation on a tensor that is not there")


def _check_tensor(tensor, buffers):
    if tensor.Buffer() >= len(buffers):
        raise ValueError("a tensor without its weights")
    elements = 1
    for i in range(_counted(tensor.ShapeLength())):
        elements *= tensor.Shape(i)
        if not 0 <= elements <= MAX_ELEMENTS:
            raise ValueError(f"a tensor of less than 0 or more than {MAX_ELEMENTS:,} elements")


def _counted(number):
    if number > _MAX_PARTS:
        raise ValueError(f"{number:,} parts of a kind, more than {_MAX_PARTS:,}")
    return number
