"""Which forms a bundle gets: those wanted, or what is nearer to Keras where they lose too much."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from edge_vision.data.errors import TrainingError
from edge_vision.service.training import forming
from edge_vision.training.report.card import Form
from edge_vision.training.score import Score


def trained(*forms: str) -> Any:
    """A training of whose recipe only the forms are known."""
    recipe = SimpleNamespace(forms=forms, representative=lambda part: [])
    bundle = SimpleNamespace(state=())
    return SimpleNamespace(
        recipe=recipe, model=SimpleNamespace(bundle=bundle), parts=SimpleNamespace(training=None)
    )


@pytest.fixture
def bad(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """The forms that lose too much."""
    names: set[str] = set()

    def written(_: Any, forms: Sequence[str], __: Any, folder: Path) -> Iterator[tuple[str, str]]:
        for name in forms:
            (folder / f"{name}.tflite").write_bytes(b"x")
            yield name, ""

    def judged(_: Any, name: str, file: Path, __: Any) -> tuple[Form, Score]:
        score = Score({"accuracy": 0.5}, 9)
        return Form(name, 1, 1.0, score, "it loses" if name in names else ""), score

    monkeypatch.setattr(forming, "_written", written)
    monkeypatch.setattr(forming, "_judged", judged)
    return names


def names_of(folder: Path) -> set[str]:
    return {file.stem for file in folder.iterdir()}


def test_the_forms_that_are_wanted_are_enough_where_one_is_good(bad: set[str], tmp_path: Path) -> None:
    bad |= {"int8"}
    forms = forming.made_forms(trained("weight-int8", "int8"), tmp_path, print)
    assert [form.name for form in forms] == ["weight-int8", "int8"]
    assert names_of(tmp_path) == {"weight-int8"}


def test_where_none_is_good_what_is_nearer_to_keras_is_taken(bad: set[str], tmp_path: Path) -> None:
    bad |= {"int8", "weight-int8"}
    forms = forming.made_forms(trained("weight-int8", "int8"), tmp_path, print)
    assert [form.name for form in forms if not form.left_out] == ["float16"]
    assert names_of(tmp_path) == {"float16"}


def test_where_no_form_at_all_is_good_there_is_no_bundle(bad: set[str], tmp_path: Path) -> None:
    bad |= {"int8", "float16", "float32"}
    with pytest.raises(TrainingError, match="no form of this network"):
        forming.made_forms(trained("int8"), tmp_path, print)
