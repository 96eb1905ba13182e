"""What the tests of the service share."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge_vision.service.models import library
from tests.service.models import Command


@pytest.fixture
def models(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Command:
    """`edge-vision models`, with nothing installed or shipped."""
    installed = tmp_path / "installed"
    monkeypatch.setenv(library.VARIABLE, str(installed))
    monkeypatch.setattr(library, "SHIPPED_PACKAGE", "edge_vision_models_of_no_one")
    return Command(capsys, installed)
