"""An incident: trouble of a camera or a stage, told as an event when it begins and when it is over."""

from __future__ import annotations

from datetime import UTC, datetime
from threading import Lock
from uuid import uuid4

from edge_vision.data.event import Event, EventType
from edge_vision.engine.delivery import Delivery
from edge_vision.engine.tally import Tally

Detail = str | float | int | bool


class Incident:
    """One kind of trouble that one camera can be in; beginning twice, or ending twice, says nothing."""

    def __init__(self, what: str, camera: str, delivery: Delivery, tally: Tally) -> None:
        self._what = what
        self._camera = camera
        self._delivery = delivery
        self._tally = tally
        self._lock = Lock()
        self._id = ""
        self._started_at = datetime.min.replace(tzinfo=UTC)
        self._details: dict[str, Detail] = {}

    def begin(self, **details: Detail) -> None:
        """The trouble is there."""
        with self._lock:
            if self._id:
                return
            self._id = uuid4().hex
            self._started_at = datetime.now(UTC)
            self._details = details
            self._say("started")

    def end(self) -> None:
        """The trouble is over."""
        with self._lock:
            if self._id:
                self._say("ended")
                self._id = ""

    def _say(self, kind: EventType) -> None:
        now = datetime.now(UTC)
        self._delivery.notify(
            Event(
                id=self._id,
                type=kind,
                what=self._what,
                camera=self._camera,
                at=now,
                started_at=self._started_at,
                ended_at=now if kind == "ended" else None,
                details=self._details,
                sequence=self._tally.next_event(),
            )
        )
