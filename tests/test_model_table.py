"""The tables of models/README.md: real models answer what they show, on real pictures, now."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge_vision.adapters.catalogue import LAYOUTS
from tests import model_table, models_page

pytestmark = [pytest.mark.shared, pytest.mark.slow]


@pytest.mark.parametrize("row", model_table.ROWS, ids=lambda row: f"{row.model}-{row.picture}")
def test_a_model_answers_as_the_page_shows(shared: Path, row: model_table.Row) -> None:
    obtained = models_page.markdown((), [row.cells()]).splitlines()[-1]
    assert obtained in models_page.section("answers").splitlines(), f"the row to paste:\n{obtained}"


@pytest.mark.parametrize("name", model_table.REFUSED)
def test_a_model_is_refused_as_the_page_shows(shared: Path, name: str) -> None:
    row = models_page.markdown((), [(name, model_table.refusal(name))]).splitlines()[-1]
    assert row in models_page.section("refused").splitlines(), f"the row to paste:\n{row}"


def test_detectors_find_people_as_the_page_shows(shared: Path) -> None:
    table = model_table.people()
    assert models_page.section("people") == table, f"the table to paste:\n{table}"


def test_every_shared_model_is_on_the_page_and_no_row_is_left_over(shared: Path) -> None:
    models = {file.stem for file in (shared / "models").glob("*.tflite")}
    shown = {row.model for row in model_table.ROWS}
    assert shown | set(model_table.REFUSED) == models
    assert len(shown) >= 12
    rows = models_page.section("answers").splitlines()[2:]
    assert len(rows) == len(model_table.ROWS)
    layouts = {line.split("|")[3].strip() for line in rows}
    assert layouts <= {layout.name for layout in LAYOUTS}
