r"""A loop over a video: a thread decodes, one a core resizes and invokes, and nothing is published.

    PYTHONPATH=edge_vision/service/bench python threaded_loop.py \
        '{"video": FILE, "models": [FILE], "seconds": 10, "started": MOMENT}'

The least that a program can do which works on several frames of one camera at once. It is measured as
the bare loop is, by floor.py; prints what that prints.
"""

import json
import os
import sys
from queue import Queue
from threading import Thread
from typing import Any


def main() -> None:
    """Do it."""
    import cv2  # noqa: PLC0415 - the start counts these imports
    from ai_edge_litert.interpreter import Interpreter  # noqa: PLC0415
    from floor import measured  # type: ignore[import-not-found] # noqa: PLC0415

    wishes = json.loads(sys.argv[1])
    frames: Queue[Any] = Queue(8)

    def work() -> None:
        model = Interpreter(wishes["models"][0], num_threads=1)
        model.allocate_tensors()
        entry, leaving = model.get_input_details()[0], model.get_output_details()[0]
        _, height, width, _ = entry["shape"]
        while (frame := frames.get()) is not None:
            picture = cv2.cvtColor(cv2.resize(frame, (width, height)), cv2.COLOR_BGR2RGB)
            model.set_tensor(entry["index"], picture[None])
            model.invoke()
            model.get_tensor(leaving["index"])

    workers = [Thread(target=work) for _ in os.sched_getaffinity(0)]
    for worker in workers:
        worker.start()
    told = measured(wishes, frames.put)
    for _ in workers:
        frames.put(None)
    for worker in workers:
        worker.join()
    sys.stdout.write(json.dumps(told) + "\n")


if __name__ == "__main__":
    main()
