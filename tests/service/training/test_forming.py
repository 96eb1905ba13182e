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


def judged(near: float | None, made: float = 0.7) -> Any:
    """Why a form is left out whose chief figure, and likeness to the network's pictures, are these."""
    recipe = SimpleNamespace(largest_loss=0.005, least_psnr=40.0)
    whole: Any = SimpleNamespace(recipe=recipe, score=Score({"painted": 0.7}, 9))
    return forming._too_far(whole, Score({"painted": made}, 9), near)


def test_a_form_is_left_out_where_it_loses_or_its_pictures_are_others() -> None:
    assert judged(None) == judged(40.0) == judged(55.0, 0.696) == ""
    assert judged(55.0, 0.69) == "its painted is 69.0 %, and the network's 70.0 %"
    assert judged(38.26) == "its pictures are 38.3 dB from the network's, and are to be within 40 dB"


def test_a_card_tells_how_near_pictures_are_only_where_there_are_some() -> None:
    from edge_vision.training.report import card  # noqa: PLC0415

    score = Score({"painted": 0.7}, 9)
    told = SimpleNamespace(keras=score, forms=(Form("float16", 1000, 2.0, score, "", 51.26),))
    assert card._metrics(told).splitlines()[-1] == "| float16 | 70.0 % | 51.3 | 1 kB | 2 |"  # type: ignore[arg-type]
    plain = SimpleNamespace(keras=score, forms=(Form("float16", 1000, 2.0, score),))
    assert card._metrics(plain).splitlines()[-1] == "| float16 | 70.0 % | 1 kB | 2 |"  # type: ignore[arg-type]
