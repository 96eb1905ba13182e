"""The recipe of `roads`, from a few drawn pictures with masks to a verified bundle."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from edge_vision.service.cli import main
from edge_vision.service.models import library
from edge_vision.service.training.opening import declared_bundle, opened_bundle
from tests.masked_shapes import LABELS, draw_masked_shapes
from tests.small_recipe import SmallRecipe

pytest.importorskip("tensorflow")
pytestmark = pytest.mark.timeout(300)

CONFIGURATION = Path(__file__).parents[2] / "models/edge_vision_models/roads/roads.toml"
recipe = SmallRecipe(
    "roads",
    {
        "backbone": "''",
        "columns": 4,
        "rows": 3,
        "width": 0.25,
        "channels": 8,
        "epochs": 2,
        "every": 2,
        "repeat": 1,
    },
    form="weight-int8",
)


@pytest.mark.slow
def test_it_trains_and_its_bundle_verifies(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(library.VARIABLE, str(tmp_path / "installed"))
    pictures = draw_masked_shapes(tmp_path / "pictures", count=16)
    run = recipe.train(pictures, tmp_path / "run").run
    assert main(["models", "verify", str(run)]) == 0
    with opened_bundle(declared_bundle(run / "bundle")) as model:
        assert (model.bundle.task, model.bundle.labels) == ("segment", LABELS)
        assert [spec.shape for spec in model.bundle.outputs] == [(1, 24, 32, 3)]
    shutil.copytree(run / "bundle", tmp_path / "installed" / "roads")
    assert main(["check", str(CONFIGURATION)]) == 0
    capsys.readouterr()
