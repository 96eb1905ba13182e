"""States of a recurrent step: their names, and representative data that holds real ones."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from edge_vision.data.errors import TrainingError

BEFORE, AFTER = "state_", "next_"
"""How the names of a state begin, as an input and as an output."""


def state_pairs(inputs: Iterable[str], outputs: Iterable[str]) -> tuple[tuple[str, str], ...]:
    """The (input, output) names of each state: state_h and next_h.

    Raises TrainingError where a state goes in and does not come out, or the other way round.
    """
    taken = {name.removeprefix(BEFORE) for name in inputs if name.startswith(BEFORE)}
    given = {name.removeprefix(AFTER) for name in outputs if name.startswith(AFTER)}
    for name in sorted(taken ^ given):
        raise TrainingError(
            f"a state goes in as {BEFORE}{name} and comes out as {AFTER}{name}, but there is no "
            f"{f'output {AFTER}' if name in taken else f'input {BEFORE}'}{name}"
        )
    return tuple((BEFORE + name, AFTER + name) for name in sorted(taken))


class Runnable(Protocol):
    """What can be run step by step, such as a DeviceGraph.

    shapes   of each input by name, the batch of 1 first
    dtypes   of each input by name
    outputs  names of its outputs
    """

    shapes: dict[str, tuple[int, ...]]
    dtypes: dict[str, str]
    outputs: tuple[str, ...]

    def check(self, sample: Mapping[str, NDArray[Any]]) -> None:
        """Raise TrainingError where a sample does not fit the inputs."""

    def answers(self, sample: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        """What it gives for a sample, by output name."""


def recorded_steps(
    graph: Runnable, sequences: Iterable[Iterable[Mapping[str, NDArray[Any]]]]
) -> tuple[dict[str, NDArray[Any]], ...]:
    """Representative data of a recurrent step: what goes in while it runs over real sequences.

    sequences  of each the steps in order, arrays by input name without the states, which begin as zeros

    Raises TrainingError where a step does not fit the graph.
    """
    pairs = state_pairs(graph.shapes, graph.outputs)
    steps: list[dict[str, NDArray[Any]]] = []
    for sequence in sequences:
        state = {name: np.zeros(graph.shapes[name], graph.dtypes[name]) for name, _ in pairs}
        for step in sequence:
            sample = {**step, **state}
            graph.check(sample)
            steps.append(sample)
            answers = graph.answers(sample)
            state = {before: answers[after] for before, after in pairs}
    return tuple(steps)


def stacked(samples: Sequence[Mapping[str, NDArray[Any]]]) -> dict[str, NDArray[Any]]:
    """Samples of a batch of 1 each as arrays of all of them, by name."""
    names = samples[0] if samples else {}
    return {name: np.concatenate([sample[name] for sample in samples]) for name in names}


def unstacked(arrays: Mapping[str, NDArray[Any]]) -> list[dict[str, NDArray[Any]]]:
    """Samples of a batch of 1 each from arrays of all of them, by name."""
    count = min((len(array) for array in arrays.values()), default=0)
    return [{name: array[i : i + 1] for name, array in arrays.items()} for i in range(count)]
