"""Paths through a graph: how directly its outputs are computed from its inputs."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping

from edge_vision.builtin.tflite.graph import Graph, Operator
from edge_vision.builtin.tflite.tracing import CHANGING_FORM, takers_of

_ACROSS_A_LOOP = 1000
"""Operators that a loop counts for between two of its variables: its body runs any number of times."""

_MOST_INPUTS = 64
"""Of so many inputs at most the paths are followed, so that a damaged graph takes no time."""


def distances(graph: Graph) -> Mapping[str, Mapping[str, int]]:
    """By input and output, how many operators at least lie between that change values.

    Outputs that do not depend on an input are left out, and those that are nothing but the input in
    another form.
    """
    takers = takers_of(graph)
    return {
        name: _from(takers, index, graph.outputs)
        for name, index in list(graph.inputs.items())[:_MOST_INPUTS]
    }


def _from(
    takers: Mapping[int, list[Operator]], start: int, outputs: Mapping[str, int]
) -> Mapping[str, int]:
    """The distances of outputs from a tensor, found breadth first."""
    found = {start: 0}
    waiting = deque([start])
    while waiting:
        index = waiting.popleft()
        for operator in takers.get(index, []):
            for output, cost in _reached(operator, index):
                distance = found[index] + cost
                if output not in found or distance < found[output]:
                    found[output] = distance
                    # What costs nothing goes first, so that the nearest are met before the rest.
                    (waiting.append if cost else waiting.appendleft)(output)
    return {name: found[index] for name, index in outputs.items() if found.get(index)}


def _reached(operator: Operator, index: int) -> Iterator[tuple[int, int]]:
    """The outputs of an operator that depend on one of its inputs, and how far they are from it.

    A variable of a loop goes in and comes out at the same place.
    """
    if operator.name in CHANGING_FORM:
        if operator.inputs[0] == index:
            yield from ((output, 0) for output in operator.outputs)
        return
    loop = operator.name == "WHILE" and len(operator.inputs) == len(operator.outputs)
    for place, output in enumerate(operator.outputs):
        across = loop and operator.inputs[place] != index
        yield output, _ACROSS_A_LOOP if across else 1


def copies(graph: Graph) -> Mapping[str, str]:
    """Of outputs that hold the same values as one before them, the name of that one."""
    makers = {
        output: operator.inputs[0]
        for operator in graph.operators
        if operator.name in CHANGING_FORM and operator.inputs
        for output in operator.outputs
    }
    first: dict[int, str] = {}
    found = {}
    for name, index in graph.outputs.items():
        origin = index
        for _ in makers:  # a damaged graph may run in circles
            if origin not in makers:
                break
            origin = makers[origin]
        if first.setdefault(origin, name) != name:
            found[name] = first[origin]
    return found
