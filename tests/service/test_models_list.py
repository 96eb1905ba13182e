"""`edge-vision models list`, and how a bundle is found by its name: installed, or shipped."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from edge_vision.data.errors import ConfigError
from edge_vision.service.cli import main
from edge_vision.service.config import ModelTable
from edge_vision.service.models import library
from edge_vision.service.models.library import Library
from edge_vision.service.plugins import load_plugins
from edge_vision.service.shelf import ModelProblem, Shelf
from tests.service.models import Command, colours
from tests.tiny_models import averaging, copying


@pytest.fixture
def shipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, models: Command) -> Path:
    """The folder of a package of shipped bundles, with one named paint."""
    package = tmp_path / "site" / "edge_vision_models_of_a_test"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "__pycache__").mkdir()
    monkeypatch.syspath_prepend(package.parent)
    monkeypatch.setattr(library, "SHIPPED_PACKAGE", package.name)
    models("add", colours(tmp_path), "--name", "paint", "--to", package)
    return package


def test_nothing_is_listed_with_where_it_would_go(models: Command) -> None:
    answer = models("list")
    assert answer.status == 0
    assert str(models.installed) in answer.out
    assert models("list", "--json").json == []


def test_installed_and_shipped_bundles_are_listed(
    models: Command, tmp_path: Path, shipped: Path
) -> None:
    models("add", colours(tmp_path))
    rows = models("list", "--json").json
    assert [(row["name"], row["origin"], row["task"], row["error"]) for row in rows] == [
        ("colours", "installed", "classify", ""),
        ("paint", "shipped", "classify", ""),
    ]
    assert rows[0]["size"] == (tmp_path / "colours.tflite").stat().st_size
    assert rows[0]["folder"] == str(models.installed / "colours")
    text = models("list").out
    assert "colours" in text
    assert "shipped" in text


def test_broken_bundles_are_listed_with_their_reason(models: Command, tmp_path: Path) -> None:
    for name in ("good", "no-toml", "no-model", "wrong-toml", "replaced"):
        models("add", colours(tmp_path), "--name", name)
    folder = models.installed
    (folder / "no-toml" / "bundle.toml").unlink()
    (folder / "no-model" / "model.tflite").unlink()
    (folder / "wrong-toml" / "bundle.toml").write_text("lables = 'x'\n")
    averaging(folder / "replaced" / "model.tflite", 9, 9)
    (folder / ".half-written").mkdir()
    (folder / "piped").mkdir()
    os.mkfifo(folder / "piped" / "bundle.toml")
    answer = models("list", "--json")
    assert answer.status == 0
    errors = {row["name"]: row["error"] for row in answer.json}
    assert errors.keys() == {"good", "no-toml", "no-model", "wrong-toml", "replaced", "piped"}
    assert errors["good"] == ""
    assert "folder without a bundle.toml" in errors["no-toml"]
    assert "model.tflite: no such file" in errors["no-model"]
    assert "did you mean labels?" in errors["wrong-toml"]
    assert "its digest is" in errors["replaced"]
    assert "bundle.toml: is not a regular file" in errors["piped"]
    text = models("list")
    assert text.status == 0
    assert text.out.count("broken: ") == 5


def test_what_is_installed_goes_before_what_is_shipped(
    models: Command, tmp_path: Path, shipped: Path
) -> None:
    assert Library.here().find("paint", tmp_path) == shipped / "paint"
    models("add", colours(tmp_path), "--name", "paint")
    assert Library.here().find("paint", tmp_path) == models.installed / "paint"


def test_a_shipped_bundle_beside_its_recipe_goes_by_its_own_name(
    models: Command, tmp_path: Path, shipped: Path
) -> None:
    """meter_digits is a package that holds a recipe, and the bundle meter-digits."""
    (shipped / "paint").rename(shipped / "wet_paint")
    (shipped / "wet_paint" / "recipe.py").touch()
    (shipped / "only_a_recipe").mkdir()
    (shipped / "only_a_recipe" / "recipe.py").touch()
    assert [row["name"] for row in models("list", "--json").json] == ["wet-paint"]
    assert Library.here().find("wet-paint", tmp_path) == shipped / "wet_paint"
    with pytest.raises(ConfigError, match=r"is called wet_paint, did you mean wet-paint\?"):
        Library.here().find("wet_paint", tmp_path)


def test_a_path_goes_before_a_name(models: Command, tmp_path: Path, shipped: Path) -> None:
    (tmp_path / "paint").mkdir()
    assert Library.here().find("paint", tmp_path) == tmp_path / "paint"
    assert Library.here().find("./paint", shipped) == shipped / "paint"
    assert Library.here().find("paint.tflite", shipped) == shipped / "paint.tflite"
    assert Library.here().find("/x/paint", shipped) == Path("/x/paint")


def test_a_name_that_nothing_has_is_answered_with_the_nearest_at_its_place(
    models: Command, tmp_path: Path, shipped: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = tmp_path / "config.toml"
    config.write_text('[cameras.porch]\nsource = "test"\n[models.m]\nbundle = "paimt"\n')
    assert main(["check", str(config)]) == 78
    assert capsys.readouterr().err.strip() == (
        f"{config}: models.m.bundle: no file, installed or shipped bundle is called paimt, "
        "did you mean paint? (line 4)"
    )


def test_a_name_where_nothing_is_installed_says_how_to(models: Command, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="edge-vision models add FILE"):
        Library.here().find("people", tmp_path)


def test_the_folders_of_this_computer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    system = tmp_path / "system"
    monkeypatch.setattr(library, "SYSTEM_FOLDER", system)
    own = tmp_path / "home" / ".local" / "share" / "edge-vision" / "models"
    home = {"HOME": str(tmp_path / "home")}
    assert Library.here(home).installed == (own, system)
    assert Library.here(home).target == system, "it can be made there"
    assert Library.here({**home, "EDGE_VISION_MODELS": "/m"}).installed == (Path("/m"),)
    data = {**home, "XDG_DATA_HOME": str(tmp_path / "data")}
    assert Library.here(data).installed[0] == tmp_path / "data" / "edge-vision" / "models"
    assert Library.here({**home, "XDG_DATA_HOME": "relative"}).installed[0] == own
    assert Library.here({}).installed == (system,)


def test_where_the_systems_folder_cannot_be_written_to_the_users_is_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setattr(library, "SYSTEM_FOLDER", tmp_path / "file" / "models")
    assert Library.here({"HOME": str(tmp_path)}).target.is_relative_to(tmp_path / ".local")


def test_this_program_ships_from_its_own_package() -> None:
    assert library.SHIPPED_PACKAGE == "edge_vision_models"
    folder = Path(__file__).resolve().parents[2] / "models" / library.SHIPPED_PACKAGE
    assert (folder / "__init__.py").is_file()


def shelf(folder: Path, bundle: str) -> Shelf:
    return Shelf({"m": ModelTable(bundle=bundle)}, folder, load_plugins().manager)


def test_a_bundle_that_did_not_change_stays_open_on_reload(models: Command, tmp_path: Path) -> None:
    models("add", colours(tmp_path))
    first = shelf(tmp_path, "colours")
    model = first.model("m")
    (models.installed / "colours" / "golden" / "scene.npz").unlink()
    second = shelf(tmp_path, "colours")
    second.adopt(first)
    assert second.model("m") is model


def test_a_bundle_that_was_replaced_is_opened_anew(models: Command, tmp_path: Path) -> None:
    models("add", colours(tmp_path))
    first = shelf(tmp_path, "colours")
    model = first.model("m")
    models("add", tmp_path / "colours.tflite", "--replace")
    second = shelf(tmp_path, "colours")
    second.adopt(first)
    assert second.model("m") is not model


def test_labels_that_were_changed_are_read_anew(models: Command, tmp_path: Path) -> None:
    colours(tmp_path)
    labels = tmp_path / "names.txt"
    labels.write_text("a\nb\nc\n")
    tables = {"m": ModelTable(bundle="colours.tflite", labels="names.txt")}
    first = Shelf(tables, tmp_path, load_plugins().manager)
    assert first.model("m").bundle.labels == ("a", "b", "c")
    labels.write_text("red\ngreen\nblue\n")
    second = Shelf(tables, tmp_path, load_plugins().manager)
    second.adopt(first)
    assert second.model("m").bundle.labels == ("red", "green", "blue")


def test_a_name_that_means_another_bundle_now_is_opened_anew(
    models: Command, tmp_path: Path, shipped: Path
) -> None:
    first = shelf(tmp_path, "paint")
    model = first.model("m")
    models("add", colours(tmp_path), "--name", "paint")
    second = shelf(tmp_path, "paint")
    second.adopt(first)
    assert second.model("m") is not model


def test_a_bundle_that_is_gone_is_told_when_it_is_asked_for(models: Command, tmp_path: Path) -> None:
    models("add", colours(tmp_path))
    first = shelf(tmp_path, "colours")
    first.model("m")
    shutil.rmtree(models.installed / "colours")
    second = shelf(tmp_path, "colours")
    second.adopt(first)
    with pytest.raises(ModelProblem, match="is called colours"):
        second.model("m")


def test_an_old_description_with_a_new_model_is_refused(models: Command, tmp_path: Path) -> None:
    """The exchange of a bundle that is caught half way: bundle.toml was read before, the model after."""
    models("add", colours(tmp_path))
    copying(models.installed / "colours" / "model.tflite", (1, 8, 8, 3), (1, 192))
    with pytest.raises(ModelProblem, match="the file is damaged or was replaced"):
        shelf(tmp_path, "colours").model("m")
