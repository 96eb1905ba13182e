"""The floor: a bare serial loop over a video, run as a program of its own that imports nothing of ours.

    floor.py '{"video": FILE, "models": [FILE, ...], "seconds": 10, "started": MOMENT}'

It decodes, resizes and invokes, and publishes nothing. Prints one line of JSON: `frames` from the first
to the last, the `wall_s` and `cpu_s` that they took, `first_s` from the moment at which it was started
(time.monotonic() of whoever did) to the first, `peak_mb`.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any


def peak_mb() -> float:
    """Most memory that this process had at once, MB (2^20 bytes).

    Not getrusage(2)'s ru_maxrss, in which a program starts from what the one that started it had.
    """
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.split("VmHWM:")[1].split()[0]) / 1024


def measured(wishes: Mapping[str, Any], take: Callable[[Any], None]) -> dict[str, float]:
    """What is printed of a loop over the video of the wishes that does something with each frame.

    take  is given each frame, (height, width, 3) uint8 BGR
    """
    import cv2  # noqa: PLC0415 - the start counts this import

    cv2.setNumThreads(1)
    video = cv2.VideoCapture(wishes["video"], cv2.CAP_FFMPEG, [cv2.CAP_PROP_N_THREADS, 1])
    frames, first, began, spent = 0, 0.0, 0.0, 0.0
    while True:
        found, frame = video.read()
        if not found:
            break
        take(frame)
        now = time.monotonic()
        if not began:
            began, spent, first = now, time.process_time(), now - wishes["started"]
            continue
        frames += 1
        if now - began > wishes["seconds"]:
            break
    return {
        "frames": frames,
        "wall_s": time.monotonic() - began,
        "cpu_s": time.process_time() - spent,
        "first_s": first,
        "peak_mb": peak_mb(),
    }


def main() -> None:
    """Do it."""
    import cv2  # noqa: PLC0415 - the start counts these imports
    from ai_edge_litert.interpreter import Interpreter  # noqa: PLC0415

    wishes = json.loads(sys.argv[1])
    models = []
    for file in wishes["models"]:
        model = Interpreter(file, num_threads=1)
        model.allocate_tensors()
        models.append((model, model.get_input_details(), model.get_output_details()))

    def take(frame: Any) -> None:
        for model, inputs, outputs in models:
            entry = inputs[0]
            _, height, width, channels = entry["shape"]
            picture = cv2.resize(frame, (width, height))
            picture = cv2.cvtColor(picture, cv2.COLOR_BGR2RGB if channels == 3 else cv2.COLOR_BGR2GRAY)
            if entry["dtype"].__name__ != "uint8":
                picture = picture.astype(entry["dtype"])
            model.set_tensor(entry["index"], picture.reshape(entry["shape"]))
            model.invoke()
            for output in outputs:
                model.get_tensor(output["index"])

    sys.stdout.write(json.dumps(measured(wishes, take)) + "\n")


if __name__ == "__main__":
    main()
