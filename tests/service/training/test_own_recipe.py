"""The recipe that the manual shows: it trains, and it is told where it learnt nothing."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from edge_vision.service.cli import main
from edge_vision.training.exam import Exam
from edge_vision.training.examples import Examples, Parts
from edge_vision.training.fitting.epoch_data import EpochData
from edge_vision.training.recipe import Recipe
from edge_vision.training.score import Score
from edge_vision.training.session import Session
from tests.shapes import draw_shapes

PAGE = Path(__file__).resolve().parents[3] / "edge_vision/training/README.md"
PART = re.search(r"^## A recipe of your own$(.*)", PAGE.read_text(), re.MULTILINE | re.DOTALL)


def text() -> str:
    assert PART is not None
    return PART[1]


def trained(folder: Path, *settings: str) -> str:
    """What the recipe of the page says when it has trained in a folder, its bundle in folder/run."""
    (code,) = re.findall(r"^```python\n(.*?)^```$", text(), re.MULTILINE | re.DOTALL)
    (folder / "small.py").write_text(code)
    pictures = draw_shapes(folder / "pictures", each=20)
    words = ["train", folder / "small.py", "--data", pictures, "--out", folder / "run"]
    call = [
        sys.executable,
        "-m",
        "edge_vision",
        *map(str, words),
        *(f"--set={each}" for each in settings),
    ]
    done = subprocess.run(call, capture_output=True, text=True, check=False, timeout=500)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.timeout(900)
def test_the_recipe_of_the_page_makes_a_bundle(tmp_path: Path) -> None:
    pytest.importorskip("tensorflow")
    said = trained(tmp_path, "epochs=25", "learning_rate=0.01", "batch=8")
    bundle = tmp_path / "run" / "bundle"
    table = tomllib.loads((bundle / "bundle.toml").read_text())
    assert table["made"]["metrics"]["keras"]["accuracy"] >= 0.8
    assert (bundle / "labels.txt").read_text().split() == ["circle", "square", "triangle"]
    assert main(["models", "verify", str(bundle)]) == 0
    assert "learnt nothing" not in said


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_model_that_learnt_nothing_is_told_wherever_it_goes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("tensorflow")
    said = trained(tmp_path, "epochs=1", "learning_rate=1e-9")
    bundle = tmp_path / "run" / "bundle"
    assert said.index("Doubtful:") > said.index("float32")
    told = "it has learnt nothing of use"
    assert told in said
    assert told in (bundle / "README.md").read_text()
    assert main(["models", "add", str(bundle), "--to", str(tmp_path / "installed")]) == 0
    assert told in capsys.readouterr().out


@pytest.mark.parametrize("kind", [Examples, Parts, EpochData, Score, Exam, Session])
def test_the_table_names_what_the_types_have(kind: type) -> None:
    row = next(line for line in text().splitlines() if line.startswith(f"| `{kind.__name__}` |"))
    named = re.findall(r"`(\w+)`", row)[1:]
    known = {*dir(kind), *getattr(kind, "__dataclass_fields__", ())} | {
        "label",
        "boxes",
        "classes",
        "mask",
    }
    assert set(named) <= known


def test_the_example_overrides_all_that_a_recipe_has_to_say() -> None:
    wanted = {*Recipe.__abstractmethods__, "network", "losses", "epoch", "validate"}
    assert wanted <= set(re.findall(r"def (\w+)\(self", text()))
