"""Payloads: what subscribers receive, as the types that the JSON Schemas are generated from.

Within schema 1 a field may be added, never changed or removed. Empty lists are left out. Every
text field that names a moment is UTC, ISO 8601 with milliseconds and a Z.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal, NotRequired, TypedDict

from edge_vision.data.event import Event
from edge_vision.data.findings import Box, Detections, Labels, Picture, Segments, Text
from edge_vision.data.result import Result


class FrameFacts(TypedDict):
    """The captured frame: its index counts captured frames, its size is in pixels."""

    index: int
    width: int
    height: int


class LabelFact(TypedDict):
    """What the whole view is, with a score in 0 to 1."""

    stage: str
    label: str
    score: float


class DetectionFact(TypedDict):
    """One object found; box is x1, y1, x2, y2 in pixels of the captured frame."""

    stage: str
    label: str
    score: float
    box: list[float]
    track: NotRequired[int]


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


class ImageFact(TypedDict):
    """A picture made for this frame and the topic it is sent on."""

    stage: str
    topic: str


class ResultPayload(TypedDict):
    """One result of one processed frame, on <camera>/results."""

    schema: Literal["edge-vision/result/1"]
    id: str
    node: str
    camera: str
    boot: str
    seq: int
    captured_at: str
    frame: FrameFacts
    labels: NotRequired[list[LabelFact]]
    detections: NotRequired[list[DetectionFact]]
    segments: NotRequired[list[SegmentFact]]
    texts: NotRequired[list[TextFact]]
    images: NotRequired[list[ImageFact]]
    timings_ms: NotRequired[dict[str, float]]


class EventPayload(TypedDict):
    """One step in the life of an event, on <camera>/events."""

    schema: Literal["edge-vision/event/1"]
    id: str
    type: Literal["started", "updated", "ended"]
    what: str
    node: str
    camera: str
    boot: str
    seq: int
    at: str
    started_at: str
    ended_at: NotRequired[str]
    score: NotRequired[float]
    track: NotRequired[int]
    zones: NotRequired[list[str]]
    snapshot: NotRequired[str]
    result: NotRequired[str]
    details: NotRequired[dict[str, str | float | int | bool]]


class LatencyFacts(TypedDict):
    """Milliseconds from capture to delivery: the median and the slowest tenth and hundredth."""

    p50: float
    p90: float
    p99: float


class StageStats(TypedDict):
    """How one stage of a camera does since the start; ms is the mean time of a run."""

    runs: int
    failures: int
    open: bool
    ms: float


class CameraStats(TypedDict):
    """How one camera does since the start: captured = delivered + dropped + failed + in_flight."""

    status: Literal["online", "offline", "disabled"]
    captured: int
    delivered: int
    dropped: int
    failed: int
    in_flight: int
    dropped_by: NotRequired[dict[str, int]]
    reconnects: int
    fps: float
    latency_ms: NotRequired[LatencyFacts]
    stages: NotRequired[dict[str, StageStats]]


class StatsPayload(TypedDict):
    """How the whole node does, once in a while, on stats."""

    schema: Literal["edge-vision/stats/1"]
    node: str
    boot: str
    at: str
    uptime_s: float
    workers: int
    cameras: dict[str, CameraStats]
    sinks: dict[str, dict[str, int]]


@dataclass(frozen=True, slots=True)
class Identity:
    """Who speaks: the node's name, the id of this start (boot), and the root of its topics."""

    node: str
    boot: str
    root: str = "edge-vision"

    def topic(self, *parts: str) -> str:
        """A topic of this node."""
        return "/".join((self.root, self.node, *parts))

    def frame_id(self, camera: str, index: int) -> str:
        """The id that ties together everything said of one frame."""
        return f"{self.boot}-{camera}-{index}"


def utc_text(moment: datetime) -> str:
    """A moment, given with its time zone, as subscribers read it: 2026-11-22T20:00:00.123Z."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def picture_name(picture: Picture) -> str:
    """The last part of a picture's topic."""
    return picture.name or picture.stage


def result_payload(result: Result, identity: Identity) -> ResultPayload:
    """What subscribers are told of one result."""
    frame = result.frame
    payload: ResultPayload = {
        "schema": "edge-vision/result/1",
        "id": identity.frame_id(frame.camera, frame.index),
        "node": identity.node,
        "camera": frame.camera,
        "boot": identity.boot,
        "seq": result.sequence,
        "captured_at": utc_text(frame.captured_at),
        "frame": {"index": frame.index, "width": frame.width, "height": frame.height},
    }
    labels = [fact for labels in result.all(Labels) for fact in _labels(labels)]
    detections = [fact for found in result.all(Detections) for fact in _detections(found)]
    segments = [fact for segments in result.all(Segments) for fact in _segments(segments)]
    texts: list[TextFact] = [
        {"stage": t.stage, "text": t.text, "score": _score(t.score), "box": _box(t.box)}
        for t in result.all(Text)
    ]
    images: list[ImageFact] = [
        {"stage": p.stage, "topic": identity.topic(frame.camera, "images", picture_name(p))}
        for p in result.all(Picture)
    ]
    if labels:
        payload["labels"] = labels
    if detections:
        payload["detections"] = detections
    if segments:
        payload["segments"] = segments
    if texts:
        payload["texts"] = texts
    if images:
        payload["images"] = images
    if result.timings:
        payload["timings_ms"] = {stage: round(ms, 3) for stage, ms in result.timings.items()}
    return payload


def event_payload(event: Event, identity: Identity) -> EventPayload:
    """What subscribers are told of one event."""
    payload: EventPayload = {
        "schema": "edge-vision/event/1",
        "id": event.id,
        "type": event.type,
        "what": event.what,
        "node": identity.node,
        "camera": event.camera,
        "boot": identity.boot,
        "seq": event.sequence,
        "at": utc_text(event.at),
        "started_at": utc_text(event.started_at),
    }
    if event.ended_at is not None:
        payload["ended_at"] = utc_text(event.ended_at)
    if event.score is not None:
        payload["score"] = _score(event.score)
    if event.track is not None:
        payload["track"] = event.track
    if event.zones:
        payload["zones"] = list(event.zones)
    if event.snapshot is not None:
        payload["snapshot"] = identity.topic(event.camera, "images", event.snapshot)
    if event.result is not None:
        payload["result"] = event.result
    if event.details:
        payload["details"] = dict(event.details)
    return payload


def _score(score: float) -> float:
    return round(score, 4)


def _box(sides: Box) -> list[float]:
    return [round(side, 1) + 0.0 for side in sides]  # the sum makes -0.0 a plain 0.0


def _labels(labels: Labels) -> list[LabelFact]:
    return [
        {"stage": labels.stage, "label": label, "score": _score(score)} for label, score in labels.rows
    ]


def _detections(found: Detections) -> list[DetectionFact]:
    facts: list[DetectionFact] = []
    for row in found:
        fact: DetectionFact = {
            "stage": found.stage,
            "label": row.label,
            "score": _score(row.score),
            "box": _box(row.box),
        }
        if row.track_id is not None:
            fact["track"] = row.track_id
        facts.append(fact)
    return facts


def _segments(segments: Segments) -> list[SegmentFact]:
    return [
        {"stage": segments.stage, "label": label, "share": _score(share)}
        for label, share in segments.shares()
    ]
