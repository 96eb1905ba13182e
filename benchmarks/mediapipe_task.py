r"""MediaPipe's image classifier over a video, as a program of its own in an environment that has it.

    PYTHONPATH=edge_vision/service/bench python mediapipe_task.py \
        '{"video": FILE, "models": [FILE], "seconds": 10, "started": MOMENT}'

It is measured as the bare loop is, by floor.py, which imports nothing of ours; prints what that prints.
"""

import json
import sys
from itertools import count
from typing import Any


def main() -> None:
    """Do it."""
    import cv2  # noqa: PLC0415 - the start counts these imports
    import mediapipe  # noqa: PLC0415
    from floor import measured  # type: ignore[import-not-found] # noqa: PLC0415
    from mediapipe.tasks.python import BaseOptions, vision  # noqa: PLC0415

    wishes = json.loads(sys.argv[1])
    options = vision.ImageClassifierOptions(
        base_options=BaseOptions(model_asset_path=wishes["models"][0]),
        running_mode=vision.RunningMode.VIDEO,
        max_results=5,
    )
    milliseconds = count(step=40)
    with vision.ImageClassifier.create_from_options(options) as classifier:

        def take(frame: Any) -> None:
            pixels = cv2.cvtColor(frame, cv2.COLOR_BGR2RGB)
            image = mediapipe.Image(image_format=mediapipe.ImageFormat.SRGB, data=pixels)
            classifier.classify_for_video(image, next(milliseconds))

        told = measured(wishes, take)
    sys.stdout.write(json.dumps(told) + "\n")


if __name__ == "__main__":
    main()
