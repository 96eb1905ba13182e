"""An event: a fact with an id, from started to ended."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from math import isfinite
from types import MappingProxyType
from typing import Literal

import numpy as np

from edge_vision.data.checks import check_moment, checked_score
from edge_vision.data.errors import StageError

Detail = str | float | int | bool

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
    details     more, in plain JSON values, such as the stage and the error's text; read-only
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
    details: Mapping[str, Detail] = field(default_factory=lambda: MappingProxyType({}))
    sequence: int = 0

    def __post_init__(self) -> None:
        check_moment("at", self.at)
        check_moment("started_at", self.started_at)
        if self.ended_at is not None:
            check_moment("ended_at", self.ended_at)
        if self.score is not None:
            object.__setattr__(self, "score", checked_score(self.score))
        if self.track is not None:
            object.__setattr__(self, "track", int(self.track))
        details = {name: _plain(name, value) for name, value in self.details.items()}
        object.__setattr__(self, "zones", tuple(self.zones))
        object.__setattr__(self, "details", MappingProxyType(details))


def _plain(name: str, value: object) -> Detail:
    """A value as JSON knows it; numpy's scalars become Python's."""
    plain = value.item() if isinstance(value, np.generic) else value
    if not isinstance(plain, str | float | int) or (isinstance(plain, float) and not isfinite(plain)):
        raise StageError(
            f"the event's detail {name} is a text, a finite number or a bool, not {value!r}"
        )
    return plain
