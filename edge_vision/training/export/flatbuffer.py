"""A .tflite file as objects that can be changed: its tensors, its operators, its names."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from importlib import import_module
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Content: TypeAlias = bytes
"""What is in a .tflite file."""

Graph: TypeAlias = Any
"""A ModelT of TFLite's schema: the root object, all of whose parts can be changed."""

IDENTIFIER = b"TFL3"
_NOWHERE = 1
"""Up to this number TFLite's schema has a buffer's offset mean that nothing is kept elsewhere."""
_ALIGNMENT = 16
"""Bytes at whose multiples TFLite's schema asks weights to begin (force_align of Buffer.data)."""


def schema() -> Any:
    """The module with the classes of TFLite's schema."""
    return import_module("ai_edge_litert.schema_py_generated")


def parsed(content: Content) -> Graph:
    """The objects of a .tflite file, with all that it holds in their buffers.

    A file may keep weights behind its objects, where buffers only tell from which byte on and how many
    (offset and size in TFLite's schema); ai-edge-quantizer writes such ones.
    """
    classes = schema()
    model = classes.ModelT.InitFromObj(classes.Model.GetRootAs(content, 0))
    for buffer in model.buffers:
        if buffer.offset > _NOWHERE:
            buffer.data = np.frombuffer(content, np.uint8, buffer.size, buffer.offset)
            buffer.offset = buffer.size = 0
    return model


def packed(model: Graph) -> Content:
    """The .tflite file of some objects; the same objects always give the same bytes."""
    builder = _aligned_builder()
    builder.Finish(model.Pack(builder), file_identifier=IDENTIFIER)
    return bytes(builder.Output())


def _aligned_builder() -> Any:
    """A builder whose arrays begin where the schema asks for it, which the generated code forgets."""
    flatbuffers: Any = import_module("flatbuffers")

    class Aligned(flatbuffers.Builder):  # type: ignore[misc]  # a base without types
        def StartVector(self, element: int, count: int, alignment: int) -> Any:  # noqa: N802
            wide = max(alignment, _ALIGNMENT) if element == 1 else alignment
            return super().StartVector(element, count, wide)

    return Aligned(1 << 16)


def operator_name(model: Graph, operator: Any) -> str:
    """What an operator is called in the schema, such as CONV_2D; a custom one by its own name."""
    code = model.operatorCodes[operator.opcodeIndex]
    number = max(code.builtinCode, code.deprecatedBuiltinCode)
    if code.customCode is not None:
        return text_of(code.customCode)
    return builtin_names()[number]


def builtin_names() -> Mapping[int, str]:
    """Names of the schema's operators by their numbers."""
    return {number: name for name, number in vars(schema().BuiltinOperator).items() if name.isupper()}


def operators(model: Graph) -> Counter[str]:
    """How many operators of each name there are, in all subgraphs."""
    return Counter(operator_name(model, each) for graph in model.subgraphs for each in graph.operators)


def text_of(name: Any) -> str:
    """A name of the schema as text; the generated code gives bytes."""
    return name.decode(errors="replace") if isinstance(name, bytes) else str(name or "")


def inputs_by_name(model: Graph) -> dict[str, int]:
    """The tensors of the inputs, by the names of the only signature."""
    return {text_of(each.name): int(each.tensorIndex) for each in model.signatureDefs[0].inputs}


def outputs_by_name(model: Graph) -> dict[str, int]:
    """The tensors of the outputs, by the names of the only signature."""
    return {text_of(each.name): int(each.tensorIndex) for each in model.signatureDefs[0].outputs}


def constant(model: Graph, tensor: Any) -> NDArray[np.uint8] | None:
    """The bytes that a tensor holds in the file, None where it holds none."""
    data = model.buffers[tensor.buffer].data
    return None if data is None or not len(data) else np.asarray(data, np.uint8)


def renamed(content: Content) -> Content:
    """A copy whose tensors have names that do not depend on what was built before in the process.

    Inputs and outputs are called as in the signature, so that who reads tensors and who reads
    signatures knows them by the same names; what lies between is called by the operator that it comes
    from, which is also much shorter.
    """
    model = parsed(content)
    graph = model.subgraphs[0]
    names = {int(index): "" for index in range(len(graph.tensors))}
    for place, operator in enumerate(graph.operators):
        called = operator_name(model, operator).lower()
        names |= {int(index): f"{called}_{place}" for index in operator.outputs}
    for index, name in names.items():
        graph.tensors[index].name = name or f"constant_{index}"
    for name, index in (*inputs_by_name(model).items(), *outputs_by_name(model).items()):
        graph.tensors[index].name = name
    graph.name = model.description = None
    return packed(model)
