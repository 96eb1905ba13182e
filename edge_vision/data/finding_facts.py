"""Finding facts: what subscribers read of each kind of finding, and how findings become that.

Box sides and points are rounded to a tenth of a pixel, scores to four decimals, vectors to five
significant digits.
"""

from __future__ import annotations

from typing import NotRequired, TypedDict

from edge_vision.data.checks import Box
from edge_vision.data.findings import Detections, Embedding, Labels, Segments, Text


class LabelFact(TypedDict):
    """What the whole view is, or the part of it in a box, with a score in 0 to 1."""

    stage: str
    label: str
    score: float
    box: NotRequired[list[float]]
    track: NotRequired[int]


class KeypointFact(TypedDict):
    """One point of an object, in pixels of the captured frame."""

    name: NotRequired[str]
    x: float
    y: float
    score: float


class DetectionFact(TypedDict):
    """One object found; box is x1, y1, x2, y2 in pixels of the captured frame."""

    stage: str
    label: str
    score: float
    box: list[float]
    track: NotRequired[int]
    keypoints: NotRequired[list[KeypointFact]]


class SegmentFact(TypedDict):
    """The share, 0 to 1, of the view that belongs to a class."""

    stage: str
    label: str
    share: float


class TextFact(TypedDict):
    """A string read; box is x1, y1, x2, y2 in pixels of the captured frame."""

    stage: str
    text: str
    score: float
    box: list[float]
    track: NotRequired[int]


class EmbeddingFact(TypedDict):
    """A vector that stands for the whole view, or the part of it in a box."""

    stage: str
    vector: list[float]
    box: NotRequired[list[float]]
    track: NotRequired[int]


def label_facts(labels: Labels) -> list[LabelFact]:
    """A fact for each row of labels."""
    facts: list[LabelFact] = []
    placed = labels.box is not None or labels.track_id is not None
    for label, score in labels.rows:
        fact: LabelFact = {"stage": labels.stage, "label": label, "score": rounded_score(score)}
        if placed:
            _add_place(fact, labels.box, labels.track_id)
        facts.append(fact)
    return facts


def detection_facts(found: Detections) -> list[DetectionFact]:
    """A fact for each object."""
    facts: list[DetectionFact] = []
    for number, row in enumerate(found):
        fact: DetectionFact = {
            "stage": found.stage,
            "label": row.label,
            "score": rounded_score(row.score),
            "box": _box(row.box),
        }
        if row.track_id is not None:
            fact["track"] = row.track_id
        if found.keypoints is not None and found.keypoints.shape[1]:
            fact["keypoints"] = _keypoints(found.keypoints[number].tolist(), found.keypoint_names)
        facts.append(fact)
    return facts


def segment_facts(segments: Segments) -> list[SegmentFact]:
    """A fact for each class that is present."""
    return [
        {"stage": segments.stage, "label": label, "share": rounded_score(share)}
        for label, share in segments.shares()
    ]


def text_fact(text: Text) -> TextFact:
    """The fact of a text."""
    fact: TextFact = {
        "stage": text.stage,
        "text": text.text,
        "score": rounded_score(text.score),
        "box": _box(text.box),
    }
    _add_place(fact, None, text.track_id)
    return fact


def embedding_fact(embedding: Embedding) -> EmbeddingFact:
    """The fact of an embedding."""
    vector = [float(f"{value:.5g}") + 0.0 for value in embedding.vector.tolist()]
    fact: EmbeddingFact = {"stage": embedding.stage, "vector": vector}
    _add_place(fact, embedding.box, embedding.track_id)
    return fact


def rounded_score(score: float) -> float:
    """A score or a share as subscribers read it."""
    return round(score, 4)


def _add_place(
    fact: LabelFact | TextFact | EmbeddingFact, box: Box | None, track_id: int | None
) -> None:
    """Add the box and the track, where there are any."""
    if box is not None:
        fact["box"] = _box(box)
    if track_id is not None:
        fact["track"] = track_id


def _box(sides: Box) -> list[float]:
    return [_pixels(side) for side in sides]


def _pixels(length: float) -> float:
    return round(length, 1) + 0.0  # the sum makes -0.0 a plain 0.0


def _keypoints(points: list[list[float]], names: tuple[str, ...]) -> list[KeypointFact]:
    facts: list[KeypointFact] = []
    for number, (x, y, score) in enumerate(points):
        fact: KeypointFact = {"x": _pixels(x), "y": _pixels(y), "score": rounded_score(score)}
        if names:
            fact = {"name": names[number], **fact}
        facts.append(fact)
    return facts
