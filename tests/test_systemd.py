"""The unit and its example configuration."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from edge_vision.service.cli import main

SYSTEMD = Path(__file__).resolve().parent.parent / "systemd"
UNIT = SYSTEMD / "edge-vision.service"
ANALYZE = shutil.which("systemd-analyze")
needs_systemd = pytest.mark.skipif(ANALYZE is None, reason="systemd-analyze is not installed")


def test_the_example_configuration_is_good(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", str(SYSTEMD / "config.toml")]) == 0
    assert "1 camera (porch)" in capsys.readouterr().out


@needs_systemd
def test_systemd_understands_the_unit(tmp_path: Path) -> None:
    text = re.sub(r"/opt/edge-vision/bin/edge-vision", "/bin/true", UNIT.read_text())
    unit = tmp_path / "edge-vision.service"
    unit.write_text(text)
    done = subprocess.run(
        [str(ANALYZE), "verify", str(unit)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "SYSTEMD_LOG_LEVEL": "warning"},
    )
    complaints = [line for line in done.stderr.splitlines() if "edge-vision.service" in line]
    assert done.returncode == 0, done.stderr
    assert not complaints


@needs_systemd
def test_the_unit_is_confined() -> None:
    done = subprocess.run(
        [str(ANALYZE), "security", "--offline=yes", "--threshold=20", "--no-pager", str(UNIT)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-2000:]


def test_what_slows_inference_down_stays_off() -> None:
    settings = dict(
        line.split("=", 1) for line in UNIT.read_text().splitlines() if re.match(r"\w+=", line)
    )
    assert settings["ProcSubset"] == "all"
    assert settings["Type"] == "notify"
    assert settings["RestartPreventExitStatus"] == "78"
    assert int(settings["WatchdogSec"]) >= 30
