"""What memory the daemon takes: for one camera, for each further one, and whether it grows.

    python benchmarks/memory.py MODEL.tflite VIDEO VIDEO_720P [--frames 100000] [--runs 5]

Cameras: VIDEO alone, then with 1, 2 and 4 of VIDEO_720P beside it, all in their own time and in a loop,
each with `classify` on MODEL; the most memory of the process after 10 s, medians of the runs. Beside it
what as many more `cv2.VideoCapture` take in a program that reads them into one picture each. Growth:
VIDEO in a loop, as fast as it can be, until so many results are out; the memory in use at every tenth of
them. MB are 2^20 bytes.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median

from edge_vision.service.bench.comparison import trial_of

SECONDS = 10.0
FURTHER = (0, 1, 2, 4)
READING = """
import sys, threading, cv2
cv2.setNumThreads(1)
done = threading.Barrier(len(sys.argv))
def read(video):
    capture = cv2.VideoCapture(video, cv2.CAP_FFMPEG, [cv2.CAP_PROP_N_THREADS, 1])
    picture = capture.read()[1]
    for _ in range(200):
        capture.read(picture)
    done.wait()
    done.wait()
threads = [threading.Thread(target=read, args=(video,)) for video in sys.argv[1:]]
for thread in threads:
    thread.start()
done.wait()
print(int(open("/proc/self/status").read().split("VmHWM:")[1].split()[0]) / 1024)
done.wait()
"""
"""A program that reads videos and prints the most memory that it had, MB."""


def main() -> None:
    """Do it."""
    parser = argparse.ArgumentParser()
    parser.add_argument("model", type=Path)
    parser.add_argument("video", type=Path)
    parser.add_argument("further", type=Path)
    parser.add_argument("--frames", type=int, default=100_000)
    parser.add_argument("--runs", type=int, default=5)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "config.toml"
        alone = read = 0.0
        for count in FURTHER:
            videos = [asked.video, *[asked.further] * count]
            file.write_text(config(asked.model, videos, realtime=True), encoding="utf-8")
            peak = median(trial_of(file, SECONDS).peak_mb for _ in range(asked.runs))
            bare = median(reading(videos) for _ in range(asked.runs))
            alone, read = alone or peak, read or bare
            each = (
                f", {(peak - alone) / count:.1f} MB each of them; OpenCV {(bare - read) / count:.1f} MB"
                if count
                else ""
            )
            print(f"one camera and {count} of 720p beside it: {peak:.1f} MB{each}", flush=True)
        file.write_text(config(asked.model, [asked.video], realtime=False), encoding="utf-8")
        if asked.frames:
            grow(file, asked.frames)


def config(model: Path, videos: list[Path], *, realtime: bool) -> str:
    """A configuration with a camera for each video."""
    played = f"realtime = {str(realtime).lower()}, loop = true"
    cameras = "".join(
        f'[cameras.c{number}]\nstages = [{{ uses = "classify", model = "things" }}]\n'
        f'source = {{ uses = "opencv", url = "{video.resolve()}", {played} }}\n'
        for number, video in enumerate(videos)
    )
    return f'[models.things]\nbundle = "{model.resolve()}"\n{cameras}'


def reading(videos: list[Path]) -> float:
    """The memory, MB, of a program that only reads videos, each on a thread."""
    words = [sys.executable, "-c", READING, *map(str, videos)]
    return float(subprocess.run(words, capture_output=True, text=True, check=True).stdout)


def grow(file: Path, frames: int) -> None:
    """Print the memory in use at every tenth of so many results."""
    words = [sys.executable, "-m", "edge_vision", "run", str(file)]
    daemon = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    try:
        results = 0
        for line in daemon.stdout or ():
            results += b"edge-vision/result/1" in line
            if results and results % (frames // 10) == 0:
                print(f"after {results:7} results: {in_use(daemon.pid):.1f} MB in use", flush=True)
            if results >= frames:
                break
    finally:
        daemon.kill()
        daemon.wait()


def in_use(process: int) -> float:
    """The resident memory of a process, MB."""
    status = Path(f"/proc/{process}/status").read_text(encoding="ascii")
    return int(status.split("VmRSS:")[1].split()[0]) / 1024


if __name__ == "__main__":
    main()
