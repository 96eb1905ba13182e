"""Tracing: where a graph's outputs come from, and what it does to its image inputs first."""

from __future__ import annotations

from collections.abc import Mapping

from edge_vision.builtin.tflite.graph import Graph, Operator
from edge_vision.contracts.file_facts import Producer

CHANGING_FORM = frozenset(("RESHAPE", "SQUEEZE", "EXPAND_DIMS", "QUANTIZE", "DEQUANTIZE", "CAST"))
"""Operators whose output holds the real values of their first input, in another form."""

_ARITHMETIC = ("ADD", "SUB", "MUL", "DIV")

_LONGEST = 16
"""So many operators are followed from an input."""

_SPANS = (0.9, 8.0)
"""Real values between black and white after scaling: 1 (0 to 1), 2 (-1 to 1), 4.5 (ImageNet's)."""

_MEANS = (90.0, 150.0)
"""What is taken from pixels of 0 to 255 where they are not scaled, as Caffe's models have it."""


def producers(graph: Graph) -> Mapping[str, Producer]:
    """The operator each output comes from, past those that change its form only."""
    makers = {
        index: (operator, place)
        for operator in graph.operators
        for place, index in enumerate(operator.outputs)
    }
    return {name: _producer(makers, index) for name, index in graph.outputs.items()}


def rescaled(graph: Graph) -> Mapping[str, tuple[float, float]]:
    """The (factor, offset) of the image inputs that the graph itself scales from pixels of 0 to 255."""
    images = {name: index for name, index in graph.inputs.items() if graph.spec(name, index).is_image}
    found = {name: _scaling(graph, index) for name, index in images.items()}
    return {name: scaling for name, scaling in found.items() if _is_of_pixels(*scaling)}


def _producer(makers: Mapping[int, tuple[Operator, int]], index: int) -> Producer:
    for _ in makers:  # a damaged graph may run in circles
        if index not in makers:
            break
        operator, place = makers[index]
        if operator.name not in CHANGING_FORM or not operator.inputs:
            return Producer(operator.name, place)
        index = operator.inputs[0]
    return Producer("")


def _scaling(graph: Graph, index: int) -> tuple[float, float]:
    """What the graph does to the values of an input first: value * factor + offset."""
    factor, offset = 1.0, 0.0
    for _ in range(_LONGEST):
        users = [operator for operator in graph.operators if index in operator.inputs]
        if len(users) != 1 or len(users[0].outputs) != 1:
            break
        if users[0].name in _ARITHMETIC:
            step = _linear(graph, users[0], index)
            if step is None:
                break
            factor, offset = factor * step[0], offset * step[0] + step[1]
        elif users[0].name not in CHANGING_FORM:
            break
        index = users[0].outputs[0]
    return factor, offset


def _linear(graph: Graph, operator: Operator, index: int) -> tuple[float, float] | None:
    """The (factor, offset) of arithmetic with a constant, of one for each channel the mean."""
    if len(operator.inputs) != 2 or operator.inputs.count(index) != 1:
        return None
    place = operator.inputs.index(index)
    values = graph.constant(operator.inputs[1 - place])
    if values is None:
        return None
    constant = float(values.mean())
    if operator.name == "ADD":
        return 1.0, constant
    if operator.name == "MUL":
        return constant, 0.0
    if operator.name == "SUB":
        return (1.0, -constant) if place == 0 else (-1.0, constant)
    return (1.0 / constant, 0.0) if place == 0 and constant else None


def _is_of_pixels(factor: float, offset: float) -> bool:
    """True where only pixels of 0 to 255 come out as what networks are trained on."""
    if factor == 1.0:
        return _MEANS[0] <= -offset <= _MEANS[1]
    return _SPANS[0] <= 255.0 * abs(factor) <= _SPANS[1]
