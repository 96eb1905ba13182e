"""Every hook a plugin may implement, in the order in which they are called. None is called per frame."""

from __future__ import annotations

from collections.abc import Callable

import pluggy

from edge_vision.contracts.model import Model, ModelBundle
from edge_vision.contracts.sink import Sink
from edge_vision.contracts.source import Source
from edge_vision.contracts.stage import Stage
from edge_vision.data.event import Event

PROJECT = "edge_vision"
hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


@hookspec
def register_sources(register: Callable[[type[Source]], None]) -> None:
    """Called once before the configuration is read: call `register` with each source class."""


@hookspec
def register_stages(register: Callable[[type[Stage]], None]) -> None:
    """Called once before the configuration is read: call `register` with each stage class."""


@hookspec
def register_sinks(register: Callable[[type[Sink]], None]) -> None:
    """Called once before the configuration is read: call `register` with each sink class."""


@hookspec(firstresult=True)
def open_model(bundle: ModelBundle, threads: int) -> Model | None:
    """Called once for each model: return it opened, each run on `threads` threads, or None to pass.

    The first plugin that does not pass wins; the built-in LiteRT is asked last.
    """


@hookspec
def service_started(cameras: tuple[str, ...]) -> None:
    """Called when all cameras run, just before the service says that it is ready."""


@hookspec
def event_emitted(event: Event) -> None:
    """Called after an event went to the sinks, from the thread that raised it; return soon."""


@hookspec
def service_stopping() -> None:
    """Called when the service was told to stop, before the cameras stop."""
