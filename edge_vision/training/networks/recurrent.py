"""Recurrence: a GRU or an LSTM in its three forms, which share one set of weights.

It is trained over sequences, and runs on a device as one step whose state goes in and out, or unrolled
over a fixed number of places. TFLite has no good form for a layer that loops: with a batch of any size
it does not convert, and in int8 its converter crashes. The step and the unrolled form become plain
operators.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import keras
import numpy as np
from keras import layers, ops

from edge_vision.data.errors import TrainingError
from edge_vision.training.export.states import AFTER, BEFORE

_CELLS = {"gru": layers.GRUCell, "lstm": layers.LSTMCell}
_STATES = {"gru": ("h",), "lstm": ("h", "c")}


class Recurrence:
    """One recurrent cell, and what it makes of a sequence or of one step.

    kind    "gru" or "lstm"
    units   values of its hidden state, and of its answer
    states  names of its states: "h" of a GRU, "h" and "c" of an LSTM, after its prefix

    The hidden state of both lies in -1 to 1, an LSTM's cell state "c" does not: prefer the GRU where the
    step is to run in int8.
    """

    def __init__(
        self,
        kind: Literal["gru", "lstm"],
        units: int,
        *,
        name: str = "memory",
        prefix: str = "",
        dropout: float = 0.0,
    ) -> None:
        """Make the cell.

        name     its weights are called `name`/kernel, `name`/recurrent_kernel and `name`/bias
        prefix   of its states' names, where a network has more than one recurrence
        dropout  share of the features left out in training, the same ones at each step
        """
        self.kind = kind
        self.units = units
        self.states = tuple(f"{prefix}{state}" for state in _STATES[kind])
        self._cell = _CELLS[kind](units, dropout=dropout, name=name)

    def over(self, sequence: Any, *, mask: Any = None, backwards: bool = False) -> Any:
        """The answers (n, steps, units) at all steps of sequences (n, steps, features), for training.

        mask       (n, steps) bool, False where a shorter sequence was filled up; there the state stays
        backwards  from the last step to the first; the answers stay in the order of the steps
        """
        self._build(sequence.shape[-1])
        looping = layers.RNN(self._cell, return_sequences=True, go_backwards=backwards)
        answers = looping(sequence) if mask is None else looping(sequence, mask=mask)
        return ops.flip(answers, axis=1) if backwards else answers

    def unrolled(self, sequence: Any, *, backwards: bool = False) -> Any:
        """The same over a fixed number of places, written out one after the other, for a device.

        Backwards it only goes through the places in another order: turning tensors round, as a layer
        would, has no form in int8.
        """
        places = sequence.shape[1]
        if places is None:
            raise TrainingError("a recurrence can be unrolled over a fixed number of places only")
        state: dict[str, Any] = {name: np.zeros((1, self.units), np.float32) for name in self.states}
        answers: list[Any] = [None] * places
        for place in reversed(range(places)) if backwards else range(places):
            answers[place], state = self.step(sequence[:, place], state)
        return ops.stack(answers, axis=1)

    def step(self, features: Any, state: Mapping[str, Any]) -> tuple[Any, dict[str, Any]]:
        """The answer (n, units) to the features (n, values) of one step, and the next state by name."""
        self._build(features.shape[-1])
        answer, carried = self._cell(features, [state[name] for name in self.states])
        return answer, dict(zip(self.states, carried, strict=True))

    def state_inputs(self) -> dict[str, Any]:
        """Inputs (1, units) for the state of a device's step, by state; they are called state_<name>."""
        return {
            state: keras.Input(batch_shape=(1, self.units), name=f"{BEFORE}{state}")
            for state in self.states
        }

    def _build(self, features: int | None) -> None:
        """Make the weights by the cell's own name, whichever of its forms is asked for first."""
        if not self._cell.built:
            self._cell.build((None, features))


def next_outputs(state: Mapping[str, Any]) -> dict[str, Any]:
    """The outputs of a device's step for its next state, called next_<name>."""
    return {f"{AFTER}{name}": tensor for name, tensor in state.items()}


def in_both_directions(
    forwards: Recurrence, backwards: Recurrence, sequence: Any, *, unroll: bool = False
) -> Any:
    """What one recurrence makes of the steps up to each, and another of those from it on, side by side.

    Gives (n, steps, units of both). Schuster and Paliwal, Bidirectional Recurrent Neural Networks, 1997.
    """
    if unroll:
        both = [forwards.unrolled(sequence), backwards.unrolled(sequence, backwards=True)]
    else:
        both = [forwards.over(sequence), backwards.over(sequence, backwards=True)]
    return ops.concatenate(both, axis=-1)
