"""A trial: one configuration run for some seconds in a process of its own, and what that took.

    python -m edge_vision.service.bench.trial CONFIG SECONDS STARTED RESULT

STARTED is time.monotonic() of whoever started it; into the file RESULT it writes a `Trial` as JSON.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

from edge_vision.builtin.tflite.trial_process import start_spare
from edge_vision.service.bench.floor import peak_mb

if TYPE_CHECKING:
    from edge_vision.engine.tally import Counts, Passage

LOOK = 0.005
"""Seconds between two looks at whether the first result is there."""
CHECK = 0.25
"""Seconds between two looks after workers and cameras."""
STOP_WITHIN, FLUSH = 5.0, 10.0
UNSEEN = "rate", "overwritten", "stopped"
"""Why frames are dropped before their stages see them."""
QUEUE, PUBLISH, ENGINE = "queue", "publish", "engine"
"""What a frame's way has besides its stages: waiting to be begun, the sinks, and what is left."""


@dataclass(frozen=True, slots=True)
class Trial:
    """What a run took.

    frames        delivered from the first result to the end
    wall_s        seconds which that took
    cpu_s         seconds of all cores, of this process alone
    first_s       from the process' start to the first result
    peak_mb       most memory at once, MB (2^20 bytes)
    captured, dropped, failed   frames of the whole run
    latency_ms    from capture to publish, percentiles by name, of all frames
    added_ms      what of that is not the stages': waiting, the sinks, the engine itself
    steps_ms      the same of each step by its name
    processed     by camera, frames that its stages saw, whether they let them pass or not
    """

    frames: int
    wall_s: float
    cpu_s: float
    first_s: float
    peak_mb: float
    captured: int
    dropped: int
    failed: int
    latency_ms: Mapping[str, float]
    added_ms: Mapping[str, float]
    steps_ms: Mapping[str, Mapping[str, float]]
    processed: Mapping[str, int]


def run(file: Path, seconds: float, started: float) -> Trial:
    """Run a configuration until its recordings are over, or for some seconds from its first result.

    started  when the process was started, time.monotonic() seconds
    """
    import cv2  # noqa: PLC0415 - the start counts these imports

    from edge_vision.engine.tally import percentiles  # noqa: PLC0415
    from edge_vision.service.draft import make_draft  # noqa: PLC0415
    from edge_vision.service.system import Controls, System  # noqa: PLC0415

    cv2.setNumThreads(1)
    controls = Controls()
    system = System(make_draft(file, uuid4().hex, controls.change), controls, kept=None)
    system.start()
    tallies = [camera.tally for camera in system.cameras.values()]
    checked = time.monotonic()
    began, spent, before = 0.0, 0.0, 0
    while not system.finished:
        now = time.monotonic()
        if not began and (before := sum(tally.counts().delivered for tally in tallies)):
            began, spent = now, time.process_time()
        if began and now - began > seconds:
            break
        if now - checked > CHECK:
            checked = now
            system.check()
        time.sleep(CHECK / 10 if began else LOOK)
    ended, used = time.monotonic(), time.process_time()
    counts = [tally.counts() for tally in tallies]
    processed = dict(zip(system.cameras, map(_processed, counts), strict=True))
    passages = [passage for tally in tallies for passage in tally.passages()]
    system.stop(STOP_WITHIN, FLUSH)
    steps: dict[str, list[float]] = {}
    added: list[float] = []
    for passage in passages:
        added.append(passage.queue_ms + passage.publish_ms + passage.engine_ms)
        for name, ms in _rows(passage):
            steps.setdefault(name, []).append(ms)
    return Trial(
        frames=sum(each.delivered for each in counts) - before,
        wall_s=ended - began if began else 0.0,
        cpu_s=used - spent,
        first_s=began - started if began else 0.0,
        peak_mb=peak_mb(),
        captured=sum(each.captured for each in counts),
        dropped=sum(each.dropped for each in counts),
        failed=sum(each.failed for each in counts),
        latency_ms=percentiles([passage.ms for passage in passages]),
        added_ms=percentiles(added),
        steps_ms={name: percentiles(times) for name, times in steps.items()},
        processed=processed,
    )


def _rows(passage: Passage) -> Iterator[tuple[str, float]]:
    """The steps of a frame's way by their names, milliseconds."""
    yield QUEUE, passage.queue_ms
    for name, ms in passage.stages.items():
        yield f"stage {name}" if name in (QUEUE, PUBLISH, ENGINE) else name, ms
    yield PUBLISH, passage.publish_ms
    yield ENGINE, passage.engine_ms


def _processed(counts: Counts) -> int:
    unseen = sum(counts.dropped_by.get(reason, 0) for reason in UNSEEN)
    return counts.captured - counts.in_flight - unseen


def main(words: Sequence[str]) -> None:
    """Run, as `edge-vision run` does, and write what it took."""
    start_spare()
    from edge_vision.service.logs import start_logging  # noqa: PLC0415

    start_logging("warning")
    config, seconds, started, result = words
    trial = run(Path(config), float(seconds), float(started))
    Path(result).write_text(json.dumps(asdict(trial)), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
