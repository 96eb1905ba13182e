"""Objects: boxes, keypoints and texts on the canvas, and the tags that name them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from edge_vision import Detection, Detections, Labels, Text, geometry
from edge_vision_annotate.canvas import Canvas
from edge_vision_annotate.limbs import limbs
from edge_vision_annotate.palette import TEXT_COLOUR, Bgr, colour_of
from edge_vision_annotate.tags import Tag
from edge_vision_annotate.words import percent, plain

SEEN_SCORE = 0.3
"""Keypoints with a lower score are guesses about what is hidden, and not drawn."""

CROWDED = 30
"""More key points than this, such as those of a face's mesh, are drawn as small dots."""

SAME_IOU = 0.5
"""Boxes of one label that overlap by more are the same thing, told by two stages."""


def draw_detections(canvas: Canvas, found: Detections) -> Iterator[Tag]:
    """Draw boxes and keypoints, worst score first; gives the tags, unplaced."""
    for row in np.argsort(found.score, kind="stable").tolist():
        one = next(iter(found[[row]]))
        colour = colour_of(one.class_id, found.labels)
        corners = canvas.outline(one.box)
        if corners is None:
            continue
        canvas.polygon(corners, colour)
        if found.keypoints is not None:
            _draw_keypoints(canvas, found.keypoints[row], found.keypoint_names, colour)
        yield Tag(_words(one), colour, corners)


def draw_text(canvas: Canvas, text: Text) -> Iterator[Tag]:
    """Draw the box of a text that was read; gives the tag, unplaced."""
    corners = canvas.outline(text.box)
    if corners is None:
        return
    canvas.polygon(corners, TEXT_COLOUR)
    words = f"{plain(text.text)} {percent(text.score)}{_track(text.track_id)}".lstrip()
    yield Tag(words, TEXT_COLOUR, corners)


def draw_labels(canvas: Canvas, labels: Labels) -> Iterator[Tag]:
    """Draw the box that labels are said of; gives a tag with the best of them, unplaced."""
    corners = None if labels.box is None else canvas.outline(labels.box)
    if corners is None or not labels.rows:
        return
    canvas.polygon(corners, TEXT_COLOUR)
    label, score = labels.rows[0]
    yield Tag(f"{plain(label)} {percent(score)}{_track(labels.track_id)}", TEXT_COLOUR, corners)


def once(tables: Sequence[Detections]) -> list[Detections]:
    """The tables without the rows that a later tracker tells again."""
    return [_untold(found, tables[index + 1 :]) for index, found in enumerate(tables)]


def _untold(found: Detections, later: Sequence[Detections]) -> Detections:
    if found.track_id is not None:
        return found
    told = np.zeros(len(found), dtype=bool)
    for tracked in later:
        if tracked.track_id is not None:
            told |= _told_again(found, tracked)
    return found[~told]


def _told_again(found: Detections, later: Detections) -> NDArray[np.bool_]:
    """Which rows of `found` are also rows of `later`, (n,) bool."""
    names = np.array([row.label for row in found], dtype=object)
    later_names = np.array([row.label for row in later], dtype=object)
    same = names[:, np.newaxis] == later_names[np.newaxis, :]
    return np.asarray((same & (geometry.iou(found.xyxy, later.xyxy) > SAME_IOU)).any(axis=1))


def _words(one: Detection) -> str:
    return f"{plain(one.label)} {percent(one.score)}{_track(one.track_id)}"


def _track(track_id: int | None) -> str:
    return "" if track_id is None else f" #{track_id}"


def _draw_keypoints(
    canvas: Canvas, keypoints: NDArray[np.float32], names: tuple[str, ...], colour: Bgr
) -> None:
    """Draw keypoints (k, 3), and a person's limbs where the names, or COCO's order, tell them."""
    seen = keypoints[:, 2] >= SEEN_SCORE
    points = canvas.points(keypoints[:, :2])
    for start, end in limbs(names, len(points)):
        if seen[start] and seen[end]:
            canvas.stroke(points[start], points[end], colour)
    for point in points[seen]:
        canvas.dot(point, colour, small=len(points) > CROWDED)
