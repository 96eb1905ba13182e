"""The exam of a model that remembers: frames in other light, with and without things planted in them."""

from __future__ import annotations

from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_vision.data.frame import Image
from edge_vision.training.exam import Exam
from edge_vision.training.examples import Examples
from edge_vision.training.score import Score
from edge_vision_models.remember.light import Light, relit
from edge_vision_models.remember.things import SIZES, planted

JUDGED = 400
"""So many frames at most, in each light and with each size of thing."""
NOTHING = "nothing"


@dataclass(frozen=True, slots=True, eq=False)
class PlantedExam(Exam):
    """Frames with things planted in them, and frames without.

    The truths are the names of the things' sizes.

    boxes  (n, 4) x1, y1, x2, y2 of each thing in pixels; nothing has no width
    """

    boxes: NDArray[np.float32] = field(default_factory=lambda: np.zeros((0, 4), np.float32))


def planted_exam(frames: Examples, light: Light, seed: int) -> PlantedExam:
    """Each frame as it is usual, and with a thing of each size, in other light each time."""
    random = np.random.default_rng((seed, 2))
    rows = np.linspace(0, len(frames) - 1, min(len(frames), JUDGED)).astype(np.int64)
    pictures, boxes, truths = [], [], []
    for row in rows.tolist():
        for name, side in ((NOTHING, 0.0), *SIZES.items()):
            frame = np.asarray(frames.pictures[row])
            box = np.zeros(4, np.float32)
            if side:
                frame, box = planted(frame, side, random)
            pictures.append(relit(frame, light, random))
            boxes.append(box)
            truths.append(name)
    return PlantedExam(Examples(np.stack(pictures)), (), tuple(truths), np.stack(boxes))


def planted_score(exam: PlantedExam, heats: NDArray[np.float32]) -> Score:
    """How well things were found, and how often something was found where nothing was.

    heats  (n, rows, columns) of each picture
    """
    truths = np.array(exam.truths)
    inside = np.array([_hottest(heat, box, exam) for heat, box in zip(heats, exam.boxes, strict=True)])
    hottest = heats.max(axis=(1, 2))
    empty = truths == NOTHING
    found = {name: float(np.mean(inside[truths == name] >= 1.0)) for name in SIZES}
    alarms = float(np.mean(hottest[empty] >= 1.0))
    wrong = np.where(empty, hottest, np.where(inside >= 1.0, 0.0, 1.0 - inside + 1.0))
    wrong = np.where(empty & (hottest < 1.0), 0.0, wrong)

    def drawing(row: int, picture: NDArray[np.uint8]) -> Image:
        return _drawn(picture, heats[row], exam.boxes[row])

    return Score(
        {
            "found": float(np.mean(list(found.values()))),
            **{f"found_{name}": share for name, share in found.items()},
            "false_alarms": alarms,
        },
        len(heats),
        mistakes=np.asarray(wrong, np.float32),
        said=tuple(f"heat {heat:.2f}" for heat in np.where(empty, hottest, inside)),
        drawing=drawing,
    )


def _hottest(heat: NDArray[np.float32], box: NDArray[np.float32], exam: PlantedExam) -> float:
    """The largest heat of the places that a box touches; 0 for no box."""
    if box[2] <= box[0]:
        return 0.0
    height, width = exam.source.pictures.shape[1:3] if isinstance(exam.source, Examples) else (1, 1)
    rows, columns = heat.shape
    scale = np.array([columns / width, rows / height] * 2)
    x1, y1, x2, y2 = box * scale
    part = heat[int(y1) : int(np.ceil(y2)), int(x1) : int(np.ceil(x2))]
    return float(part.max(initial=0.0))


def _drawn(picture: NDArray[np.uint8], heat: NDArray[np.float32], box: NDArray[np.float32]) -> Image:
    """A picture, and beside it the same with what is unusual in red, and the thing in a white box.

    picture  (height, width, 3) uint8 blue, green, red
    """
    scale, (height, width) = 2, picture.shape[:2]
    size = (scale * width, scale * height)
    large = cv2.resize(picture, size, interpolation=cv2.INTER_LINEAR)
    share = cv2.resize(np.clip(heat - 0.3, 0.0, 1.0), size, interpolation=cv2.INTER_LINEAR)
    share = np.asarray(share, np.float32)[..., np.newaxis] * 0.7
    red = np.array([30, 30, 255], np.float32)
    glows = np.asarray(large * (1.0 - share) + red * share, np.uint8)
    if box[2] > box[0]:
        x1, y1, x2, y2 = np.rint(box * scale).astype(int).tolist()
        cv2.rectangle(glows, (x1 - 2, y1 - 2), (x2 + 2, y2 + 2), (255, 255, 255), 1)
    return np.asarray(np.hstack([large, glows]), np.uint8)
