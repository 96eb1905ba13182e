"""Payloads: what subscribers receive, as the types that the JSON Schemas are generated from.

Within schema 1 a field may be added, never changed or removed. Empty lists are left out. Every
text field that names a moment is UTC, ISO 8601 with milliseconds and a Z.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal, NotRequired, TypedDict, cast

from edge_vision.data.event import Event
from edge_vision.data.finding_facts import (
    DetectionFact,
    EmbeddingFact,
    LabelFact,
    SegmentFact,
    TextFact,
    detection_facts,
    embedding_fact,
    label_facts,
    rounded_score,
    segment_facts,
    text_fact,
)
from edge_vision.data.findings import (
    Detections,
    Embedding,
    Finding,
    Labels,
    Picture,
    Segments,
    Text,
)
from edge_vision.data.result import Result


class FrameFacts(TypedDict):
    """The captured frame: its index counts captured frames, its size is in pixels."""

    index: int
    width: int
    height: int


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
    embeddings: NotRequired[list[EmbeddingFact]]
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
    """How one camera does since the start: captured = delivered + dropped + failed + in_flight.

    load  share of the workers' time that it used over the last ten seconds, 0 to 1
    """

    status: Literal["online", "offline", "disabled"]
    captured: int
    delivered: int
    dropped: int
    failed: int
    in_flight: int
    dropped_by: NotRequired[dict[str, int]]
    reconnects: int
    fps: float
    load: NotRequired[float]
    latency_ms: NotRequired[LatencyFacts]
    stages: NotRequired[dict[str, StageStats]]


class ModelStats(TypedDict):
    """What a model of the configuration is for, and in which of its forms it is used."""

    task: str
    variant: NotRequired[str]


class GovernorStats(TypedDict):
    """Where the governor stands on its ladder: 0 rungs down is the configuration as it is written."""

    rung: int
    rungs: int
    why: NotRequired[str]


class StatsPayload(TypedDict):
    """How the whole node does, once in a while, on stats.

    load  share of the workers' time that was used over the last ten seconds, 0 to 1
    """

    schema: Literal["edge-vision/stats/1"]
    node: str
    boot: str
    at: str
    uptime_s: float
    workers: int
    load: NotRequired[float]
    cameras: dict[str, CameraStats]
    sinks: dict[str, dict[str, int]]
    models: NotRequired[dict[str, ModelStats]]
    governor: NotRequired[GovernorStats]


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
    payload.update(cast("ResultPayload", _findings(result)))
    images: list[ImageFact] = [
        {"stage": p.stage, "topic": identity.topic(frame.camera, "images", picture_name(p))}
        for p in result.all(Picture)
    ]
    if images:
        payload["images"] = images
    if result.timings:
        payload["timings_ms"] = {stage: round(ms, 3) for stage, ms in result.timings.items()}
    return payload


def _findings(result: Result) -> dict[str, list[Any]]:
    """What was found, kind by kind; a kind of which there is nothing is left out."""
    found: dict[str, list[Any]] = {}
    for finding in result.findings:
        kind, facts = _facts(finding)
        if facts:
            found.setdefault(kind, []).extend(facts)
    return found


def _facts(finding: Finding) -> tuple[str, Sequence[Any]]:
    """The field of the payload that a finding is told in, and what it says there."""
    match finding:
        case Detections():
            return "detections", detection_facts(finding)
        case Labels():
            return "labels", label_facts(finding)
        case Segments():
            return "segments", segment_facts(finding)
        case Text():
            return "texts", (text_fact(finding),)
        case Embedding():
            return "embeddings", (embedding_fact(finding),)
    return "", ()  # a picture is sent by itself


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
        payload["score"] = rounded_score(event.score)
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
