"""The memory of a recurrent model: its state, kept for each camera or track."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_vision.adapters.layout import Outputs
from edge_vision.contracts.model import ModelBundle
from edge_vision.data.errors import ModelError, StageError

State = dict[str, NDArray[Any]]
"""Arrays by input name."""

MOST_KEYS = 1000
"""So many states are kept at most; the one that was used longest ago is dropped first."""


class Memory:
    """Keeps what a recurrent model gave, until it is asked for again.

    A state starts as zeros in real values. It starts anew after `reset_after` seconds without a call,
    and where the clock of the source was set back (a recording that begins again).
    """

    def __init__(self, bundle: ModelBundle, reset_after: float | None) -> None:
        self._name = bundle.name
        self._pairs = bundle.state or ()
        self._reset_after = reset_after
        self._first = _first_state(bundle)
        self._kept: dict[Hashable, tuple[float, State]] = {}

    def recall(self, key: Hashable, time: float) -> State:
        """The state of a key at a time (seconds of the source's clock), as inputs."""
        if key not in self._kept:
            return self._first
        before, state = self._kept[key]
        passed = time - before
        if passed < 0.0 or (self._reset_after is not None and passed > self._reset_after):
            return self._first
        return state

    def keep(self, key: Hashable, time: float, outputs: Outputs) -> None:
        """Keep what a run gave as the state of a key.

        Raises StageError, and drops the state, where it holds values that are no numbers: they would
        stay for ever.
        """
        self._kept.pop(key, None)
        state = {pair.input: outputs[pair.output] for pair in self._pairs}
        for name, array in state.items():
            if array.dtype.kind == "f" and not np.isfinite(array).all():
                raise StageError(f"{self._name}: the state {name} holds values that are no numbers")
        self._kept[key] = time, state
        if len(self._kept) > MOST_KEYS:
            del self._kept[next(iter(self._kept))]

    def forget(self, key: Hashable) -> None:
        """Drop the state of a key."""
        self._kept.pop(key, None)


def _first_state(bundle: ModelBundle) -> State:
    """Zeros for each state; raises ModelError where a pair does not fit the tensors."""
    inputs: Mapping[str, Any] = {spec.name: spec for spec in bundle.inputs}
    outputs = {spec.name: spec for spec in bundle.outputs}
    state: State = {}
    for pair in bundle.state or ():
        for name, known, kind in ((pair.input, inputs, "input"), (pair.output, outputs, "output")):
            if name not in known:
                raise ModelError(
                    f"{bundle.name}: [[state]] names the {kind} {name}, which the model does not have; "
                    f"it has {', '.join(known)}"
                )
        taken, given = inputs[pair.input], outputs[pair.output]
        if (taken.shape, taken.dtype) != (given.shape, given.dtype):
            raise ModelError(f"{bundle.name}: [[state]] pairs tensors that differ: {taken} and {given}")
        state[pair.input] = taken.zeros
    return state
