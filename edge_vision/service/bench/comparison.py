"""The comparison: trials of the daemon and runs of the floor in turn, and their medians."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple
from uuid import uuid4

from edge_vision.builtin.capture.opencv import OpenCVSource
from edge_vision.contracts.source import Source
from edge_vision.data.errors import BenchError
from edge_vision.service.bench.trial import Trial
from edge_vision.service.draft import Draft, make_draft

FLOOR = Path(__file__).with_name("floor.py")
PATIENCE = 120.0
"""Seconds more than it was to run that a process may take to start and to end."""
SHOWN = 600
"""So many characters of what a failed process said are shown."""

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Floor:
    """What a bare loop took; several at once count as one.

    frames  a second, of all together
    cpu_ms  processor time a frame, milliseconds
    first_s, peak_mb   of one of them: to its first frame, and its most memory
    """

    fps: float
    cpu_ms: float
    first_s: float
    peak_mb: float


@dataclass(frozen=True, slots=True)
class Comparison:
    """All runs, in the order in which they took turns; no floor where `without` says why.

    one, all   bare loops: one alone, and one on each core at once
    """

    cores: int
    workers: int
    trials: tuple[Trial, ...]
    one: tuple[Floor, ...]
    all: tuple[Floor, ...]
    without: str


class Plan(NamedTuple):
    """What is to be measured.

    wishes   what the bare loop is to do, see floor.py; None where it has nothing to compare with
    without  why not
    workers  so many threads compute
    """

    wishes: Mapping[str, Any] | None
    without: str
    workers: int


def compare(file: Path, seconds: float, runs: int, say: Say) -> Comparison:
    """Run a configuration and the bare loop over its video in turn.

    Raises ConfigFileError where the configuration is wrong, BenchError where a run fails.
    """
    cores = len(os.sched_getaffinity(0))
    plan = plan_of(file, seconds)
    wishes = plan.wishes
    trials: list[Trial] = []
    one: list[Floor] = []
    together: list[Floor] = []
    for number in range(1, runs + 1):
        say(f"run {number} of {runs}")
        if wishes:
            one.append(floors(wishes, 1, seconds))
        trials.append(trial_of(file, seconds))
        if wishes:
            together.append(floors(wishes, cores, seconds))
    return Comparison(cores, plan.workers, tuple(trials), tuple(one), tuple(together), plan.without)


def middle(figures: Sequence[float]) -> float:
    """The median."""
    return statistics.median(figures)


def plan_of(file: Path, seconds: float) -> Plan:
    """What is to be measured; raises ConfigFileError where the configuration is wrong."""
    draft = make_draft(file, uuid4().hex, _change_nothing)
    try:
        return Plan(*_floor_wishes(draft, seconds), draft.config.workers)
    finally:
        draft.shelf.close()


def _floor_wishes(draft: Draft, seconds: float) -> tuple[Mapping[str, Any] | None, str]:
    """What the bare loop is to do, or why it has nothing to compare with."""
    if len(draft.cameras) != 1:
        return None, "there are several cameras; a bare loop reads one"
    (made,) = draft.cameras.values()
    source: Source = made.plan.source
    if source.live or not isinstance(source, OpenCVSource) or source.options.realtime:
        return None, "only a video that is played as fast as it can be sets no pace of its own"
    if made.plan.fps is not None:
        return None, "fps holds the camera back"
    models = [draft.shelf.models[name].bundle.file for name in sorted(made.models)]
    if not models:
        return None, "no stage runs a model"
    video = draft.config.folder / str(source.options.url)
    return {"video": str(video), "models": [str(each) for each in models], "seconds": seconds}, ""


def floors(wishes: Mapping[str, Any], count: int, seconds: float) -> Floor:
    """So many bare loops at once, each of one thread; raises BenchError where one fails."""
    processes = [
        subprocess.Popen(  # noqa: S603 - our own program, and the configuration's files as JSON
            [sys.executable, str(FLOOR), json.dumps({**wishes, "started": time.monotonic()})],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(count)
    ]
    told: list[dict[str, float]] = []
    try:
        for process in processes:
            out, err = process.communicate(timeout=seconds + PATIENCE)
            if process.returncode:
                raise BenchError(f"the bare loop failed: {err.strip()[-SHOWN:]}")
            told.append(json.loads(out))
    except subprocess.TimeoutExpired:
        raise BenchError("the bare loop did not come to an end") from None
    finally:
        for process in processes:
            process.kill()
            process.wait()
    frames = sum(each["frames"] for each in told)
    if not frames:
        raise BenchError("the video has no two frames; take a longer one")
    return Floor(
        fps=sum(each["frames"] / each["wall_s"] for each in told),
        cpu_ms=1000.0 * sum(each["cpu_s"] for each in told) / frames,
        first_s=told[0]["first_s"],
        peak_mb=told[0]["peak_mb"],
    )


def trial_of(file: Path, seconds: float) -> Trial:
    """Run a configuration in a process of its own; raises BenchError where that fails."""
    with tempfile.TemporaryDirectory(prefix="edge-vision-bench-") as folder:
        result = Path(folder) / "trial.json"
        words = [sys.executable, "-m", "edge_vision.service.bench.trial", str(file), str(seconds)]
        try:
            done = subprocess.run(  # noqa: S603 - our own program, and the configuration's path
                [*words, str(time.monotonic()), str(result)],
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                text=True,
                check=False,
                timeout=seconds + PATIENCE,
            )
        except subprocess.TimeoutExpired:
            raise BenchError(
                f"{file}: gave no result within {seconds + PATIENCE:.0f} s; does its camera open?"
            ) from None
        if done.returncode or not result.is_file():
            raise BenchError(f"{file}: does not run: {done.stderr.strip()[-SHOWN:]}")
        trial = Trial(**json.loads(result.read_text()))
    if not trial.frames:
        raise BenchError(
            f"{file}: gave no two results; take a longer recording, or a gate that lets some pass"
        )
    return trial


def _change_nothing(camera: str, key: str, _text: str) -> bool:
    raise BenchError(f"{camera}.{key} is not changed while it is measured")
