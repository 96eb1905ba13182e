"""The daemon beside a bare loop and beside MediaPipe, in turns over the same video with the same model.

    python benchmarks/peers.py CONFIG PYTHON [--runs 5] [--seconds 10] [--model FILE]

CONFIG has one camera that plays a video as fast as it can, and a stage `classify`. PYTHON is the
interpreter of an environment with MediaPipe (`python3 -m venv mp; mp/bin/pip install mediapipe`), so
that neither sees the other's packages. FILE is what the others are given, where the daemon uses another
form of it. Prints frames/s and processor time a frame, medians of the runs,
and what the daemon's are times that.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from statistics import median
from typing import Any

from edge_vision.service.bench.comparison import FLOOR, Floor, floors, plan_of, trial_of

PEER = Path(__file__).parent / "mediapipe_task.py"


def main() -> None:
    """Do it."""
    parser = argparse.ArgumentParser()
    parser.add_argument("config", type=Path)
    parser.add_argument("python")
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
    rows: dict[str, list[tuple[float, float, float]]] = {"daemon": [], "bare loop": [], "MediaPipe": []}
    for number in range(1, asked.runs + 1):
        print(f"run {number} of {asked.runs}", file=sys.stderr)
        rows["bare loop"].append(_of_floor(floors(wishes, 1, seconds)))
        trial = trial_of(asked.config, seconds)
        rows["daemon"].append(
            (trial.frames / trial.wall_s, 1000.0 * trial.cpu_s / trial.frames, trial.first_s)
        )
        rows["MediaPipe"].append(_peer(asked.python, wishes))
    middle = {
        name: [median(column) for column in zip(*each, strict=True)] for name, each in rows.items()
    }
    for name, (fps, cpu, first) in middle.items():
        own = middle["daemon"]
        print(
            f"{name:10} {fps:8.1f} frames/s  {cpu:7.2f} ms of processor time  first {first:5.2f} s   "
            f"the daemon: {own[0] / fps:.2f} times the frames/s, {own[1] / cpu:.2f} times the time"
        )


def _of_floor(floor: Floor) -> tuple[float, float, float]:
    return floor.fps, floor.cpu_ms, floor.first_s


def _peer(python: str, wishes: Mapping[str, Any]) -> tuple[float, float, float]:
    words = [python, str(PEER), json.dumps({**wishes, "started": time.monotonic()})]
    known = [str(FLOOR.parent), *filter(None, [os.environ.get("PYTHONPATH")])]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(known)}
    done = subprocess.run(words, capture_output=True, text=True, check=False, env=environment)
    if done.returncode:
        sys.exit(f"MediaPipe failed: {done.stderr.strip()[-300:]}")
    told = json.loads(done.stdout.splitlines()[-1])
    frames = told["frames"]
    return frames / told["wall_s"], 1000.0 * told["cpu_s"] / frames, told["first_s"]


if __name__ == "__main__":
    main()
