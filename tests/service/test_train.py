"""From a folder of pictures to a bundle that the daemon runs, as a person would do it."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from edge_vision.service.cli import main
from tests.service.process import daemon
from tests.shapes import SHAPES, draw_shapes

pytest.importorskip("tensorflow")
pytestmark = pytest.mark.timeout(900)

SETTINGS = {
    "size": 32,
    "width": 0.25,
    "epochs": 10,
    "learning_rate": 0.005,
    "mixup": 0.0,
    "label_smoothing": 0.0,
}
OWN_RECIPE = '''"""Shapes, in one form only."""

from edge_vision.training.recipes.classify import Classify


class Shapes(Classify):
    name = "shapes"
    forms = ("float32",)
'''


def command(*words: str | Path, settings: Mapping[str, object] = SETTINGS) -> list[str]:
    told = (f"--set={key}={value}" for key, value in settings.items())
    return [sys.executable, "-m", "edge_vision", *map(str, words), *told]


@dataclass(frozen=True)
class Shop:
    """A folder with pictures, and what one command made of them."""

    pictures: Path
    run: Path
    said: str

    @property
    def bundle(self) -> Path:
        return self.run / "bundle"


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    folder = tmp_path_factory.mktemp("shop")
    pictures, run = draw_shapes(folder / "pictures"), folder / "runs" / "shapes"
    words = command("train", "classify", "--data", pictures, "--out", run)
    done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=500)
    assert done.returncode == 0, done.stderr
    assert "epoch 10/10" in done.stderr
    assert "Traceback" not in done.stderr
    assert "UserWarning" not in done.stderr
    assert "oneDNN" not in done.stderr
    return Shop(pictures, run, done.stdout)


def test_one_command_leaves_a_run_with_its_report_and_a_bundle(shop: Shop) -> None:
    for name in ("curves.png", "confusion.png", "good.png", "report.md", "run.toml"):
        assert (shop.run / name).stat().st_size > 100
    assert (shop.run / "fit" / "history.csv").read_text().count("\n") == 11
    made = tomllib.loads((shop.bundle / "bundle.toml").read_text())
    forms = {made["variant"], *(variant["name"] for variant in made["variants"])}
    assert forms == made["made"]["metrics"].keys() - {"keras"}
    assert {"float32", "float16"} <= forms
    assert made["made"]["metrics"]["float32"] == made["made"]["metrics"]["keras"]
    assert made["made"]["metrics"]["float32"]["accuracy"] >= 0.9
    card = (shop.bundle / "README.md").read_text()
    assert made["made"]["command"] in card
    assert all(f"]({file.name})" in card for file in shop.bundle.glob("*.webp"))
    assert [each.name for each in shop.run.iterdir() if each.name.startswith(".bundle")] == []


def test_its_bundle_verifies(shop: Shop, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "verify", str(shop.bundle)]) == 0
    assert "float32" in capsys.readouterr().out


def test_the_printed_configuration_finds_the_shapes_in_a_folder_of_pictures(
    shop: Shop, tmp_path: Path
) -> None:
    new = draw_shapes(tmp_path / "new", each=6, seed=9)
    printed = shop.said[shop.said.index("[models.") :]
    for name in SHAPES:
        folder = new / name
        config = tmp_path / f"{name}.toml"
        config.write_text(printed.replace('source = "test"', f"source = {json.dumps(str(folder))}"))
        with daemon(config) as process:
            assert process.wait() == 0
            results = process.results()
        labels = [result["labels"][0]["label"] for result in results]
        assert len(labels) == 6
        assert labels.count(name) >= 5


def test_any_bundle_is_judged_alike(shop: Shop, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["evaluate", str(shop.run), "--data", str(shop.pictures), "--json"]
    recipe = ["--recipe", "classify", *(f"--set={key}={value}" for key, value in SETTINGS.items())]
    assert main([*words, *recipe]) == 0
    judged = json.loads(capsys.readouterr().out)
    made = tomllib.loads((shop.bundle / "bundle.toml").read_text())["made"]
    assert judged["variant"] == "float32"
    assert judged["metrics"] == pytest.approx(made["metrics"]["float32"], abs=1e-4)
    assert main([*words, "--variant", "float16"]) == 0
    everything = json.loads(capsys.readouterr().out)
    assert everything["variant"] == "float16"
    assert everything["examples"] == 96
    assert everything["metrics"]["accuracy"] >= 0.9


def test_the_same_command_again_says_that_it_is_done(
    shop: Shop, capsys: pytest.CaptureFixture[str]
) -> None:
    before = (shop.bundle / "bundle.toml").stat().st_mtime_ns
    told = [f"--set={key}={value}" for key, value in SETTINGS.items()]
    words = ["train", "classify", "--data", str(shop.pictures), "--out", str(shop.run)]
    assert main([*words, *told]) == 0
    assert "is trained already; --restart begins anew" in capsys.readouterr().out
    assert (shop.bundle / "bundle.toml").stat().st_mtime_ns == before
    assert main([*words, *told, "--set", "epochs=11"]) == 1
    assert "epochs = 10, not 11. --restart begins anew" in capsys.readouterr().err


def test_a_run_is_found_as_the_bundle_that_it_made(
    shop: Shop, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["models", "verify", str(shop.run)]) == 0
    assert main(["models", "inspect", str(shop.run)]) == 0
    assert main(["models", "add", str(shop.run), "--to", str(tmp_path)]) == 0
    assert (tmp_path / "shapes" / "bundle.toml").is_file()
    config = tmp_path / "config.toml"
    printed = shop.said[shop.said.index("[models.") :]
    config.write_text(printed.replace(str(shop.bundle.resolve()), str(shop.run.resolve())))
    assert main(["check", str(config)]) == 0


@pytest.mark.slow
def test_another_name_makes_the_bundle_again(
    shop: Shop, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = tmp_path / "shapes"
    shutil.copytree(shop.run, run)
    told = [f"--set={key}={value}" for key, value in SETTINGS.items()]
    words = ["train", "classify", "--data", str(shop.pictures), "--out", str(run), *told]
    assert main([*words, "--name", "forms"]) == 0
    said = capsys.readouterr().out
    assert "its bundle shapes is made again as forms" in said
    assert "[models.forms]" in said
    assert tomllib.loads((run / "bundle" / "bundle.toml").read_text())["name"] == "forms"
    assert tomllib.loads((run / "run.toml").read_text())["name"] == "forms"
    assert main(words) == 0
    said = capsys.readouterr().out
    assert "is trained already; --restart" in said
    assert "[models.forms]" in said


@pytest.mark.slow
def test_a_killed_training_goes_on_and_ends_as_if_it_had_not_been_killed(
    shop: Shop, tmp_path: Path
) -> None:
    recipe, run = tmp_path / "shapes.py", tmp_path / "run"
    recipe.write_text(OWN_RECIPE)
    words = command("train", recipe, "--data", shop.pictures, "--out", run)
    history = run / "fit" / "history.json"
    with subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as first:
        deadline = time.monotonic() + 400
        while not history.exists() and first.poll() is None and time.monotonic() < deadline:
            time.sleep(0.01)
        first.send_signal(signal.SIGKILL)
    assert len(json.loads(history.read_text())["rows"]) < SETTINGS["epochs"]
    assert not (run / "bundle").exists()
    done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=500)
    assert done.returncode == 0, done.stderr
    assert "going on after epoch" in done.stderr
    told, wanted = (
        json.loads((folder / "fit" / "history.json").read_text()) for folder in (run, shop.run)
    )
    assert len(told["rows"]) == SETTINGS["epochs"]
    assert told["best_score"] == pytest.approx(wanted["best_score"], abs=0.06)
    assert told["rows"][-1]["loss"] == pytest.approx(wanted["rows"][-1]["loss"], abs=0.05)
    assert (run / "bundle" / "bundle.toml").is_file()


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.chdir(tmp_path)
    before = dict(os.environ)
    yield tmp_path
    os.environ.clear()
    os.environ.update(before)


def trouble(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str]:
    """The exit status of a command, and the only line that it says."""
    status = main(["train", *words])
    said = capsys.readouterr().err
    assert said.count("\n") == 1, said
    return status, said.strip()


def test_data_that_teach_nothing_are_told_in_one_line(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    draw_shapes(folder / "pictures", each=4)
    for name in ("square", "triangle"):
        for file in (folder / "pictures" / name).iterdir():
            file.unlink()
    status, said = trouble(capsys, "classify", "--data", "pictures")
    assert status == 1
    assert "expected in a folder for each of two or more classes, there is only circle" in said
    assert trouble(capsys, "classify", "--data", "nowhere") == (
        1,
        "nowhere: does not exist; --data is a folder",
    )


def test_pictures_that_cannot_be_read_are_named(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pictures = draw_shapes(folder / "pictures", each=4)
    for file in (pictures / "circle").iterdir():
        file.write_bytes(file.read_bytes()[:100])
    status, said = trouble(capsys, "classify", "--data", "pictures")
    assert status == 1
    assert "pictures cannot be used" in said
    assert "circle/circle-0" in said
    assert "cut off" in said


def test_a_mistake_is_corrected_without_a_restart(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    draw_shapes(folder / "pictures", each=8)
    words = ["classify", "--data", "pictures"]
    words += [f"--set={key}={value}" for key, value in SETTINGS.items()]
    for wrong in ("nowhere", "nothing.npz"):  # the second one corrects the first one
        status, said = trouble(capsys, *words, "--set", f"backbone={wrong}")
        assert status == 1
        assert wrong in said
        assert "another run" not in said


@pytest.mark.parametrize(
    ("words", "status", "problem"),
    [
        (("clasify", "--data", "."), 1, "did you mean classify?"),
        (("classify", "--data", ".", "--set", "epochz=1"), 78, "did you mean epochs?"),
        (("classify", "--data", ".", "--options", "none.toml"), 78, "none.toml: cannot be read"),
        (("mine.py", "--data", "."), 1, "mine.py: there is no such file"),
    ],
    ids=["recipe", "option", "options", "file"],
)
def test_what_is_asked_wrongly_is_told_in_one_line(
    words: tuple[str, ...],
    status: int,
    problem: str,
    folder: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    found, said = trouble(capsys, *words)
    assert found == status
    assert problem in said


def test_a_setting_without_a_value_is_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        main(["train", "classify", "--data", ".", "--set", "epochs"])
    assert left.value.code == 2
    assert "write key=value" in capsys.readouterr().err


def test_only_a_runs_folder_is_exported(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["export", str(folder)]) == 1
    assert "is no run's folder; `edge-vision train` makes one" in capsys.readouterr().err


def test_a_training_that_is_not_done_is_not_exported(
    shop: Shop, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = (shop.run / "run.toml").read_text()
    (folder / "run").mkdir()
    (folder / "run" / "run.toml").write_text(text.replace("is_trained = true", "is_trained = false"))
    assert main(["export", "run"]) == 1
    assert "is not trained to its end; the command that began it goes on" in capsys.readouterr().err
