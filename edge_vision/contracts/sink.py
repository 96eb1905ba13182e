"""The promise of a sink: where results and events go."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal

from edge_vision.contracts.options import Options as BaseOptions
from edge_vision.data.event import Event
from edge_vision.data.payload import Identity
from edge_vision.data.result import Result

CameraStatus = Literal["online", "offline", "disabled"]
StateValue = bool | int | float | str
Setter = Callable[[str, str, str], StateValue]


@dataclass(frozen=True, slots=True)
class SinkContext:
    """What a sink is told beside its options.

    name      the sink's name in the configuration
    identity  who speaks: node, boot, root of the topics
    change    change a documented setting: change(camera, key, text) returns the new value, or raises
              ConfigError; for sinks that also take commands
    folder    the configuration's folder, against which relative paths are read
    """

    name: str
    identity: Identity
    change: Setter
    folder: Path = Path()


class Sink(ABC):
    """Where results and events go. Calls come from several threads and must return soon: what waits
    (a network, a disk) waits on the sink's own thread, in bounded memory, counting what it drops.

    name     what `uses` calls it
    Options  what a user may write beside it
    """

    name: ClassVar[str]
    Options: ClassVar[type[BaseOptions]] = BaseOptions

    def __init__(self, options: Any, context: SinkContext) -> None:
        self.options = options
        self.context = context

    @property
    def secrets(self) -> tuple[str, ...]:
        """Texts, such as passwords, that no log may show."""
        return ()

    def open(self) -> None:
        """Start; a peer that is away is no error. Raises SinkError where it can never work."""

    def wait_for_room(self, timeout: float) -> bool:
        """Wait until much of what was accepted is on its way; False where `timeout` seconds passed.

        A recording asks before its next frame, on its own thread, so that no worker has to wait in
        `write`. True, too, where waiting is of no use.
        """
        return True

    @abstractmethod
    def write(self, result: Result, *, wait: bool = False) -> None:
        """Take a result; those of one camera come in order.

        wait  True for a recording: wait for room rather than drop
        """

    def notify(self, event: Event) -> None:
        """Take an event."""

    def status(self, camera: str, status: CameraStatus) -> None:
        """A camera is online, offline or disabled from now on."""

    def state(self, camera: str, key: str, value: StateValue) -> None:
        """A setting of a camera has this value from now on."""

    def stats(self, payload: Mapping[str, Any]) -> None:
        """Rates, drops, latencies and errors, once in a while."""

    def forget(self, camera: str) -> None:
        """A camera is gone from the configuration: take back what is retained about it."""

    def counters(self) -> Mapping[str, int]:
        """What was sent, and what was lost, since the start."""
        return {}

    def flush(self, timeout: float) -> bool:
        """Wait until all that was accepted is handed over; False where `timeout` seconds passed."""
        return True

    def close(self) -> None:
        """Say goodbye and let go of everything."""
