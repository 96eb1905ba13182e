from __future__ import annotations

import csv
import json
import math
from pathlib import Path

from edge_vision.training.fitting.history import EpochRow, History


def history() -> History:
    made = History()
    made.add(EpochRow(1, 2.0, {"a": 1.5}, 0.1, {"right": 0.5, "sure": 0.4}, 1.0))
    made.add(EpochRow(2, 1.0, {"a": 0.5}, 0.05))
    made.add(EpochRow(3, 0.5, {"a": 0.2}, 0.01, {"right": 0.7, "sure": 0.5}, 1.0))
    made.add(EpochRow(4, 0.4, {"a": 0.1}, 0.01, {"right": 0.7, "sure": 0.9}, 1.0))
    return made


def test_the_first_figure_decides_and_the_first_best_epoch_stays() -> None:
    made = history()
    assert (made.chief, made.best_epoch, made.best_score) == ("right", 3, 0.7)
    assert made.epochs_since_best == 1


def test_a_score_that_is_no_number_is_never_better() -> None:
    made = History()
    assert made.add(EpochRow(1, 1.0, {}, 0.1, {"right": math.nan}))
    assert made.add(EpochRow(2, 1.0, {}, 0.1, {"right": 0.0}))
    assert not made.add(EpochRow(3, 1.0, {}, 0.1, {"right": math.nan}))
    assert made.best_epoch == 2


def test_it_is_written_as_a_table_and_as_json(tmp_path: Path) -> None:
    history().write(tmp_path)
    with (tmp_path / "history.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["epoch"] for row in rows] == ["1", "2", "3", "4"]
    assert rows[1]["score_right"] == ""
    assert float(rows[2]["score_right"]) == 0.7
    assert float(rows[0]["loss_a"]) == 1.5
    told = json.loads((tmp_path / "history.json").read_text())
    assert told["best_epoch"] == 3
    assert told["rows"][3]["score"]["sure"] == 0.9
    assert sorted(path.name for path in tmp_path.iterdir()) == ["history.csv", "history.json"]


def test_it_comes_back_as_it_was() -> None:
    made = history()
    assert History.from_facts(json.loads(json.dumps(made.facts()))) == made
    empty = History()
    assert History.from_facts(json.loads(json.dumps(empty.facts()))) == empty


def test_columns_hold_no_number_where_an_epoch_has_none() -> None:
    columns = history().columns()
    assert columns["loss"] == [2.0, 1.0, 0.5, 0.4]
    assert math.isnan(columns["score_right"][1])
