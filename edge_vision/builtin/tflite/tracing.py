"""Tracing: where a graph's outputs come from, and what it does to its image inputs first."""

from __future__ import annotations

import math
from collections.abc import Mapping

from edge_vision.builtin.tflite.graph import Graph, Operator
from edge_vision.contracts.file_facts import Producer

CHANGING_FORM = frozenset(("RESHAPE", "SQUEEZE", "EXPAND_DIMS", "QUANTIZE", "DEQUANTIZE", "CAST"))
"""Operators whose output holds the real values of their first input, in another form."""

_ARITHMETIC = ("ADD", "SUB", "MUL", "DIV")

_DETECTOR = "TFLite_Detection_PostProcess"

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
    return {name: _producer(graph, makers, index) for name, index in graph.outputs.items()}


def rescaled(graph: Graph) -> Mapping[str, tuple[float, float]]:
    """The (factor, offset) of the image inputs that the graph itself scales from pixels of 0 to 255."""
    images = {name: index for name, index in graph.inputs.items() if graph.spec(name, index).is_image}
    found = {name: _scaling(graph, index) for name, index in images.items()}
    return {name: scaling for name, scaling in found.items() if _is_of_pixels(*scaling)}


def takers_of(graph: Graph) -> Mapping[int, list[Operator]]:
    """The operators that take each tensor, by its index."""
    takers: dict[int, list[Operator]] = {}
    for operator in graph.operators:
        for index in set(operator.inputs):
            takers.setdefault(index, []).append(operator)
    return takers


def _producer(graph: Graph, makers: Mapping[int, tuple[Operator, int]], index: int) -> Producer:
    for _ in makers:  # a damaged graph may run in circles
        if index not in makers:
            break
        operator, place = makers[index]
        if not operator.inputs or not _changes_form(graph, operator):
            return Producer(operator.name, place, _classes(graph, operator))
        index = operator.inputs[0]
    return Producer("")


def _changes_form(graph: Graph, operator: Operator) -> bool:
    """True where an operator's output holds the values of its first input; `x[..., None]` is a slice."""
    if operator.name == "STRIDED_SLICE" and len(operator.inputs) == 4:
        before, after = (graph.spec("", t).shape for t in (operator.inputs[0], operator.outputs[0]))
        steps = graph.constant(operator.inputs[3])
        forwards = steps is not None and bool((steps == 1).all())
        return forwards and math.prod(before) == math.prod(after)
    return operator.name in CHANGING_FORM


def _classes(graph: Graph, operator: Operator) -> int:
    """From how many classes an operator chooses, 0 where that cannot be told.

    For a detector that was not told, the scores that it takes are counted; the background's is one of
    them where there is one.
    """
    if operator.name == _DETECTOR:
        told = graph.custom_option(operator, "num_classes")
        return told if told > 0 else _side(graph, operator, 1, -1)
    if operator.name in ("ARG_MAX", "ARG_MIN") and len(operator.inputs) == 2:
        axis = graph.constant(operator.inputs[1])
        return 0 if axis is None or len(axis) != 1 else _side(graph, operator, 0, int(axis[0]))
    return 0


def _side(graph: Graph, operator: Operator, place: int, axis: int) -> int:
    """The length of an input along an axis, 0 where it has none or that is open."""
    if not 0 <= place < len(operator.inputs) or operator.inputs[place] < 0:
        return 0
    shape = graph.spec("", operator.inputs[place]).shape
    return max(0, shape[axis]) if -len(shape) <= axis < len(shape) else 0


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
