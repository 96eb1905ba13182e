"""An epoch's arrays, made one epoch ahead."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future, wait
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_vision.data.errors import TrainingError

PATIENCE_SECONDS = 0.2
"""So often, while it waits for arrays, training looks whether somebody wants it to stop."""


@dataclass(frozen=True, slots=True, eq=False)
class EpochData:
    """All that a network sees in one epoch, n examples.

    inputs    by the network's input names, n rows each
    targets   by the names of what is to be learnt, n rows each
    weights   by target (n,), how much each example counts; None counts all alike
    shuffled  True where the rows are in the order in which they shall be seen; else that is drawn
    """

    inputs: Mapping[str, NDArray[Any]]
    targets: Mapping[str, NDArray[Any]]
    weights: Mapping[str, NDArray[Any]] | None = None
    shuffled: bool = False

    def __post_init__(self) -> None:
        lengths = {name: len(column) for group in self._groups() for name, column in group.items()}
        if len(set(lengths.values())) > 1:
            shown = ", ".join(f"{name} {length}" for name, length in lengths.items())
            raise TrainingError(f"an epoch's arrays differ in length: {shown}")
        if not len(self):
            raise TrainingError("an epoch needs at least one example")

    def __len__(self) -> int:
        return next((len(column) for column in self.inputs.values()), 0)

    def rows(self, chosen: slice | NDArray[Any]) -> EpochData:
        """Some of its rows, in that order."""
        inputs, targets, weights = (
            {name: column[chosen] for name, column in group.items()} for group in self._groups()
        )
        return EpochData(inputs, targets, weights or None, shuffled=True)

    def checked(self, inputs: tuple[str, ...], targets: tuple[str, ...]) -> EpochData:
        """Just the columns that a network needs; raises TrainingError where one is missing."""
        for kind, wanted, given in (("input", inputs, self.inputs), ("target", targets, self.targets)):
            for name in wanted:
                if name not in given:
                    raise TrainingError(f"an epoch has no {kind} {name}: {', '.join(given)}")
        weights = {name: column for name, column in (self.weights or {}).items() if name in targets}
        return EpochData(
            {name: self.inputs[name] for name in inputs},
            {name: self.targets[name] for name in targets},
            weights or None,
            self.shuffled,
        )

    def _groups(self) -> tuple[Mapping[str, NDArray[Any]], ...]:
        return self.inputs, self.targets, self.weights or {}


MakeEpoch = Callable[[int, np.random.Generator], EpochData]
"""Makes an epoch's arrays from its number, 0 is the first, and the source of all chance in it."""


class EpochMaker:
    """Makes the next epoch's arrays in one background thread while this one is learnt from.

    All that is random in an epoch comes from the seed and its number, so that it is the same however
    often training was interrupted before. What goes wrong in the thread is raised by `take`.
    """

    def __init__(self, make: MakeEpoch, seed: int) -> None:
        self._make = make
        self._seed = seed
        self._ahead: tuple[int, Future[EpochData]] | None = None

    def start(self, epoch: int) -> None:
        """Begin to make an epoch's arrays."""
        self._ahead = self._begun(epoch)

    def _begun(self, epoch: int) -> tuple[int, Future[EpochData]]:
        result: Future[EpochData] = Future()
        # A daemon: after a second Ctrl-C nobody waits for pictures that nobody will see.
        threading.Thread(target=self._run, args=(epoch, result), name="epoch", daemon=True).start()
        return epoch, result

    def take(self, epoch: int, stopping: Callable[[], bool] = lambda: False) -> EpochData | None:
        """An epoch's arrays as soon as they are there; None where training shall stop before."""
        if self._ahead is None or self._ahead[0] != epoch:
            self._ahead = self._begun(epoch)
        result = self._ahead[1]
        while not wait([result], PATIENCE_SECONDS).done:
            if stopping():
                return None
        self._ahead = None
        return result.result()

    def finish(self) -> None:
        """Wait until nothing is being made any more; what was made is dropped."""
        if self._ahead is not None:
            self._ahead[1].exception()
            self._ahead = None

    def _run(self, epoch: int, result: Future[EpochData]) -> None:
        try:
            random = np.random.default_rng((self._seed, epoch))
            data = self._make(epoch, random)
            result.set_result(data if data.shuffled else data.rows(random.permutation(len(data))))
        except BaseException as error:  # noqa: BLE001 - raised again by take
            result.set_exception(error)
