"""Checks of a converted file: what a converter does wrong without saying so."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np

from edge_vision.data.errors import TrainingError
from edge_vision.training.export import flatbuffer
from edge_vision.training.export.flatbuffer import Content, Graph

_VARIABLES = ("VAR_HANDLE", "READ_VARIABLE", "ASSIGN_VARIABLE")
_LOOPS = ("WHILE", "IF", "CALL_ONCE")
_MOSTLY = 0.9
"""So much of a network's kernels must be in the file; some layers are folded into others."""


def check_content(content: Content, called: str, kernels: int) -> None:
    """Raise TrainingError where a file would not run everywhere, or does not hold its weights.

    called   what it is called in the error
    kernels  how many numbers the kernels of the network have

    A converter may leave weights behind as variables, which makes a file of a few kilobytes that runs
    and answers nonsense; it may also keep loops, and operators that only a runtime with all of
    TensorFlow has.
    """
    model = flatbuffer.parsed(content)
    builtin = set(flatbuffer.builtin_names().values())
    used = flatbuffer.operators(model)
    foreign = sorted(name for name in used if name not in builtin or name == "CUSTOM")
    if foreign:
        raise TrainingError(
            f"{called}: needs {', '.join(foreign)}, which TFLite's own operators do not include; "
            "build that layer from others"
        )
    left = sorted(name for name in used if name in _VARIABLES)
    if left:
        raise TrainingError(f"{called}: its weights were not put into the file ({', '.join(left)})")
    loops = sorted(name for name in used if name in _LOOPS)
    if loops:
        raise TrainingError(
            f"{called}: has {', '.join(loops)}; give the device one step with its state explicit"
        )
    held = constants(model)
    if held < _MOSTLY * kernels:
        raise TrainingError(
            f"{called}: holds {held} numbers, but the network's kernels have {kernels}: its weights "
            "were not put into the file"
        )
    _check_outputs(model, called)


def constants(model: Graph) -> int:
    """How many numbers a file holds as constants."""
    return sum(
        int(np.prod(tensor.shape)) if tensor.shape is not None else 1
        for graph in model.subgraphs
        for tensor in graph.tensors
        if flatbuffer.constant(model, tensor) is not None
    )


def _check_outputs(model: Graph, called: str) -> None:
    """Raise TrainingError where two outputs are one tensor, which cannot go by two names."""
    outputs = flatbuffer.outputs_by_name(model)
    shared = Counter(outputs.values())
    double = sorted(name for name, index in outputs.items() if shared[index] > 1)
    if double:
        raise TrainingError(
            f"{called}: the outputs {' and '.join(double)} are the same values; give them out once"
        )


def state_quantisation(model: Graph, pair: tuple[str, str]) -> tuple[Any, Any]:
    """The (scale, zero point) with which a state goes in and comes out; None where it is float.

    pair  the names of its input and its output
    """
    graph = model.subgraphs[0]
    taken = flatbuffer.inputs_by_name(model)[pair[0]]
    given = flatbuffer.outputs_by_name(model)[pair[1]]
    inner = (taken, given)
    for operator in graph.operators:
        called = flatbuffer.operator_name(model, operator)
        if called == "QUANTIZE" and operator.inputs[0] == taken:
            inner = (int(operator.outputs[0]), inner[1])
        if called == "DEQUANTIZE" and operator.outputs[0] == given:
            inner = (inner[0], int(operator.inputs[0]))
    first, last = (_quantisation(graph.tensors[index]) for index in inner)
    return first, last


def _quantisation(tensor: Any) -> tuple[float, int] | None:
    held = tensor.quantization
    if held is None or held.scale is None or not len(held.scale):
        return None
    return float(held.scale[0]), int(held.zeroPoint[0])
