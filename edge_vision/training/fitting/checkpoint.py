"""Checkpoints: all that a training needs to go on as if it had never been interrupted."""

from __future__ import annotations

import io
import json
import logging
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from edge_vision.contracts.options import Options
from edge_vision.data.errors import TrainingError
from edge_vision.training.fitting.history import History
from edge_vision.training.fitting.state import State
from edge_vision.training.whole_file import whole_file

FILE, PREVIOUS = "checkpoint.npz", "checkpoint.previous.npz"
FORMAT = 1
PARTS = ("network", "optimiser", "best")

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Partial:
    """How far an epoch had got that was interrupted.

    rows     so many of its examples were learnt
    losses   mean of each loss over them, by name, "loss" for the sum
    seconds  they took
    """

    rows: int = 0
    losses: Mapping[str, float] = field(default_factory=dict)
    seconds: float = 0.0


@dataclass(frozen=True, slots=True, eq=False)
class Checkpoint:
    """A training at rest.

    identity   what may not differ for it to go on: settings, losses; plain JSON values by name
    network    all the network's variables, those of random sources included
    optimiser  all the optimiser's
    best       the network's at the best epoch; None before there is one
    history    the epochs that are done
    steps      of an epoch
    partial    how far the epoch after them had got
    """

    identity: Mapping[str, Any]
    network: State
    optimiser: State
    best: State | None
    history: History
    steps: int
    partial: Partial = Partial()

    def check(
        self,
        identity: Mapping[str, Any],
        network: Any,
        optimiser: Any,
        kind: type[Options] | None = None,
    ) -> None:
        """Raise TrainingError where this is of another training, saying what differs.

        kind  of the settings: those that did not exist yet were what is usual
        """
        before = dict(self.identity)
        if kind is not None:
            before["settings"] = kind.completed(before["settings"])
        found = _first_difference(before, identity)
        if not found and (other := self.network.difference(network.variables)):
            found = f"another network: {other}"
        if not found and (other := self.optimiser.difference(optimiser.variables)):
            found = f"another optimiser: {other}"
        if found:
            raise TrainingError(
                f"the checkpoint is of another training ({found}); "
                "go back to what it was, or begin anew with --restart"
            )


class Checkpoints:
    """The checkpoints in a run's folder: the newest, and the one before in case that is damaged."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.newest = folder / FILE
        self.previous = folder / PREVIOUS

    def save(self, checkpoint: Checkpoint) -> None:
        """Write a checkpoint; at every moment a whole one is there."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with whole_file(self.newest) as draft:
            draft.write_bytes(_packed(checkpoint))
            if self.newest.exists():
                self.newest.replace(self.previous)

    def load(self) -> Checkpoint | None:
        """The newest checkpoint that can be read; None where there is none.

        Raises TrainingError where there are only damaged ones.
        """
        problems = []
        for file in (self.newest, self.previous):
            if not file.exists():
                continue
            try:
                found = _unpacked(file)
            except (OSError, ValueError, KeyError, TypeError, EOFError, *ZIP_ERRORS) as error:
                problems.append(f"{file.name} is damaged ({error})")
                continue
            for problem in problems:
                log.warning("%s; going on from %s", problem, file.name)
            return found
        if problems:
            raise TrainingError(f"{self.folder}: {', '.join(problems)}; begin anew with --restart")
        return None

    def remove(self) -> None:
        """Forget all, to begin anew."""
        for file in (self.newest, self.previous):
            file.unlink(missing_ok=True)


ZIP_ERRORS = (zipfile.BadZipFile, zlib.error)


def _packed(checkpoint: Checkpoint) -> bytes:
    """The content of its .npz file: one array a variable, and one text of JSON with the facts."""
    arrays: dict[str, Any] = {}
    names: dict[str, list[str] | None] = {}
    for part in PARTS:
        state: State | None = getattr(checkpoint, part)
        names[part] = list(state.names) if state else None
        for index, value in enumerate(state.values if state else ()):
            arrays[f"{part}_{index}"] = value
    facts = {
        "format": FORMAT,
        "identity": dict(checkpoint.identity),
        "names": names,
        "history": checkpoint.history.facts(),
        "steps": checkpoint.steps,
        "partial": [
            checkpoint.partial.rows,
            dict(checkpoint.partial.losses),
            checkpoint.partial.seconds,
        ],
    }
    arrays["facts"] = np.array(json.dumps(facts))
    stream = io.BytesIO()
    np.savez(stream, allow_pickle=False, **arrays)
    return stream.getvalue()


def _unpacked(file: Path) -> Checkpoint:
    with file.open("rb") as stream, np.load(stream, allow_pickle=False) as arrays:
        facts = json.loads(str(arrays["facts"]))
        if facts["format"] != FORMAT:
            raise ValueError(f"its format is {facts['format']}, not {FORMAT}")
        states: dict[str, State] = {}
        for part, names in facts["names"].items():
            if names is not None:
                values = tuple(arrays[f"{part}_{index}"] for index in range(len(names)))
                states[part] = State(tuple(names), values)
    return Checkpoint(
        identity=facts["identity"],
        network=states["network"],
        optimiser=states["optimiser"],
        best=states.get("best"),
        history=History.from_facts(facts["history"]),
        steps=facts["steps"],
        partial=Partial(*facts["partial"]),
    )


def _first_difference(there: Mapping[str, Any], here: Mapping[str, Any]) -> str:
    for name in dict.fromkeys((*there, *here)):
        before, now = there.get(name), here.get(name)
        if isinstance(before, Mapping) and isinstance(now, Mapping):
            if found := _first_difference(before, now):
                return found
        elif before != now:
            return f"{name} was {before}, is {now}"
    return ""
