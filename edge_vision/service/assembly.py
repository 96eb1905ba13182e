"""Assembly: from a configuration and the plugins to sources, stages, sinks and models, checked."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from typing import Any, TypeAlias

from edge_vision.builtin.capture.locations import parse_source
from edge_vision.contracts.options import Options, names_kind
from edge_vision.contracts.sink import Setter, Sink, SinkContext
from edge_vision.contracts.source import Source, SourceContext
from edge_vision.contracts.stage import Stage, StageContext
from edge_vision.data.errors import ConfigError, EdgeVisionError, suggestion
from edge_vision.data.payload import Identity
from edge_vision.engine.camera import CameraPlan
from edge_vision.service.config import CameraTable, Config, Table, check_name
from edge_vision.service.plugins import Plugins
from edge_vision.service.shelf import ModelProblem, Shelf

log = logging.getLogger(__name__)

MQTT = "mqtt"
STDOUT = "stdout"


Numbers: TypeAlias = dict[str, Callable[[], int]]
"""What numbers the tracks of each camera, by its name: it outlives the camera when that is rebuilt."""


class Assembler:
    """Makes what a configuration describes. Whatever is wrong raises ConfigError with its path."""

    def __init__(self, config: Config, plugins: Plugins, shelf: Shelf, numbers: Numbers) -> None:
        self._config = config
        self._numbers = numbers
        self._registry = plugins.registry
        self._shelf = shelf

    def camera(self, name: str) -> CameraPlan:
        """A camera's source and stages, made but not opened."""
        table = self._config.tables.cameras[name]
        path = f"cameras.{name}"
        self._check_sinks(table, path)
        source = self._source(name, table, f"{path}.source")
        return CameraPlan(name, source, self._stages(name, table, path), table.fps, table.weight)

    def sink(self, name: str, identity: Identity, change: Setter) -> Sink:
        """A sink, made but not opened."""
        with located(name if name == MQTT else f"sinks.{name}"):
            uses, rest = _uses(self.sink_tables()[name])
            sink = self._registry.sinks.find(uses)
            context = SinkContext(name, identity, change, self._config.folder)
            return sink(sink.Options.parse(rest), context)

    def sink_tables(self) -> dict[str, Table]:
        """The tables of all sinks by name: [mqtt], [sinks], or else JSON lines on standard output."""
        tables = self._config.tables
        if "uses" in (tables.mqtt or {}):
            raise ConfigError("[mqtt] always uses mqtt; leave this out", "mqtt.uses")
        mqtt = {} if tables.mqtt is None else {MQTT: {"uses": MQTT, **tables.mqtt}}
        return {**mqtt, **tables.sinks} or {STDOUT: {"uses": "jsonl"}}

    def _check_sinks(self, table: CameraTable, path: str) -> None:
        known = self.sink_tables()
        for index, name in enumerate(table.sinks or ()):
            if name not in known:
                problem = f"there is no sink {name!r}{suggestion(name, known)}"
                raise ConfigError(problem, f"{path}.sinks[{index}]")

    def _source(self, camera: str, table: CameraTable, path: str) -> Source:
        with located(path):
            if isinstance(table.source, dict):
                written = table.source
            else:
                written = parse_source(table.source, self._config.folder)
            uses, rest = _uses(written)
            source = self._registry.sources.find(uses)
            return source(source.Options.parse(rest), SourceContext(camera, self._config.folder))

    def _stages(self, camera: str, table: CameraTable, path: str) -> list[Stage]:
        stages: list[Stage] = []
        names: list[str] = []
        for index, written in enumerate(table.stages):
            with located(f"{path}.stages[{index}]"):
                stage = self._stage(camera, written, names)
            stages.append(stage)
            names.append(stage.context.name)
        return stages

    def _stage(self, camera: str, written: Table, earlier: list[str]) -> Stage:
        uses, rest = _uses(written)
        offered = self._registry.stages.find(uses)
        name = rest.pop("name", uses)
        if not isinstance(name, str):
            raise ConfigError(f"should be a name, not {name!r}", "name")
        check_name(name, "name")
        if name in earlier:
            raise ConfigError(f"two stages are called {name}; give one of them another name", "name")
        options = offered.Options.parse(rest)
        self._check_names(options, earlier)
        number = self._numbers.setdefault(camera, count(1).__next__)
        model, folder = self._shelf.model, self._config.folder
        return offered(options, StageContext(camera, name, model, folder, number))

    def _check_names(self, options: Options, earlier: list[str]) -> None:
        """Check that what options name (models, earlier stages) is there."""
        for field, info in type(options).model_fields.items():
            kind, value = names_kind(info), getattr(options, field)
            if kind == "model" and value is not None:
                with located_here(field):
                    self._shelf.model(value)
            elif kind == "stages":
                for index, name in enumerate(value or ()):
                    if name not in earlier:
                        hint = suggestion(name, earlier) or "; it is the first stage"
                        raise ConfigError(
                            f"no earlier stage is called {name!r}{hint}", f"{field}[{index}]"
                        )


@contextmanager
def located(path: str) -> Iterator[None]:
    """Put a path in front of whatever ConfigError is raised; other own errors become one."""
    try:
        yield
    except ModelProblem:
        raise
    except ConfigError as error:
        raise error.below(path) from error
    except EdgeVisionError as error:
        raise ConfigError(str(error), path) from error
    except Exception as error:
        log.debug("a plugin failed while it was made", exc_info=True)
        raise ConfigError(f"failed with {type(error).__name__}: {error}", path) from error


@contextmanager
def located_here(field: str) -> Iterator[None]:
    """Let a wrong name be reported at the option that names it."""
    try:
        yield
    except ModelProblem:
        raise
    except ConfigError as error:
        raise ConfigError(error.problem, field) from error


def root_of(config: Config) -> str:
    """The root of all topics."""
    root = (config.tables.mqtt or {}).get("root", "edge-vision")
    return root if isinstance(root, str) else "edge-vision"


def _uses(table: Table) -> tuple[str, dict[str, Any]]:
    rest = dict(table)
    uses = rest.pop("uses", None)
    if uses is None:
        raise ConfigError("is missing: say which class it uses", "uses")
    if not isinstance(uses, str):
        raise ConfigError(f"should be a name, not {uses!r}", "uses")
    return uses, rest
