"""A draft: a configuration whose parts have all been made and checked, and none of them started."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from edge_vision.builtin.tflite.trial_process import end_spare
from edge_vision.contracts.sink import Setter, Sink
from edge_vision.data.errors import ConfigError, PluginError
from edge_vision.data.payload import Identity
from edge_vision.engine.camera import CameraPlan
from edge_vision.service.assembly import Assembler, Numbers, root_of
from edge_vision.service.config import CameraTable, Config, ConfigFileError, Table, read_config
from edge_vision.service.plugins import Plugins, load_plugins
from edge_vision.service.shelf import Shelf, foresee

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class CameraDraft:
    """A camera that could be started, its table, and the models its stages asked for."""

    plan: CameraPlan
    table: CameraTable
    models: frozenset[str]


@dataclass(frozen=True, slots=True)
class SinkDraft:
    """A sink that could be opened (or runs already), and the table it was made from."""

    sink: Sink
    table: Table


@dataclass(frozen=True, slots=True)
class Draft:
    """Everything that a configuration describes, made and checked."""

    config: Config
    identity: Identity
    plugins: Plugins
    fingerprint: tuple[object, ...]
    shelf: Shelf
    cameras: Mapping[str, CameraDraft]
    sinks: Mapping[str, SinkDraft]
    numbers: Numbers

    @property
    def secrets(self) -> tuple[str, ...]:
        """Texts that no log may show."""
        of_sources = [secret for made in self.cameras.values() for secret in made.plan.source.secrets]
        of_sinks = [secret for made in self.sinks.values() for secret in made.sink.secrets]
        return (*of_sources, *of_sinks)

    def keeps_camera(self, name: str, before: Draft) -> bool:
        """True where the camera is the same as in an earlier draft, down to its opened models.

        But for what a camera that runs can change: its rate and its weight.
        """
        old, new = before.cameras.get(name), self.cameras.get(name)
        return (
            old is not None
            and new is not None
            and self.fingerprint == before.fingerprint
            and self.identity == before.identity
            and _lasting(old.table) == _lasting(new.table)
            and old.plan.source.secrets == new.plan.source.secrets
            and all(self.shelf.models[model] is before.shelf.models.get(model) for model in new.models)
        )


def make_draft(
    file: Path, boot: str, change: Setter, before: Draft | None = None, rung: int = 0
) -> Draft:
    """Read a configuration and make its parts, taking over from an earlier draft what is the same.

    rung  so many rungs down its governor's ladder

    Raises ConfigFileError, whose text is the one line a person is shown; nothing is left open then.
    """
    config = read_config(file, rung)
    foresee(config.tables.models, config.folder)
    shelf: Shelf | None = None
    try:
        fingerprint = _fingerprint(config)
        same_plugins = before is not None and before.fingerprint == fingerprint
        plugins = before.plugins if before and same_plugins else _plugins(config)
        shelf = Shelf(config.tables.models, config.folder, plugins.manager)
        if before and same_plugins:
            shelf.adopt(before.shelf)
        identity = Identity(config.node, boot, root_of(config))
        numbers = before.numbers if before else {}
        assembler = Assembler(config, plugins, shelf, numbers)
        cameras = {name: _camera(assembler, shelf, config, name) for name in config.tables.cameras}
        for name in config.tables.models:
            shelf.model(name)
        old = before if before and same_plugins and before.identity == identity else None
        sinks = _sinks(assembler, identity, change, old)
    except Exception as error:
        if shelf is not None:
            shelf.close(keep=before.shelf if before else None)
        raise ConfigFileError(config.located(_as_config_error(error))) from error
    finally:
        end_spare()
    return Draft(config, identity, plugins, fingerprint, shelf, cameras, sinks, numbers)


def check_ladder(draft: Draft, boot: str, change: Setter) -> None:
    """Make the parts of each rung of a draft's ladder once, and let go of them; raises as make_draft."""
    governor = draft.config.tables.governor
    for rung in range(1, 1 + (len(governor.ladder) if governor else 0)):
        try:
            made = make_draft(draft.config.file, boot, change, draft, rung)
        except ConfigFileError as error:
            raise ConfigFileError(f"{error} (on rung {rung} of the governor's ladder)") from error
        made.shelf.close(keep=draft.shelf)


def _lasting(table: CameraTable) -> CameraTable:
    """What of a camera's table cannot change while it runs."""
    return table.model_copy(update={"fps": None, "weight": 1.0})


def plugin_folder(config: Config) -> Path | None:
    """The configuration's folder of single-file plugins."""
    folder = config.tables.plugins.folder
    return None if folder is None else config.folder / folder


def _as_config_error(error: Exception) -> ConfigError:
    """Whatever went wrong while the parts were made; the daemon that runs must survive all of it."""
    if isinstance(error, ConfigError):
        return error
    if isinstance(error, PluginError):
        return ConfigError(str(error), "plugins")
    log.debug("a draft failed unexpectedly", exc_info=error)
    return ConfigError(f"cannot be built: {type(error).__name__}: {error}")


def _plugins(config: Config) -> Plugins:
    return load_plugins(plugin_folder(config), config.tables.plugins.disable)


def _fingerprint(config: Config) -> tuple[object, ...]:
    """What tells whether the plugins are the same: the table, and the files' times and sizes."""
    folder = plugin_folder(config)
    files = sorted(folder.glob("*.py")) if folder is not None and folder.is_dir() else []
    stats = tuple((str(f), f.stat().st_mtime_ns, f.stat().st_size) for f in files)
    return config.tables.plugins, stats


def _camera(assembler: Assembler, shelf: Shelf, config: Config, name: str) -> CameraDraft:
    shelf.asked.clear()
    plan = assembler.camera(name)
    return CameraDraft(plan, config.tables.cameras[name], frozenset(shelf.asked))


def _sinks(
    assembler: Assembler, identity: Identity, change: Setter, before: Draft | None
) -> dict[str, SinkDraft]:
    sinks: dict[str, SinkDraft] = {}
    for name, table in assembler.sink_tables().items():
        old = before.sinks.get(name) if before else None
        new = SinkDraft(assembler.sink(name, identity, change), table)
        same = old is not None and old.table == table and old.sink.secrets == new.sink.secrets
        sinks[name] = old if old is not None and same else new
    return sinks
