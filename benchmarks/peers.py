"""The daemon beside loops and beside MediaPipe, in turns over the same video with the same model.

    python benchmarks/peers.py CONFIG [PYTHON] [--runs 5] [--seconds 10] [--model FILE]

CONFIG has one camera that plays a video as fast as it can, and a stage `classify`. PYTHON is the
interpreter of an environment with MediaPipe (`python3 -m venv mp; mp/bin/pip install mediapipe`), so
that neither sees the other's packages; left out, MediaPipe is. The loops are the bare one, one on each
core at once, and one with a thread for each core (threaded_loop.py). FILE is what the others are given,
where the daemon uses another form of it. Prints frames/s and processor time a frame, medians of the
runs, and what the daemon's are times that.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from statistics import median
from typing import Any

from edge_vision.service.bench.comparison import FLOOR, Floor, floors, plan_of, trial_of

MEDIAPIPE, THREADED = (
    Path(__file__).with_name(name) for name in ("mediapipe_task.py", "threaded_loop.py")
)


def main() -> None:
    """Do it."""
    parser = argparse.ArgumentParser()
    parser.add_argument("config", type=Path)
    parser.add_argument("python", nargs="?")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--model", type=Path)
    asked = parser.parse_args()
    wishes, without, _ = plan_of(asked.config, asked.seconds)
    if wishes is None:
        sys.exit(f"{asked.config}: {without}")
    if asked.model is not None:
        wishes = {**wishes, "models": [str(asked.model)]}
    seconds = asked.seconds
    cores = len(os.sched_getaffinity(0))
    rows: dict[str, list[tuple[float, float, float]]] = defaultdict(list)
    for number in range(1, asked.runs + 1):
        print(f"run {number} of {asked.runs}", file=sys.stderr)
        rows["bare loop"].append(_of_floor(floors(wishes, 1, seconds)))
        trial = trial_of(asked.config, seconds)
        rows["daemon"].append(
            (trial.frames / trial.wall_s, 1000.0 * trial.cpu_s / trial.frames, trial.first_s)
        )
        if asked.python:
            rows["MediaPipe"].append(_peer(MEDIAPIPE, asked.python, wishes))
        rows["threaded loop"].append(_peer(THREADED, sys.executable, wishes))
        rows[f"{cores} bare loops"].append(_of_floor(floors(wishes, cores, seconds)))
    middle = {
        name: [median(column) for column in zip(*each, strict=True)] for name, each in rows.items()
    }
    for name, (fps, cpu, first) in middle.items():
        own = middle["daemon"]
        print(
            f"{name:14} {fps:8.1f} frames/s  {cpu:7.2f} ms of processor time  first {first:5.2f} s   "
            f"the daemon: {own[0] / fps:.2f} times the frames/s, {own[1] / cpu:.2f} times the time"
        )


def _of_floor(floor: Floor) -> tuple[float, float, float]:
    return floor.fps, floor.cpu_ms, floor.first_s


def _peer(program: Path, python: str, wishes: Mapping[str, Any]) -> tuple[float, float, float]:
    words = [python, str(program), json.dumps({**wishes, "started": time.monotonic()})]
    known = [str(FLOOR.parent), *filter(None, [os.environ.get("PYTHONPATH")])]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(known)}
    done = subprocess.run(words, capture_output=True, text=True, check=False, env=environment)
    if done.returncode:
        sys.exit(f"{program.name} failed: {done.stderr.strip()[-300:]}")
    told = json.loads(done.stdout.splitlines()[-1])
    frames = told["frames"]
    return frames / told["wall_s"], 1000.0 * told["cpu_s"] / frames, told["first_s"]


if __name__ == "__main__":
    main()
