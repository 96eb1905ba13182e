"""An event: a fact with an id, from started to ended."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import Literal

EventType = Literal["started", "updated", "ended"]


@dataclass(frozen=True, slots=True)
class Event:
    """A fact that begins, may change, and ends; it keeps its id all along.

    id          unique; the same from started to ended
    type        started, updated or ended
    what        what it is about: a label such as "person", or "camera-lost", "stage-failing"
    camera      the camera's name
    at          when this was said, UTC
    started_at  when the fact began, UTC
    ended_at    when it ended, UTC, or None while it lasts
    score       0 to 1, or None where no score makes sense
    track       the track's id, or None
    zones       the zones touched so far
    snapshot    name of the picture that shows it, or None
    result      id of the result it was first seen in, or None
    details     more, in plain JSON values, such as the stage and the error's text
    sequence    counts the events of the camera from 1; 0 before delivery
    """

    id: str
    type: EventType
    what: str
    camera: str
    at: datetime
    started_at: datetime
    ended_at: datetime | None = None
    score: float | None = None
    track: int | None = None
    zones: tuple[str, ...] = ()
    snapshot: str | None = None
    result: str | None = None
    details: Mapping[str, str | float | int | bool] = field(default_factory=lambda: MappingProxyType({}))
    sequence: int = 0
