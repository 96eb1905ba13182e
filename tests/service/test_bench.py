"""`edge-vision bench`: the daemon beside a bare loop over the same video with the same model."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from edge_vision.service.bench.comparison import Comparison, Floor
from edge_vision.service.bench.report import as_table, as_text
from edge_vision.service.bench.trial import ENGINE, Trial
from edge_vision.service.cli import main
from tests.tiny_models import averaging

pytestmark = pytest.mark.timeout(240)


def write_video(file: Path, frames: int = 60) -> Path:
    video = cv2.VideoWriter(str(file), cv2.VideoWriter.fourcc(*"MJPG"), 25.0, (64, 48))
    for number in range(frames):
        video.write(np.full((48, 64, 3), 4 * number, np.uint8))
    video.release()
    return file


def config(folder: Path, stages: str, **camera: Any) -> Path:
    """A configuration of one camera on a video, with a model that tells the mean of each colour."""
    averaging(folder / "colours.tflite")
    options = "".join(f"{key} = {json.dumps(value)}\n" for key, value in camera.items())
    file = folder / "config.toml"
    file.write_text(
        f"""
[models.colours]
bundle = "colours.tflite"
[cameras.table]
source = "video.avi"
{options}stages = [{stages}]
"""
    )
    return file


@pytest.fixture
def measured(tmp_path: Path) -> Path:
    write_video(tmp_path / "video.avi")
    return config(tmp_path, '{ uses = "classify", model = "colours" }')


def test_ratios_come_first_and_each_step_is_told(
    measured: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["bench", str(measured), "--runs", "2", "--seconds", "5"]) == 0
    text = capsys.readouterr().out
    assert text.index("times the frames/s of a bare loop") < text.index("processor a frame, ms")
    for word in (
        "queue",
        "classify",
        "publish",
        ENGINE,
        "p99",
        "60 frames captured, 0 dropped, 0 failed",
    ):
        assert word in text


def test_a_program_is_told_the_same(measured: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", str(measured), "--runs", "1", "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["schema"] == "edge-vision/bench/1"
    daemon, floor = said["daemon"], said["floor_one"]
    assert said["ratios"]["fps_to_one"] == pytest.approx(daemon["fps"] / floor["fps"], rel=0.01)
    assert (daemon["captured"], daemon["dropped"], daemon["failed"]) == (60, 0, 0)
    assert [*daemon["steps_ms"]] == ["queue", "classify", "publish", ENGINE]
    assert 0.0 < daemon["latency_ms"]["p50"] <= daemon["latency_ms"]["p99"]
    assert 0.0 < daemon["added_ms"]["p50"] < daemon["latency_ms"]["p50"]
    assert 20.0 < floor["peak_mb"] < 1000.0


def test_a_stage_with_the_name_of_another_step_is_told_apart(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_video(tmp_path / "video.avi")
    file = config(tmp_path, '{ uses = "classify", model = "colours", name = "queue" }')
    assert main(["bench", str(file), "--runs", "1", "--json"]) == 0
    steps = json.loads(capsys.readouterr().out)["daemon"]["steps_ms"]
    assert [*steps] == ["queue", "stage queue", "publish", ENGINE]


def test_the_memory_of_whoever_started_it_is_not_counted() -> None:
    held = b"\1" * (400 << 20)
    told = "from edge_vision.service.bench.floor import peak_mb; print(peak_mb())"
    peak = subprocess.check_output([sys.executable, "-c", told])
    assert 5.0 < float(peak) < len(held) / 2**20 / 2


@pytest.mark.parametrize(
    ("stages", "camera", "why"),
    [
        ('{ uses = "motion", gate = false }', {}, "no stage runs a model"),
        ('{ uses = "classify", model = "colours" }', {"fps": 20}, "fps holds the camera back"),
    ],
)
def test_where_a_bare_loop_compares_with_nothing_it_says_why(
    tmp_path: Path, stages: str, camera: dict[str, Any], why: str, capsys: pytest.CaptureFixture[str]
) -> None:
    write_video(tmp_path / "video.avi")
    file = config(tmp_path, stages, **camera)
    assert main(["bench", str(file), "--runs", "1", "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["without_floor"] == why
    assert "ratios" not in said
    assert main(["bench", str(file), "--runs", "1"]) == 0
    assert f"no bare loop beside it: {why}" in capsys.readouterr().out


def test_what_gives_no_results_is_an_error_that_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_video(tmp_path / "video.avi", frames=1)
    file = config(tmp_path, '{ uses = "motion" }')
    assert main(["bench", str(file), "--runs", "1"]) == 1
    assert "gave no two results; take a longer recording" in capsys.readouterr().err
    assert main(["bench", str(tmp_path / "none.toml")]) == 78
    capsys.readouterr()


def trial(fps: float, cpu_ms: float) -> Trial:
    times = {"p50": 1.0, "p90": 2.0, "p99": 3.0}
    return Trial(
        100, 100 / fps, cpu_ms / 10, 0.5, 90.0, 101, 0, 0, times, times, {"queue": times}, {"porch": 100}
    )


def test_ratios_are_medians_of_runs_that_took_turns() -> None:
    floors = tuple(Floor(fps, 10.0, 0.2, 60.0) for fps in (50.0, 100.0, 25.0))
    trials = tuple(trial(fps, 12.0) for fps in (100.0, 150.0, 50.0))
    found = Comparison(2, 2, trials, floors, floors, "")
    table = as_table(found)
    assert table["ratios"] == {
        "fps_to_one": 2.0,
        "fps_to_all": 2.0,
        "cpu_to_one": 1.2,
        "memory_to_one": 1.5,
    }
    assert (table["daemon"]["fps"], table["floor_one"]["fps"]) == (100.0, 50.0)
    assert "2.00 times the frames/s of a bare loop on one core" in as_text(found)
