"""Recipes by their names, and in files of one's own."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from edge_vision.data.errors import TrainingError
from edge_vision.service.training import finding
from edge_vision.training.recipes.classify import Classify

OWN = "from edge_vision.training.recipes.classify import Classify\n"


def test_a_general_recipe_is_found_by_its_name() -> None:
    assert finding.find_recipe("classify") is Classify
    assert "classify" in finding.recipe_names()


def test_a_name_that_is_nobodys_is_told_with_a_near_one() -> None:
    with pytest.raises(TrainingError, match="no recipe clasify, did you mean classify"):
        finding.find_recipe("clasify")


def test_a_shipped_models_recipe_is_in_its_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "models_of_a_test"
    (package / "meter_reader").mkdir(parents=True)
    for folder in (package, package / "meter_reader"):
        (folder / "__init__.py").write_text("")
    (package / "meter_reader" / "recipe.py").write_text(
        f'{OWN}class Recipe(Classify):\n    name = "meter-reader"\n'
    )
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(finding, "SHIPPED_PACKAGE", "models_of_a_test")
    assert finding.recipe_names()[-1] == "meter-reader"
    assert finding.find_recipe("meter-reader").name == "meter-reader"
    for name in [name for name in sys.modules if name.startswith("models_of_a_test")]:
        monkeypatch.delitem(sys.modules, name)


def test_a_file_holds_a_recipe_of_ones_own(tmp_path: Path) -> None:
    file = tmp_path / "mine.py"
    file.write_text(f'{OWN}class Mine(Classify):\n    name = "mine"\n')
    assert finding.find_recipe(str(file)).name == "mine"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (OWN, "holds no recipe; write a class that inherits from Recipe"),
        (f"{OWN}class A(Classify): ...\nclass B(Classify): ...\n", "holds A and B; leave one"),
        (f'{OWN}class A(Classify):\n    name = ""\n', "A says no name"),
        ("import nothing_of_this_name\n", "does not load: ModuleNotFoundError"),
        ("1 +\n", "does not load: SyntaxError"),
    ],
)
def test_a_file_without_a_good_recipe_says_what_is_missing(
    text: str, problem: str, tmp_path: Path
) -> None:
    file = tmp_path / "mine.py"
    file.write_text(text)
    with pytest.raises(TrainingError, match=problem) as told:
        finding.find_recipe(str(file))
    assert str(file) in str(told.value)


def test_without_keras_it_is_one_line_that_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(TrainingError, match=r"pip install 'edge-vision\[train\]'"):
        finding.check_extra()
