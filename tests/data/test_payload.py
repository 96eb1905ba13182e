from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from types import MappingProxyType
from typing import Any

import jsonschema
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_vision.contracts.schemas import schema_of
from edge_vision.data import geometry
from edge_vision.data.event import Event
from edge_vision.data.findings import Detections, Embedding, Finding, Labels, Picture, Segments, Text
from edge_vision.data.payload import Identity, event_payload, picture_name, result_payload, utc_text
from edge_vision.data.result import Result
from edge_vision.testing import make_frame, still

WHO = Identity("porch-pi", "boot1")
NOW = datetime(2026, 11, 22, 20, 0, 0, 123999, tzinfo=UTC)
PLAIN = {dict, list, str, int, float, bool}


def result_of(*findings: Finding) -> Result:
    frame = replace(make_frame(still(), index=12, camera="porch"), captured_at=NOW)
    return Result(frame, Result.of(frame).view, findings, sequence=3)


def types_in(value: Any) -> set[type]:
    if isinstance(value, dict):
        return {dict}.union(*(types_in(inner) for inner in value.values()))
    if isinstance(value, list):
        return {list}.union(*(types_in(inner) for inner in value))
    return {type(value)}


def checked(payload: Any, schema: Any) -> dict[str, Any]:
    """The payload as a subscriber reads it: strict JSON, valid, made of plain values."""
    read: dict[str, Any] = json.loads(json.dumps(payload, allow_nan=False))
    jsonschema.validate(read, schema_of(schema))
    assert types_in(payload) <= PLAIN
    return read


@pytest.mark.parametrize(
    ("moment", "text"),
    [
        (NOW, "2026-11-22T20:00:00.123Z"),
        (NOW.replace(microsecond=0), "2026-11-22T20:00:00.000Z"),
        (NOW.replace(microsecond=999), "2026-11-22T20:00:00.000Z"),
        (NOW.astimezone(timezone(timedelta(hours=5, minutes=30))), "2026-11-22T20:00:00.123Z"),
        (
            datetime(2026, 12, 31, 23, 30, tzinfo=timezone(timedelta(hours=-1))),
            "2027-01-01T00:30:00.000Z",
        ),
    ],
)
def test_moments_are_utc_with_milliseconds(moment: datetime, text: str) -> None:
    assert utc_text(moment) == text


def test_a_result_that_knows_nothing_leaves_all_lists_out() -> None:
    assert checked(result_payload(result_of(), WHO), "result") == {
        "schema": "edge-vision/result/1",
        "id": "boot1-porch-12",
        "node": "porch-pi",
        "camera": "porch",
        "boot": "boot1",
        "seq": 3,
        "captured_at": "2026-11-22T20:00:00.123Z",
        "frame": {"index": 12, "width": 64, "height": 48},
    }


def test_findings_that_found_nothing_are_left_out() -> None:
    unseen = Segments(np.full((2, 2), Segments.UNSEEN, np.uint8), (), geometry.identity())
    payload = checked(result_payload(result_of(Detections.none(), Labels(()), unseen), WHO), "result")
    assert not {"labels", "detections", "segments", "texts", "embeddings", "images", "timings_ms"} & set(
        payload
    )


def test_a_result_says_everything_rounded_and_in_order() -> None:
    found = Detections(
        [[1.04, -0.04, 2.06, 3], [4, 5, 6, 7]],  # type: ignore[arg-type]
        np.array([0.123456, 1], np.float32),
        [0, 9],  # type: ignore[arg-type]
        ("person",),
        track_id=[17, 2**40],  # type: ignore[arg-type]
        stage="people",
    )
    result = result_of(
        found,
        Labels((("kitchen", 0.91119), ("hall", 0.02)), "scene"),
        Segments(np.array([[0, 1, 1]], np.uint8), ("road", "car"), geometry.identity(), "street"),
        Text("004711", 0.97, (1, 2, 3.25, 4), "meter"),
        Picture(still(), "style", stage="paint"),
        Picture(still(), stage="mask"),
    )
    result = replace(result, timings=MappingProxyType({"people": 14.23456}))
    payload = checked(result_payload(result, WHO), "result")
    assert payload["detections"] == [
        {
            "stage": "people",
            "label": "person",
            "score": 0.1235,
            "box": [1.0, 0.0, 2.1, 3.0],
            "track": 17,
        },
        {"stage": "people", "label": "9", "score": 1.0, "box": [4.0, 5.0, 6.0, 7.0], "track": 2**40},
    ]
    assert "-0.0" not in json.dumps(payload)
    assert payload["labels"] == [
        {"stage": "scene", "label": "kitchen", "score": 0.9112},
        {"stage": "scene", "label": "hall", "score": 0.02},
    ]
    assert payload["segments"] == [
        {"stage": "street", "label": "car", "share": 0.6667},
        {"stage": "street", "label": "road", "share": 0.3333},
    ]
    assert payload["texts"] == [
        {"stage": "meter", "text": "004711", "score": 0.97, "box": [1.0, 2.0, 3.2, 4.0]}
    ]
    assert payload["images"] == [
        {"stage": "paint", "topic": "edge-vision/porch-pi/porch/images/style"},
        {"stage": "mask", "topic": "edge-vision/porch-pi/porch/images/mask"},
    ]
    assert payload["timings_ms"] == {"people": 14.235}


def test_keypoints_are_told_with_their_names_rounded() -> None:
    points = np.array([[[1.04, -0.04, 0.87654], [5, 6, 0.1]]], np.float32)
    named = Detections(
        [[0, 0, 1, 1]],  # type: ignore[arg-type]
        [0.5],  # type: ignore[arg-type]
        [0],  # type: ignore[arg-type]
        ("person",),
        keypoints=points,
        keypoint_names=("nose", "tail"),
    )
    unnamed = replace(named, keypoint_names=())
    payload = checked(result_payload(result_of(named, unnamed), WHO), "result")
    first, second = (detection["keypoints"] for detection in payload["detections"])
    assert first == [
        {"name": "nose", "x": 1.0, "y": 0.0, "score": 0.8765},
        {"name": "tail", "x": 5.0, "y": 6.0, "score": 0.1},
    ]
    assert second == [{k: v for k, v in point.items() if k != "name"} for point in first]
    assert "-0.0" not in json.dumps(payload)


def test_what_is_said_of_a_part_says_of_which() -> None:
    place: dict[str, Any] = {"box": (1.04, 2, 3, 4), "track_id": 17}
    result = result_of(
        Labels((("cat", 0.9), ("dog", 0.1)), "breed", **place),
        Text("7", 0.5, (1, 2, 3, 4), "meter", track_id=3),
        Embedding(np.array([1 / 3, -2e-7, -0.0, 123456.789], np.float32), stage="look", **place),
        Embedding(np.array([1.0], np.float32)),
    )
    payload = checked(result_payload(result, WHO), "result")
    told = {"box": [1.0, 2.0, 3.0, 4.0], "track": 17}
    assert payload["labels"] == [
        {"stage": "breed", "label": "cat", "score": 0.9, **told},
        {"stage": "breed", "label": "dog", "score": 0.1, **told},
    ]
    assert payload["texts"][0]["track"] == 3
    assert payload["embeddings"] == [
        {"stage": "look", "vector": [0.33333, -2e-07, 0.0, 123460.0], **told},
        {"stage": "", "vector": [1.0]},
    ]
    assert "-0.0," not in json.dumps(payload)


def test_without_a_tracker_there_is_no_track() -> None:
    found = Detections([[0, 0, 1, 1]], [0.5], [0])  # type: ignore[arg-type]
    payload = checked(result_payload(result_of(found), WHO), "result")
    assert "track" not in payload["detections"][0]


boxes = st.tuples(*[st.floats(width=32)] * 4)


@given(st.lists(st.tuples(boxes, st.floats(width=32), st.integers(-5, 5)), max_size=4))
def test_whatever_can_be_found_can_be_said(rows: list[tuple[tuple[float, ...], float, int]]) -> None:
    sane = [row for row in rows if np.isfinite(row[0]).all() and 0 <= row[1] <= 1]
    columns = [list(column) for column in zip(*sane, strict=True)] or [[], [], []]
    found = Detections(columns[0], columns[1], columns[2], ("a",))  # type: ignore[arg-type]
    payload = checked(result_payload(result_of(found), WHO), "result")
    assert len(payload.get("detections", [])) == len(sane)


@pytest.mark.parametrize(("name", "stage", "wanted"), [("a", "b", "a"), ("", "b", "b"), ("a", "", "a")])
def test_a_picture_without_a_name_is_called_as_its_stage(name: str, stage: str, wanted: str) -> None:
    assert picture_name(Picture(still(), name, stage=stage)) == wanted


def test_topics_begin_with_the_root_and_the_node() -> None:
    assert Identity("n", "b", "home/eyes").topic("porch", "status") == "home/eyes/n/porch/status"


def test_an_event_that_knows_nothing_leaves_all_out() -> None:
    event = Event("e1", "started", "person", "porch", NOW, NOW, sequence=77)
    assert checked(event_payload(event, WHO), "event") == {
        "schema": "edge-vision/event/1",
        "id": "e1",
        "type": "started",
        "what": "person",
        "node": "porch-pi",
        "camera": "porch",
        "boot": "boot1",
        "seq": 77,
        "at": "2026-11-22T20:00:00.123Z",
        "started_at": "2026-11-22T20:00:00.123Z",
    }


def test_an_event_says_everything() -> None:
    event = Event(
        "e1",
        "ended",
        "person",
        "porch",
        at=NOW,
        started_at=NOW - timedelta(seconds=5),
        ended_at=NOW,
        score=np.float32(0.93),  # type: ignore[arg-type]
        track=np.int64(0),  # type: ignore[arg-type]
        zones=("yard", "gate"),
        snapshot="shot",
        result="boot1-porch-12",
        details={"dwell": np.float32(1.5)},  # type: ignore[dict-item]
        sequence=78,
    )
    payload = checked(event_payload(event, WHO), "event")
    assert payload["ended_at"] == "2026-11-22T20:00:00.123Z"
    assert payload["started_at"] == "2026-11-22T19:59:55.123Z"
    assert payload["score"] == 0.93
    assert payload["track"] == 0
    assert payload["zones"] == ["yard", "gate"]
    assert payload["snapshot"] == "edge-vision/porch-pi/porch/images/shot"
    assert payload["result"] == "boot1-porch-12"
    assert payload["details"] == {"dwell": 1.5}
