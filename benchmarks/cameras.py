"""Many cameras on this computer: what they cost, with and without a gate, and how even their rates are.

    python benchmarks/cameras.py VIDEO DETECTOR.tflite [--seconds 20] [--runs 5] [--chart cost.svg]
        [--counts 1 2 4 8 16] [--still SECONDS]

VIDEO is made 640 x 360 at 5 frames/s, behind it so many seconds in which nothing happens (its first
picture, with the noise of a camera), and it is played in real time and in a loop by so many cameras,
each from another place of it, with a detector; once for every frame, once behind the stage `motion`,
once with the detector looking only where something moves. Prints for each the share of all cores' time
that is used, the frames/s of the slowest and the fastest camera as a share of the mean, and the latency;
medians of the runs.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path
from statistics import median

import cv2
import numpy as np

from edge_vision.service.bench.comparison import trial_of
from edge_vision.service.bench.trial import Trial

SIZE, FPS = (640, 360), 5.0
COUNTS = (1, 2, 4, 8, 16)
NOISE = 2.0
"""Standard deviation of the noise of a camera, levels of 255."""
WAYS = {
    "every frame": '{ uses = "detect", model = "things" }',
    "gated": '{ uses = "motion" }, { uses = "detect", model = "things" }',
    "where it moves": (
        '{ uses = "motion", gate = false }, { uses = "detect", model = "things", where = ["motion"] }'
    ),
}


def main() -> None:
    """Do it."""
    parser = argparse.ArgumentParser()
    parser.add_argument("video", type=Path)
    parser.add_argument("detector", type=Path)
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--counts", type=int, nargs="+", default=COUNTS)
    parser.add_argument("--still", type=float, default=0.0)
    parser.add_argument("--chart", type=Path)
    asked = parser.parse_args()
    costs: dict[str, list[float]] = {way: [] for way in WAYS}
    with tempfile.TemporaryDirectory() as folder:
        videos = parts(asked.video, asked.still, Path(folder), max(asked.counts))
        for count in asked.counts:
            trials: dict[str, list[Trial]] = {way: [] for way in WAYS}
            for _ in range(asked.runs):
                for way, stages in WAYS.items():
                    file = Path(folder) / "config.toml"
                    file.write_text(config(videos[:count], asked.detector, stages))
                    trials[way].append(trial_of(file, asked.seconds))
            for way, done in trials.items():
                costs[way].append(median(cost(each) for each in done))
                print(row(count, way, done, costs[way][-1]), flush=True)
    if asked.chart is not None:
        asked.chart.write_text(chart(asked.counts, costs), encoding="utf-8")


def parts(video: Path, still: float, folder: Path, count: int) -> list[Path]:
    """As many videos as cameras, each beginning at another place of one, in the size and rate of all."""
    chance = np.random.default_rng(0)
    read = cv2.VideoCapture(str(video))
    every = max(1, round((read.get(cv2.CAP_PROP_FPS) or 25.0) / FPS))
    pictures = []
    while read.grab():
        if int(read.get(cv2.CAP_PROP_POS_FRAMES)) % every == 0:
            found, picture = read.retrieve()
            if found:
                pictures.append(cv2.resize(picture, SIZE, interpolation=cv2.INTER_AREA))
    for _ in range(round(still * FPS)):
        noise = chance.normal(0.0, NOISE, pictures[0].shape)
        pictures.append(np.clip(pictures[0] + noise, 0, 255).astype(np.uint8))
    files = []
    for number in range(count):
        first = number * len(pictures) // count
        file = folder / f"{number}.avi"
        made = cv2.VideoWriter(str(file), cv2.VideoWriter.fourcc(*"mp4v"), FPS, SIZE)
        for picture in (*pictures[first:], *pictures[:first]):
            made.write(picture)
        made.release()
        files.append(file)
    return files


def config(videos: Sequence[Path], detector: Path, stages: str) -> str:
    """A configuration with a camera for each video."""
    cameras = "".join(
        f"[cameras.c{number}]\nstages = [{stages}]\n"
        f'source = {{ uses = "opencv", url = "{video}", realtime = true, loop = true }}\n'
        for number, video in enumerate(videos)
    )
    return f'[models.things]\nbundle = "{detector.resolve()}"\n{cameras}'


def cost(trial: Trial) -> float:
    """The share of all cores' time that was used."""
    return trial.cpu_s / trial.wall_s / len(os.sched_getaffinity(0))


def row(count: int, way: str, trials: Sequence[Trial], used: float) -> str:
    """What is printed of one number of cameras and one way."""
    worst, best = [], []
    for trial in trials:
        frames = list(trial.processed.values())
        mean = sum(frames) / len(frames)
        worst.append(min(frames) / mean)
        best.append(max(frames) / mean)
    late = median(trial.latency_ms.get("p90", 0.0) for trial in trials)
    return (
        f"{count:3} cameras, {way:15} {used:6.1%} of all cores; slowest {median(worst):.3f} and fastest "
        f"{median(best):.3f} of the mean; p90 {late:6.1f} ms; {median(t.peak_mb for t in trials):.0f} MB"
    )


def chart(counts: Sequence[int], costs: dict[str, list[float]]) -> str:
    """The cost against the number of cameras, as SVG."""
    width, height, left, top = 560, 320, 60, 20
    colours = ("#1f6feb", "#2da44e", "#bf3989")
    most = max(0.1, *(value for values in costs.values() for value in values))

    def x(index: int) -> float:
        return left + index * (width - left - 20) / max(1, len(counts) - 1)

    def y(value: float) -> float:
        return top + (height - top - 50) * (1.0 - value / most)

    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-size="13">',
        f'<rect width="{width}" height="{height}" fill="white"/>',
    ]
    for index, count in enumerate(counts):
        lines.append(f'<text x="{x(index)}" y="{height - 28}" text-anchor="middle">{count}</text>')
    lines.append(f'<text x="{width / 2}" y="{height - 8}" text-anchor="middle">cameras</text>')
    for share in (0.0, most / 2, most):
        lines.append(f'<text x="{left - 8}" y="{y(share) + 4}" text-anchor="end">{share:.0%}</text>')
        lines.append(
            f'<line x1="{left}" x2="{width - 20}" y1="{y(share)}" y2="{y(share)}" stroke="#ddd"/>'
        )
    for number, (way, values) in enumerate(costs.items()):
        points = " ".join(f"{x(index):.1f},{y(value):.1f}" for index, value in enumerate(values))
        colour = colours[number]
        lines.append(f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2"/>')
        lines.append(f'<text x="{left + 12}" y="{top + 14 + 18 * number}" fill="{colour}">{way}</text>')
    return "\n".join((*lines, "</svg>\n"))


if __name__ == "__main__":
    main()
