"""The daemon against a bare serial loop over the same video and model; prints medians and ratios."""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

BARE = """
import sys, cv2
from ai_edge_litert.interpreter import Interpreter
cv2.setNumThreads(1)
model = Interpreter(sys.argv[2], num_threads=1)
model.allocate_tensors()
entry = model.get_input_details()[0]
_, height, width, _ = entry["shape"]
video = cv2.VideoCapture(sys.argv[1], cv2.CAP_FFMPEG, [cv2.CAP_PROP_N_THREADS, 1])
while True:
    ok, frame = video.read()
    if not ok:
        break
    picture = cv2.cvtColor(cv2.resize(frame, (width, height)), cv2.COLOR_BGR2RGB)
    if entry["dtype"].__name__ != "uint8":
        picture = picture.astype(entry["dtype"]) / 255
    model.set_tensor(entry["index"], picture[None])
    model.invoke()
    [model.get_tensor(output["index"]) for output in model.get_output_details()]
"""


@dataclass(frozen=True, slots=True)
class Run:
    """One run: wall and processor seconds, and the most memory, MB."""

    wall: float
    processor: float
    memory: float


def measure(command: list[str], output: Path) -> Run:
    """Run a command to its end, its output into a file."""
    with output.open("wb") as out:
        started = time.perf_counter()
        process = subprocess.Popen(command, stdout=out, stderr=subprocess.DEVNULL)
        _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{command[0]} ended with status {process.returncode}")
    return Run(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)


def config(video: Path, model: Path, stage: str, workers: int) -> str:
    """The daemon's configuration."""
    return f"""
workers = {workers}
[models.model]
bundle = {json.dumps(str(model))}
[cameras.camera]
source = {json.dumps(str(video))}
stages = [{{ uses = "{stage}", model = "model" }}]
"""


def main() -> None:
    """Run both in turn and print the medians."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("video", type=Path)
    parser.add_argument("model", type=Path)
    parser.add_argument("--stage", default="detect", help="default: detect")
    parser.add_argument("--workers", type=int, default=0, help="default: as many as cores")
    parser.add_argument("--runs", type=int, default=3)
    wishes = parser.parse_args()
    video, model = wishes.video.resolve(), wishes.model.resolve()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        file = folder / "config.toml"
        file.write_text(config(video, model, wishes.stage, wishes.workers))
        bare_command = [sys.executable, "-c", BARE, str(video), str(model)]
        daemon_command = [sys.executable, "-m", "edge_vision", "run", str(file)]
        bare, daemon = [], []
        for _ in range(wishes.runs):
            bare.append(measure(bare_command, folder / "bare"))
            daemon.append(measure(daemon_command, folder / "daemon"))
        frames = len((folder / "daemon").read_bytes().splitlines())
    report(frames, bare, daemon)


def report(frames: int, bare: list[Run], daemon: list[Run]) -> None:
    """Print both and their ratios."""
    print(f"{frames} frames, medians of {len(bare)} runs, start of the process included")
    print(f"{'':24}{'bare loop':>12}{'daemon':>12}{'ratio':>8}")
    figures: dict[str, Callable[[Run], float]] = {
        "rate, frames/s": lambda run: frames / run.wall,
        "processor a frame, ms": lambda run: run.processor / frames * 1000,
        "most memory, MB": lambda run: run.memory,
    }
    for what, pick in figures.items():
        one = statistics.median(map(pick, bare))
        two = statistics.median(map(pick, daemon))
        ratio = statistics.median(pick(d) / pick(b) for b, d in zip(bare, daemon, strict=True))
        print(f"{what:24}{one:12.1f}{two:12.1f}{ratio:8.2f}")


if __name__ == "__main__":
    main()
