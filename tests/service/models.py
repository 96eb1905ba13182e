"""What tests of `edge-vision models` share: running a command, and models that are told at once."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from edge_vision.service.cli import main
from tests.tiny_models import averaging


@dataclass(frozen=True)
class Answer:
    """What a command answered."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """What it printed for a program."""
        return json.loads(self.out)

    @property
    def line(self) -> str:
        """The one line on standard error of a command that failed and printed nothing else."""
        assert self.status == 1
        assert self.out == ""
        assert self.err.count("\n") == 1, self.err
        return self.err.rstrip("\n")


class Command:
    """Runs `edge-vision models`; installed bundles are in a folder of the test's own."""

    def __init__(self, capsys: pytest.CaptureFixture[str], installed: Path) -> None:
        self._capsys = capsys
        self.installed = installed

    def __call__(self, *arguments: str | Path) -> Answer:
        status = main(["models", *map(str, arguments)])
        said = self._capsys.readouterr()
        return Answer(status, said.out, said.err)


def colours(folder: Path, name: str = "colours.tflite") -> Path:
    """A classifier of three classes: how red, green and blue a picture is."""
    return averaging(folder / name)


def labels(folder: Path, *names: str) -> Path:
    """A file of labels."""
    file = folder / "names.txt"
    file.write_text("".join(f"{name}\n" for name in names), encoding="utf-8")
    return file
