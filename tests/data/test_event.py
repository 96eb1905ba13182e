from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest

from edge_vision.data.errors import StageError
from edge_vision.data.event import Event

NOW = datetime(2026, 11, 22, 20, tzinfo=UTC)


def event(**more: Any) -> Event:
    return Event(
        **{
            "id": "1",
            "type": "started",
            "what": "person",
            "camera": "porch",
            "at": NOW,
            "started_at": NOW,
            **more,
        }
    )


def test_an_event_says_no_more_than_it_knows() -> None:
    made = event()
    assert (made.ended_at, made.score, made.track, made.zones, made.sequence) == (
        None,
        None,
        None,
        (),
        0,
    )
    assert dict(made.details) == {}


@pytest.mark.parametrize("name", ["at", "started_at", "ended_at"])
def test_a_moment_without_a_time_zone_is_refused(name: str) -> None:
    with pytest.raises(StageError, match=f"{name} has no time zone"):
        event(**{name: NOW.replace(tzinfo=None)})


@pytest.mark.parametrize("score", [float("nan"), float("inf"), -float("inf")])
def test_a_score_that_is_none_is_refused(score: float) -> None:
    with pytest.raises(StageError, match="a score is a finite number"):
        event(score=score)


def test_what_numpy_counts_becomes_plain() -> None:
    made = event(
        score=np.float32(0.5),
        track=np.int64(7),
        zones=["yard"],
        details={"dwell": np.float32(1.5), "count": np.int64(3), "late": np.bool_(True), "by": "x"},
    )
    assert (type(made.score), type(made.track), made.zones) == (float, int, ("yard",))
    assert json.loads(json.dumps(dict(made.details))) == {
        "dwell": 1.5,
        "count": 3,
        "late": True,
        "by": "x",
    }


@pytest.mark.parametrize("value", [float("nan"), np.float32("inf"), [1], None, {"a": 1}])
def test_a_detail_that_json_does_not_know_is_refused(value: Any) -> None:
    with pytest.raises(StageError, match="detail odd is a text"):
        event(details={"odd": value})


def test_details_cannot_be_changed_later() -> None:
    given = {"by": "x"}
    made = event(details=given)
    given["by"] = "y"
    assert made.details["by"] == "x"
    with pytest.raises(TypeError):
        made.details["by"] = "z"  # type: ignore[index]
