"""The recipe of `pedestrians`, from a few drawn pictures with boxes and masks to a verified bundle."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from edge_vision.service.cli import main
from edge_vision.service.models import library
from edge_vision.service.training.opening import declared_bundle, opened_bundle
from tests.boxed_shapes import draw_boxed_shapes
from tests.small_recipe import SmallRecipe

pytest.importorskip("tensorflow")
pytestmark = pytest.mark.timeout(300)

CONFIGURATION = Path(__file__).parents[2] / "models/edge_vision_models/pedestrians/pedestrians.toml"
recipe = SmallRecipe(
    "pedestrians",
    {
        "backbone": "''",
        "columns": 8,
        "rows": 8,
        "width": 0.25,
        "channels": 8,
        "epochs": 2,
        "every": 2,
        "repeat": 1,
    },
    form="float16",
)


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Disks that stand and squares that are a dog, with masks."""
    folder = draw_boxed_shapes(tmp_path_factory.mktemp("people"), count=24, masked=True)
    (folder / "classes.txt").write_text("PASpersonStanding\ndog\n")
    return folder


@pytest.mark.slow
def test_it_trains_and_its_bundle_verifies(
    people: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(library.VARIABLE, str(tmp_path / "installed"))
    run = recipe.train(people, tmp_path / "run").run
    assert main(["models", "verify", str(run)]) == 0
    with opened_bundle(declared_bundle(run / "bundle")) as model:
        assert (model.bundle.task, model.bundle.labels) == ("detect", ("person",))
    shutil.copytree(run / "bundle", tmp_path / "installed" / "pedestrians")
    assert main(["check", str(CONFIGURATION)]) == 0
    capsys.readouterr()


def test_it_learns_people_alone_and_pastes_them(people: Path, tmp_path: Path) -> None:
    made = recipe()
    parts = made.read(people, tmp_path)
    assert parts.labels == ("person",)
    assert any("boxes of 1 names are left out: dog" in note for note in made.notes)
    shown = sum(len(boxes) for boxes in parts.training.targets["boxes"])
    middles = (made.epoch(parts, np.random.default_rng(0), 0).targets["centres"] == 1.0).sum()
    assert middles > shown
