"""The history of a training: what each epoch was like."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from edge_vision.training.whole_file import whole_file

CSV_FILE = "history.csv"
JSON_FILE = "history.json"


@dataclass(frozen=True, slots=True)
class EpochRow:
    """One epoch.

    epoch          1 is the first
    loss           mean over its examples of the sum of all losses
    losses         mean of each loss by name, before its weight
    learning_rate  after its last step
    score          figures of the validation by name; empty where there was none
    seconds        from its first step to the end of its validation
    """

    epoch: int
    loss: float
    losses: Mapping[str, float]
    learning_rate: float
    score: Mapping[str, float] = field(default_factory=dict)
    seconds: float = 0.0


@dataclass(slots=True)
class History:
    """All epochs in their order, and which was the best.

    chief       name of the figure that decides; empty before the first validation
    best_epoch  the epoch with the best chief figure; 0 before the first validation
    best_score  that figure
    complete    True once the training came to its end
    """

    rows: list[EpochRow] = field(default_factory=list)
    chief: str = ""
    best_epoch: int = 0
    best_score: float = -math.inf
    complete: bool = False

    def add(self, row: EpochRow) -> bool:
        """Add an epoch; True where it is the best so far."""
        self.rows.append(row)
        if not row.score:
            return False
        self.chief, figure = next(iter(row.score.items()))
        if figure > self.best_score or not self.best_epoch:
            self.best_epoch = row.epoch
            self.best_score = figure if not math.isnan(figure) else -math.inf
            return True
        return False

    @property
    def epochs_since_best(self) -> int:
        """So many epochs have passed without a better score."""
        return self.rows[-1].epoch - self.best_epoch if self.rows and self.best_epoch else 0

    def columns(self) -> dict[str, list[float]]:
        """Its columns by name for a curve or a table; not a number where an epoch has no such figure."""
        flat = [_flat(row) for row in self.rows]
        names = dict.fromkeys(name for row in flat for name in row)
        return {name: [row.get(name, math.nan) for row in flat] for name in names}

    def facts(self) -> dict[str, Any]:
        """It as plain JSON values; what is no finite number becomes null."""
        facts: dict[str, Any] = _finite(asdict(self))
        return facts

    @classmethod
    def from_facts(cls, facts: Mapping[str, Any]) -> History:
        """A history from what `facts` gave."""
        told = dict(facts)
        rows = [EpochRow(**_told(row)) for row in told.pop("rows")]
        best = told.pop("best_score")
        return cls(rows, best_score=-math.inf if best is None else best, **told)

    def write(self, folder: Path) -> None:
        """Write history.csv and history.json, each whole or not at all."""
        columns = self.columns()
        text = io.StringIO(newline="")
        table = csv.writer(text, lineterminator="\n")
        table.writerow(columns)
        for values in zip(*columns.values(), strict=True):
            table.writerow(["" if math.isnan(value) else f"{value:.7g}" for value in values])
        with whole_file(folder / CSV_FILE) as draft:
            draft.write_text(text.getvalue(), encoding="utf-8")
        with whole_file(folder / JSON_FILE) as draft:
            draft.write_text(json.dumps(self.facts(), indent=1) + "\n", encoding="utf-8")


def _flat(row: EpochRow) -> dict[str, float]:
    losses = {f"loss_{name}": value for name, value in row.losses.items()}
    scores = {f"score_{name}": value for name, value in row.score.items()}
    own = {"epoch": row.epoch, "loss": row.loss}
    return {**own, **losses, "learning_rate": row.learning_rate, **scores, "seconds": row.seconds}


def _finite(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, Mapping):
        return {key: _finite(inner) for key, inner in value.items()}
    return [_finite(inner) for inner in value] if isinstance(value, list) else value


def _told(value: Any) -> Any:
    """The reverse of `_finite` within a row: null was no number."""
    if value is None:
        return math.nan
    return {key: _told(inner) for key, inner in value.items()} if isinstance(value, Mapping) else value
