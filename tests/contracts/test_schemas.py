"""The JSON Schemas: they are schemas, they fit what is written, and they find what is wrong."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any, get_args

import jsonschema
import numpy as np
import pytest

from edge_vision import (
    Detections,
    Embedding,
    Event,
    Identity,
    Labels,
    Picture,
    Result,
    Segments,
    Text,
    event_payload,
    geometry,
    result_payload,
)
from edge_vision.contracts.schemas import SchemaName, schema_of
from edge_vision.testing import STARTED, make_frame, still

NAMES: tuple[SchemaName, ...] = get_args(SchemaName)
IDENTITY = Identity("porch-pi", "boot1")


def full_result() -> dict[str, Any]:
    result = Result.of(make_frame(still(), 3, "porch")).add(
        Labels((("kitchen", 0.9),), "scene"),
        Labels((("tabby", 0.9),), "breed", box=(1, 2, 3, 4), track_id=7),
        Detections(
            np.array([[1, 2, 3, 4]]),
            np.array([0.5]),
            np.array([0]),
            ("cat",),
            track_id=np.array([7]),
            keypoints=np.ones((1, 2, 3), np.float32),
            keypoint_names=("nose", "tail"),
        ),
        Segments(np.zeros((4, 4), np.uint8), ("road",), geometry.identity(), "road"),
        Text("004711", 0.97, (1, 2, 3, 4), "meter", track_id=3),
        Embedding(np.ones(4, np.float32), (1, 2, 3, 4), 7, "look"),
        Picture(still(), "style"),
    )
    return dict(result_payload(result, IDENTITY))


def full_event() -> dict[str, Any]:
    later = STARTED + timedelta(seconds=1)
    event = Event(
        *("e1", "ended", "person", "porch", later, STARTED, later, 0.9, 17, ("yard",), "snap", "r1"),
        details={"tries": 3, "why": "x", "share": 0.5, "last": True},
        sequence=2,
    )
    return dict(event_payload(event, IDENTITY))


def test_results_and_events_fit_their_schemas() -> None:
    jsonschema.Draft202012Validator(schema_of("result")).validate(full_result())
    jsonschema.Draft202012Validator(schema_of("event")).validate(full_event())


@pytest.mark.parametrize("name", NAMES)
def test_each_is_a_schema_that_says_who_it_is_and_what_every_field_means(name: SchemaName) -> None:
    schema = schema_of(name)
    jsonschema.Draft202012Validator.check_schema(schema)
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert schema["$id"] == f"edge-vision/{name}/1"
    assert schema["properties"]["schema"]["const"] == f"edge-vision/{name}/1"
    described = [facts.get("description") for facts in properties(schema)]
    assert described
    assert all(described)
    assert "additionalProperties" not in schema


def properties(schema: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for table in (schema, *schema.get("$defs", {}).values()):
        yield from table.get("properties", {}).values()


def test_a_field_may_be_added_but_none_left_out_or_changed() -> None:
    validator = jsonschema.Draft202012Validator(schema_of("result"))
    good = full_result()
    assert validator.is_valid({**good, "weather": "rain"})
    assert not validator.is_valid({key: value for key, value in good.items() if key != "boot"})
    assert not validator.is_valid({**good, "seq": "3"})
    assert not validator.is_valid({**good, "schema": "edge-vision/result/2"})
    detection = good["detections"][0]
    assert not validator.is_valid({**good, "detections": [{**detection, "box": [1, 2, 3]}]})
    assert not validator.is_valid({**good, "detections": [{**detection, "score": "high"}]})
    assert not validator.is_valid({**good, "detections": [{**detection, "keypoints": [{"x": 1}]}]})
    assert not validator.is_valid({**good, "embeddings": [{"stage": "look", "vector": ["1"]}]})


def test_a_changed_copy_does_not_change_the_next() -> None:
    schema_of("result").clear()
    assert schema_of("result")["properties"]
