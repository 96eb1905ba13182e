"""The memory of a recurrent model: its state, kept for each camera or track."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from edge_vision.adapters.layout import Outputs
from edge_vision.adapters.states import check_state
from edge_vision.contracts.model import ModelBundle
from edge_vision.contracts.tensors import TensorSpec
from edge_vision.data.errors import ModelError, StageError

State: TypeAlias = dict[str, NDArray[Any]]
"""Arrays by input name."""

MOST_KEYS = 1000
"""So many states are kept at most; the one that was kept longest ago is dropped first."""


class _Kept(NamedTuple):
    """A state, and when of which take it was kept."""

    at: float
    take: int
    state: State


class Memory:
    """Keeps what a recurrent model gave, until it is asked for again.

    A state starts as zeros in real values. It starts anew after `reset_after` seconds without a run,
    where the source began again (another take: a recording in a loop, a camera that was lost), and
    where its clock was set back. It changes when `keep` is called and at no other time, so a run that
    failed leaves it as it was.

    It has no lock: a stage with a recurrent model is stateful, so that the engine lets the frames of a
    camera pass one by one.
    """

    def __init__(self, bundle: ModelBundle, reset_after: float | None) -> None:
        """Get ready to carry the bundle's state; raises ModelError where that does not fit its tensors.

        reset_after  seconds of the source's clock; None for never
        """
        check_state(bundle)
        inputs = {spec.name: spec for spec in bundle.inputs}
        outputs = {spec.name: spec for spec in bundle.outputs}
        for pair in bundle.state or ():
            if pair.input not in inputs or pair.output not in outputs:
                raise ModelError(
                    f"{bundle.name}: its runtime does not give out the variable {pair.input}, so it "
                    "cannot be carried from run to run; with state = [] in bundle.toml it is not"
                )
        self._links = tuple(
            _Link(inputs[pair.input], outputs[pair.output]) for pair in bundle.state or ()
        )
        self._first: State = {link.taken.name: link.taken.zeros for link in self._links}
        self._reset_after = reset_after
        self._kept: dict[Hashable, _Kept] = {}

    def __len__(self) -> int:
        """So many states are kept."""
        return len(self._kept)

    def recall(self, key: Hashable, time: float, take: int = 0) -> State:
        """The state of a key at a time (seconds of the source's clock) of a take, as inputs."""
        kept = self._kept.get(key)
        return self._first if kept is None or self._is_over(kept, time, take) else kept.state

    def next_state(self, key: Hashable, outputs: Outputs) -> State:
        """What a run gave as the state of the next, to be kept where all else went well.

        Raises StageError, and drops what is kept for the key, where it holds values that are no
        numbers: they would stay for ever.
        """
        try:
            return {link.taken.name: link.next_input(outputs) for link in self._links}
        except StageError:
            self.forget(key)
            raise

    def keep(self, key: Hashable, time: float, state: State, take: int = 0) -> None:
        """Keep the state of a key, and drop the states whose time is over."""
        self._kept.pop(key, None)
        self._kept[key] = _Kept(time, take, state)
        while True:  # in the order in which they were kept, up to this one at the latest
            oldest, kept = next(iter(self._kept.items()))
            if len(self._kept) <= MOST_KEYS and not self._is_over(kept, time, take):
                return
            del self._kept[oldest]

    def forget(self, key: Hashable) -> None:
        """Drop the state of a key."""
        self._kept.pop(key, None)

    def _is_over(self, kept: _Kept, time: float, take: int) -> bool:
        passed = time - kept.at
        late = self._reset_after is not None and passed > self._reset_after
        return take != kept.take or passed < 0.0 or late


class _Link:
    """How an output of one run becomes an input of the next."""

    def __init__(self, taken: TensorSpec, given: TensorSpec) -> None:
        self.taken = taken
        self._given = given
        unlike = None not in (taken.quantisation, given.quantisation) and (
            taken.quantisation != given.quantisation
        )
        self._converts = unlike or taken.dtype != given.dtype

    def next_input(self, outputs: Outputs) -> NDArray[Any]:
        """The input, through real values where the two are stored differently.

        Raises StageError where the output is missing, of another shape, or holds no numbers.
        """
        array = outputs.get(self._given.name)
        if array is None or array.shape != self._given.shape:
            shown = "nothing" if array is None else f"the shape {array.shape}"
            raise StageError(f"the model gives {shown} for its state {self._given}")
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            raise StageError(f"the model's state {self._given.name} holds values that are no numbers")
        return self.taken.stored(self._given.real(array)) if self._converts else array
