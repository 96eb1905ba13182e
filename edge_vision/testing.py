"""Shipped fakes: a source, a model and a sink that need no hardware, and shortcuts for plugin tests.

from edge_vision.testing import make_stage, run, still

def test_brightness_calls_a_white_picture_bright():
    stage = make_stage(Brightness, threshold=128)
    result = run(stage, still(255))
    assert next(result.all(Labels)).rows[0][0] == "bright"
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from edge_vision.contracts.model import Model, ModelBundle
from edge_vision.contracts.options import Options
from edge_vision.contracts.sink import CameraStatus, Sink, SinkContext, StateValue
from edge_vision.contracts.source import Source, SourceContext
from edge_vision.contracts.stage import Stage, StageContext
from edge_vision.contracts.tensors import TensorSpec
from edge_vision.data.errors import ConfigError, SourceError, SourceLost, StageError, suggestion
from edge_vision.data.event import Event
from edge_vision.data.findings import Finding
from edge_vision.data.frame import Frame, Image
from edge_vision.data.payload import Identity
from edge_vision.data.result import Result

S = TypeVar("S", bound=Stage)

STARTED = datetime(2026, 1, 1, tzinfo=UTC)
"""When the frames that this module makes begin."""


def still(value: int | tuple[int, int, int] = 0, width: int = 64, height: int = 48) -> Image:
    """A picture of one colour, (height, width, 3) uint8 BGR."""
    return np.full((height, width, 3), value, dtype=np.uint8)


def make_frame(
    image: NDArray[np.uint8], index: int = 0, camera: str = "test", fps: float = 10.0
) -> Frame:
    """A frame as a camera of that rate would have captured it."""
    seconds = index / fps
    return Frame(image, camera, index, STARTED + timedelta(seconds=seconds), seconds)


def make_stage(
    stage: type[S], models: Mapping[str, Model] | None = None, name: str = "", **options: Any
) -> S:
    """An opened stage with options as the configuration gives them; wrong ones raise ConfigError."""
    known = models or {}

    def model(wanted: str) -> Model:
        if wanted not in known:
            raise ConfigError(f"no such model: {wanted}{suggestion(wanted, known)}", "model")
        return known[wanted]

    made = stage(stage.Options.parse(options), StageContext("test", name or stage.name, model))
    made.open()
    return made


def run(stage: Stage, image: NDArray[np.uint8], *findings: Finding, index: int = 0) -> Result:
    """What a stage makes of one picture (and earlier findings); raises StageError where it drops it."""
    result = stage(Result.of(make_frame(image, index)).add(*findings))
    if result is None:
        raise StageError(f"{stage.name} dropped the frame")
    return result


class FakeSource(Source):
    """A source that plays a script: images, None (a failed read), or an exception to raise.

    When the script is over a live one is lost, a recording ends; `loops` plays it so many times more.
    `opened` and `closed` count calls; `failures` makes so many first attempts to open fail. `prompt`
    lets the threads that compute read it.
    """

    name = "fake"

    def __init__(
        self,
        script: Iterable[NDArray[np.uint8] | Exception | Callable[[], NDArray[np.uint8] | None] | None],
        *,
        live: bool = False,
        prompt: bool = False,
        rate: float | None = 10.0,
        failures: int = 0,
        loops: int = 0,
    ) -> None:
        super().__init__(Options(), SourceContext("test", Path()))
        self.live = live
        self.prompt = prompt
        self.rate = None if live else rate
        self.failures = failures
        self.loops = loops
        self.opened = self.closed = 0
        self._script = list(script) if loops else script
        self._left = iter(self._script)

    def open(self) -> None:
        """Count the call; fail while `failures` are left."""
        self.opened += 1
        if self.opened <= self.failures:
            raise SourceError("the fake source was told to fail")

    def read(self) -> NDArray[np.uint8] | None:
        """Play the next entry of the script."""
        for entry in self._left:
            if isinstance(entry, Exception):
                raise entry
            return entry() if callable(entry) else entry
        if self.takes < self.loops:
            self.takes += 1
            self._left = iter(self._script)
            return self.read()
        if self.live:
            raise SourceLost("the script is over")
        return None

    def close(self) -> None:
        """Count the call."""
        self.closed += 1


class FakeModel:
    """A model that answers from a function of its inputs; remembers the inputs it was given.

    The function may give any arrays by output name; their shapes are not checked against the bundle.
    """

    def __init__(
        self,
        inputs: Iterable[TensorSpec],
        outputs: Iterable[TensorSpec],
        answer: Callable[[Mapping[str, NDArray[Any]]], dict[str, NDArray[Any]]],
        labels: tuple[str, ...] = (),
    ) -> None:
        self._bundle = ModelBundle(
            "fake", Path("fake.tflite"), labels, "", tuple(inputs), tuple(outputs)
        )
        self._answer = answer
        self.calls: list[dict[str, NDArray[Any]]] = []

    @property
    def bundle(self) -> ModelBundle:
        """The tensors and labels it was made with."""
        return self._bundle

    def __call__(self, inputs: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        """Remember the inputs and answer."""
        self.calls.append(dict(inputs))
        return self._answer(inputs)

    def close(self) -> None:
        """Nothing to let go of."""


@dataclass
class Seen:
    """What a MemorySink was told."""

    results: list[Result] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    statuses: list[tuple[str, CameraStatus]] = field(default_factory=list)
    states: dict[tuple[str, str], StateValue] = field(default_factory=dict)
    stats: list[Mapping[str, Any]] = field(default_factory=list)
    forgotten: list[str] = field(default_factory=list)


class MemorySink(Sink):
    """A sink that remembers everything in `seen`."""

    name = "memory"

    def __init__(self, identity: Identity | None = None) -> None:
        def change(camera: str, key: str, value: str) -> StateValue:
            raise NotImplementedError(f"nobody listens for {camera} {key} {value}")

        who = identity or Identity("test", "boot")
        super().__init__(Options(), SinkContext("memory", who, change))
        self.seen = Seen()

    def write(self, result: Result, *, wait: bool = False) -> None:
        """Remember a result."""
        self.seen.results.append(result)

    def notify(self, event: Event) -> None:
        """Remember an event."""
        self.seen.events.append(event)

    def status(self, camera: str, status: CameraStatus) -> None:
        """Remember a status."""
        self.seen.statuses.append((camera, status))

    def state(self, camera: str, key: str, value: StateValue) -> None:
        """Remember a setting."""
        self.seen.states[camera, key] = value

    def stats(self, payload: Mapping[str, Any]) -> None:
        """Remember statistics."""
        self.seen.stats.append(payload)

    def forget(self, camera: str) -> None:
        """Remember a camera that is gone."""
        self.seen.forgotten.append(camera)
