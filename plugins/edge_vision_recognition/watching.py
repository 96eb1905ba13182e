"""Watching: what a detector knows of a scene, and where it has to look again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge_vision import Detections, Frame, View, geometry
from edge_vision_recognition.answers import joined
from edge_vision_recognition.collage import Region
from edge_vision_recognition.cutting import regions_around

MARGIN = 0.2
"""What moves is looked at with so much of its sides around it."""


@dataclass
class _Scene:
    """What was found in one view.

    to_frame   the view's map; another one is another scene
    size       of the view
    take       of the frames; what was before another one does not count
    seen_at    when anything was looked for last, seconds of the source
    whole_at   when the whole view was looked at last
    known      what was found
    """

    to_frame: geometry.Map
    size: tuple[int, int]
    take: int
    seen_at: float
    whole_at: float
    known: Detections


class Watch:
    """Remembers what was found where, so that only where something moves has to be looked at again.

    What was found where nothing has moved since is still there.
    """

    def __init__(self) -> None:
        self._scene: _Scene | None = None

    def knows(self, view: View, every: float) -> Detections | None:
        """What was found before; None where the whole view has to be looked at.

        every  seconds after which it has to be
        """
        scene, frame = self._scene, view.frame
        if (
            scene is None
            or scene.take != frame.take
            or frame.monotonic < scene.seen_at
            or frame.monotonic - scene.whole_at >= every
            or scene.size != view.size
            or not np.array_equal(scene.to_frame, view.to_frame)
        ):
            return None
        return scene.known

    def saw_all(self, view: View, found: Detections) -> None:
        """Remember what was found in the whole view."""
        frame = view.frame
        self._scene = _Scene(
            view.to_frame, view.size, frame.take, frame.monotonic, frame.monotonic, found
        )

    def saw(self, frame: Frame, known: Detections) -> None:
        """Remember what there is now, after parts of the view were looked at, or none had to be."""
        if self._scene is not None:
            self._scene.known, self._scene.seen_at = known, frame.monotonic


def moving_regions(moved: geometry.Boxes, known: Detections, view: View) -> list[Region]:
    """The regions of a view that have to be looked at, each with all known objects that it cuts.

    moved  (n, 4) boxes in frame pixels
    """
    boxes = np.array(
        [_around(box, known.xyxy[_touched(box, known.xyxy)]) for box in moved], np.float32
    ).reshape(-1, 4)
    regions, visible = regions_around(boxes, view, MARGIN, None)
    return [*regions[visible]]


def outside(known: Detections, regions: Sequence[Region], view: View) -> Detections:
    """What is known whose middle is in none of the regions that were looked at."""
    boxes = view.boxes_from_frame(known.xyxy)
    middle = (boxes[:, :2] + boxes[:, 2:]) / 2.0
    covered = np.zeros(len(known), np.bool_)
    for region in regions:
        covered |= ((middle >= region[:2]) & (middle < region[2:])).all(axis=1)
    return known[~covered]


def together(found: Sequence[Detections], kept: Detections, max_iou: float, most: int) -> Detections:
    """What was found just now, once even where parts overlap, and what is still there; the best of it.

    max_iou  boxes of one label that overlap by more are one
    most     so many objects at most
    """
    fresh = [part for part in found if len(part)]
    if fresh:
        new = joined(fresh)
        new = new[geometry.suppress(new.xyxy, new.score, new.class_id, max_iou)]
        kept = joined([new, kept]) if len(kept) else new
    return kept[np.sort(np.argsort(-kept.score, kind="stable")[:most])]


def hidden_behind(cut: Detections, kept: Detections) -> NDArray[np.bool_]:
    """Which of what was cut off at a seam belong to something known that reaches over it."""
    return np.array(
        [
            bool(_touched(box, kept.xyxy[kept.class_id == number]).any())
            for box, number in zip(cut.xyxy, cut.class_id, strict=True)
        ],
        np.bool_,
    )


def _around(box: NDArray[np.float32], others: geometry.Boxes) -> NDArray[np.float32]:
    """The box around one and others."""
    corners = np.concatenate([box[np.newaxis], others]).reshape(-1, 2, 2)
    return np.concatenate([corners[:, 0].min(axis=0), corners[:, 1].max(axis=0)])


def _touched(box: NDArray[np.float32], others: geometry.Boxes) -> NDArray[np.bool_]:
    """Which boxes (n, 4) have something in common with one."""
    return np.asarray(((box[:2] < others[:, 2:]) & (others[:, :2] < box[2:])).all(axis=1))
