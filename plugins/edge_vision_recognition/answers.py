"""Answers: from what a model says of a view to findings in frame pixels; the stages share them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from edge_vision import Candidates, Detections, Poses, View, geometry

MOST_CANDIDATES = 1000
"""So many of the best boxes go into the suppression, which compares each with each."""


def best_candidates(
    found: Candidates, min_score: float, classes: NDArray[np.int32] | None = None
) -> Candidates:
    """The candidates of at least this score, best first; of these classes only, where they are given."""
    keep = found.score >= min_score
    if classes is not None:
        keep &= np.isin(found.class_id, classes)
    found = found[keep]
    return found[np.argsort(-found.score, kind="stable")[:MOST_CANDIDATES]]


def without_doubles(found: Candidates, max_iou: float) -> Candidates:
    """The candidates without those that overlap a better one of their class by more than that."""
    return found[geometry.suppress(found.boxes, found.score, found.class_id, max_iou)]


def objects_in_frame(found: Candidates, view: View, labels: tuple[str, ...], most: int) -> Detections:
    """The first of the candidates, in frame pixels; those that lie outside the frame are left out.

    view  what the model looked at
    """
    corners = view.boxes_to_frame(found.boxes * np.array([*view.size, *view.size], dtype=np.float32))
    boxes = geometry.clip_boxes(corners, view.frame.width, view.frame.height)
    usable = geometry.areas(boxes) > 0.0
    points = None if found.keypoints is None else points_in_frame(found.keypoints, view)
    if points is not None:
        usable &= np.isfinite(points).all(axis=(1, 2))
    rows = np.flatnonzero(usable)[:most]
    return Detections(
        boxes[rows],
        found.score[rows],
        found.class_id[rows],
        labels,
        keypoints=None if points is None else points[rows],
        keypoint_names=found.keypoint_names,
    )


def poses_in_frame(poses: Poses, view: View, min_score: float) -> Detections:
    """The poses of at least this score, best first, in frame pixels, with the boxes around their points.

    view  what the model looked at
    """
    order = np.argsort(-poses.score, kind="stable")
    rows = order[poses.score[order] >= min_score]
    points = points_in_frame(poses.points[rows], view)
    boxes = _bounds(points, min_score, view)
    seen = geometry.areas(boxes) > 0.0
    rows, points = rows[seen], points[seen]
    return Detections(
        boxes[seen],
        poses.score[rows],
        np.zeros(len(rows), dtype=np.int32),
        (poses.label,),
        keypoints=points,
        keypoint_names=poses.names,
    )


def points_in_frame(points: NDArray[np.float32], view: View) -> NDArray[np.float32]:
    """Points (n, k, 3) of fractions of a view, and scores, with x and y in frame pixels.

    They may lie outside the frame.
    """
    fractions = points[:, :, :2].reshape(-1, 2)
    places = view.points_to_frame(fractions * np.array(view.size, dtype=np.float32))
    mapped = np.array(points, dtype=np.float32)
    mapped[:, :, :2] = places.reshape(*points.shape[:2], 2)
    return mapped


def _bounds(points: NDArray[np.float32], min_score: float, view: View) -> geometry.Boxes:
    """The boxes (n, 4) around the points of at least this score, cut to the frame.

    Where a pose has none of them, though its score as a whole is enough, all its points count.
    """
    sure = points[:, :, 2] >= min_score
    sure |= ~sure.any(axis=1, keepdims=True)
    places = points[:, :, :2]
    lowest = np.where(sure[:, :, np.newaxis], places, np.inf).min(axis=1)
    highest = np.where(sure[:, :, np.newaxis], places, -np.inf).max(axis=1)
    boxes = np.concatenate([lowest, highest], axis=1)
    return geometry.clip_boxes(boxes, view.frame.width, view.frame.height)


def joined(parts: Sequence[Detections]) -> Detections:
    """The detections that one model made crop by crop; at least one, all with tracks or all without."""
    first = parts[0]
    track_ids = [part.track_id for part in parts if part.track_id is not None]
    keypoints = [part.keypoints for part in parts if part.keypoints is not None]
    return Detections(
        np.concatenate([part.xyxy for part in parts]),
        np.concatenate([part.score for part in parts]),
        np.concatenate([part.class_id for part in parts]),
        first.labels,
        np.concatenate(track_ids) if track_ids else None,
        np.concatenate(keypoints) if keypoints else None,
        keypoint_names=first.keypoint_names,
    )
