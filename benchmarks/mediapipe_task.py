"""MediaPipe's image classifier over a video, as a program of its own in an environment that has it.

    python mediapipe_task.py '{"video": FILE, "model": FILE, "seconds": 10, "started": MOMENT}'

Prints one line of JSON: `frames` from the first to the last, the `wall_s` and `cpu_s` that they took,
and `first_s` from the moment at which it was started (time.monotonic() of whoever did) to the first.
"""

import json
import sys
import time


def main() -> None:
    """Do it."""
    import cv2  # noqa: PLC0415 - the start counts these imports
    import mediapipe  # noqa: PLC0415
    from mediapipe.tasks.python import BaseOptions, vision  # noqa: PLC0415

    wishes = json.loads(sys.argv[1])
    cv2.setNumThreads(1)
    options = vision.ImageClassifierOptions(
        base_options=BaseOptions(model_asset_path=wishes["model"]),
        running_mode=vision.RunningMode.VIDEO,
        max_results=5,
    )
    video = cv2.VideoCapture(wishes["video"], cv2.CAP_FFMPEG, [cv2.CAP_PROP_N_THREADS, 1])
    frames, first, began, spent = 0, 0.0, 0.0, 0.0
    with vision.ImageClassifier.create_from_options(options) as classifier:
        while True:
            found, frame = video.read()
            if not found:
                break
            pixels = cv2.cvtColor(frame, cv2.COLOR_BGR2RGB)
            image = mediapipe.Image(image_format=mediapipe.ImageFormat.SRGB, data=pixels)
            classifier.classify_for_video(image, 1 + 40 * frames + (40 if began else 0))
            now = time.monotonic()
            if not began:
                began, spent, first = now, time.process_time(), now - wishes["started"]
                continue
            frames += 1
            if now - began > wishes["seconds"]:
                break
        told = {
            "frames": frames,
            "wall_s": time.monotonic() - began,
            "cpu_s": time.process_time() - spent,
            "first_s": first,
        }
    sys.stdout.write(json.dumps(told) + "\n")


if __name__ == "__main__":
    main()
