"""The manual: its examples run, its tables are complete, its links lead somewhere."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import jsonschema
import numpy as np
import pytest

from edge_vision import Labels, Stage, testing
from edge_vision.contracts import hookspecs
from edge_vision.contracts.schemas import schema_of
from edge_vision.service.cli import main, make_parser
from edge_vision.service.plugins import load_plugins
from tests import tiny_models

HOUSE = Path(__file__).resolve().parent.parent
PAGES = [
    HOUSE / "README.md",
    HOUSE / "models" / "README.md",
    HOUSE / "edge_vision" / "training" / "README.md",
    HOUSE / "systemd" / "README.md",
    HOUSE / "plugins" / "README.md",
    *sorted((HOUSE / "plugins").glob("*/README.md")),
]


def _row_reader(folder: Path) -> Path:
    """A bundle that reads rows of up to eight wheels."""
    folder.mkdir()
    tiny_models.copying(folder / "model.tflite", (1, 4, 8, 3), (1, 8, 12))
    (folder / "labels.txt").write_text("\n".join([*"0123456789", "_"]))
    (folder / "bundle.toml").write_text('task = "read"\nlayout = "slots"\nlabels = "labels.txt"\n')
    return folder


PICTURE, SCORES = (1, 16, 16, 3), (1, 16, 8, 6)
STAND_INS: dict[str, tuple[tuple[str, ...], Callable[[Path], Path]]] = {
    "classify": (("person", "bicycle", "car"), tiny_models.averaging),
    "detect": (("person", "bicycle", "car"), tiny_models.detecting),
    "crops": (("person", "bicycle", "car"), tiny_models.averaging),
    "segment": (
        tuple("abcdef"),
        partial(tiny_models.copying, shape=PICTURE, output_shape=SCORES),
    ),
    "keypoints": ((), partial(tiny_models.copying, shape=PICTURE, output_shape=(1, 1, 256, 3))),
    "embed": ((), partial(tiny_models.copying, shape=PICTURE, output_shape=(1, 1, 1, 768))),
    "read": (
        tuple("0123456789"),
        partial(tiny_models.copying, shape=(1, 4, 11, 3), output_shape=(1, 12, 11)),
    ),
    "meter": ((), _row_reader),
    "generate": ((), partial(tiny_models.copying, shape=PICTURE)),
    "sharpen": ((), tiny_models.enlarging),
    "remember": ((), partial(tiny_models.copying, shape=PICTURE)),
}
FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks(language: str) -> list[Any]:
    """The fenced blocks of a language on all pages, as parameters named after page and place."""
    return [
        pytest.param(text, id=f"{page.relative_to(HOUSE)}:{number}")
        for page in PAGES
        for number, (found, text) in enumerate(FENCE.findall(page.read_text()))
        if found == language
    ]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with all the files that examples name."""
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    for name in ("mqtt-password", "gate-password", "porch-password"):
        (tmp_path / name).write_text("secret\n")
        (tmp_path / name).chmod(0o600)
    for name in ("street.mp4", "garden.mp4"):
        writer = cv2.VideoWriter(str(tmp_path / name), cv2.VideoWriter.fourcc(*"mp4v"), 10, (64, 48))
        writer.write(np.zeros((48, 64, 3), np.uint8))
        writer.release()
    (tmp_path / "plugins").mkdir()
    text = blocks("python")[0].values[0]
    (tmp_path / "plugins" / "brightness.py").write_text(text)
    return tmp_path


def test_the_readme_says_what_every_option_of_sources_and_sinks_is() -> None:
    text = (HOUSE / "README.md").read_text()
    registry = load_plugins().registry
    for catalogue in (registry.sources, registry.sinks):
        for name in catalogue:
            for option in catalogue.find(name).Options.model_fields:
                assert f"`{option}`" in text, f"{name}.{option} is not in README.md"


def option_rows(text: str) -> dict[str, dict[str, str]]:
    """The rows of a page's tables that describe options: by option, its cells by their headings."""
    rows: dict[str, dict[str, str]] = {}
    headings: list[str] = []
    for line in text.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")] if line.startswith("|") else []
        option = re.fullmatch(r"`(\w+)`", cells[0]) if cells else None
        if cells and cells[0] == "option":
            headings = cells
        elif option and headings:
            rows[option[1]] = dict(zip(headings, cells, strict=True))
        elif not cells:
            headings = []
    return rows


def stages() -> list[Any]:
    plugins = load_plugins()
    return [
        pytest.param(info.name, plugins.registry.stages.find(name), id=name)
        for info in plugins.infos
        for name in plugins.registry.stages.of(info.name)
    ]


@pytest.mark.parametrize(("plugin", "stage"), stages())
def test_a_stage_is_in_the_manual_with_every_option_and_no_other(
    plugin: str, stage: type[Stage]
) -> None:
    assert f"`{stage.name}`" in (HOUSE / "README.md").read_text()
    assert f"`{stage.name}`" in (HOUSE / "plugins" / "README.md").read_text()
    page = (HOUSE / "plugins" / f"edge_vision_{plugin}" / "README.md").read_text()
    parts = re.findall(rf"^## {stage.name}$(.*?)(?=^## |\Z)", page, re.MULTILINE | re.DOTALL)
    rows = option_rows(parts[0] if parts else page)
    told = {option: row["live"].startswith("yes") for option, row in rows.items()}
    live = stage.Options.live()
    assert told == {option: option in live for option in stage.Options.model_fields}


def test_every_hook_has_a_heading_with_its_arguments() -> None:
    text = (HOUSE / "plugins" / "README.md").read_text()
    for name, function in vars(hookspecs).items():
        if hasattr(function, "edge_vision_spec"):
            arguments = ", ".join(function.__code__.co_varnames[: function.__code__.co_argcount])
            assert f"### {name}({arguments})" in text


def test_every_command_is_in_the_readme() -> None:
    text = (HOUSE / "README.md").read_text()
    for command in re.findall(r"^ {4}(\w+) ", make_parser().format_help(), re.MULTILINE):
        assert f"`edge-vision {command}" in text


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(HOUSE)))
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text()):
        assert (page.parent / target).exists(), f"{page.name} links to {target}"


@pytest.mark.parametrize("text", blocks("json"))
def test_examples_of_payloads_are_valid(text: str) -> None:
    payload = json.loads(text)
    kind = payload["schema"].split("/")[1]
    jsonschema.validate(payload, schema_of(kind))


@pytest.mark.parametrize("text", blocks("toml"))
def test_examples_of_configurations_are_good(
    text: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each is checked as a user would; a model it names is whatever its stages need."""
    if "[project]" in text:
        return
    if text.startswith("stages"):
        text = f'[cameras.porch]\nsource = "test"\n{text}'
    elif "[cameras" not in text:
        text += '\n[cameras.porch]\nsource = "test"\n'
    config = folder / "config.toml"
    config.write_text(_with_models(text, folder))
    status = main(["check", str(config)])
    assert status == 0, capsys.readouterr().err


def _with_models(text: str, folder: Path) -> str:
    """The configuration with tiny models in place of those it names."""
    for stage, model in re.findall(r'uses = "(\w+)"[^}]*?model = "(\w+)"', text):
        names, make = STAND_INS[stage]
        make(folder / f"{model}.tflite")
        (folder / f"{model}.txt").write_text("\n".join(names))
        text = re.sub(rf"\[models\.{model}\]\n(?:\w+ = .*\n)*", "", text)
        labels = f'labels = "{model}.txt"\n' if names else ""
        text += f'\n[models.{model}]\nbundle = "{model}.tflite"\n{labels}'
    return text.replace('tls = { ca_file = "ca.pem" }', "tls = true")


def test_the_plugin_of_the_readme_works_as_its_test_says(monkeypatch: pytest.MonkeyPatch) -> None:
    pages = (HOUSE / "plugins" / "README.md").read_text()
    plugin, test = (text for language, text in FENCE.findall(pages) if language == "python")
    names: dict[str, Any] = {"__name__": "brightness"}
    exec(plugin, names)
    exec(test, names)
    names["test_a_white_picture_is_bright"]()
    assert issubclass(names["Brightness"], Stage)
    result = testing.run(testing.make_stage(names["Brightness"]), testing.still(0))
    assert next(result.all(Labels)).rows[0][0] == "dark"
    assert sys.modules.get("brightness") is None
