"""Plugins: found among installed distributions and in a folder, loaded, asked what they offer."""

from __future__ import annotations

import importlib.util
import logging
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from importlib.metadata import Distribution, EntryPoint, entry_points
from pathlib import Path
from types import ModuleType
from typing import Any

import pluggy

from edge_vision.builtin import litert, sinks, sources
from edge_vision.contracts import hookspecs
from edge_vision.data.errors import ConfigError, PluginError, one_line, suggestion
from edge_vision.service.registry import NameTaken, Registry

log = logging.getLogger(__name__)

GROUP = "edge_vision"
BUILTIN = "builtin"
HOOKS = tuple(name for name in vars(hookspecs) if hasattr(getattr(hookspecs, name), "edge_vision_spec"))


@dataclass(frozen=True, slots=True)
class PluginInfo:
    """What is known of one plugin: its name, where it comes from, and how it stands.

    origin   distribution and version, or the file
    error    why it could not be loaded, or ""
    blocked  True where the configuration disables it
    """

    name: str
    origin: str
    error: str = ""
    blocked: bool = False


@dataclass(frozen=True, slots=True)
class Plugins:
    """The loaded plugins: the manager to call hooks on, the registry of classes, and what was found."""

    manager: pluggy.PluginManager
    registry: Registry
    infos: tuple[PluginInfo, ...]

    @property
    def broken(self) -> tuple[PluginInfo, ...]:
        """The plugins that could not be loaded."""
        return tuple(info for info in self.infos if info.error)


def load_plugins(folder: Path | None = None, disable: Sequence[str] = ()) -> Plugins:
    """Load the built-in plugins, the installed ones, and the single files of a folder.

    A plugin that fails to load is noted and left out. Raises ConfigError where `folder` does not
    exist or `disable` names no plugin, PluginError where two plugins offer one name.
    """
    manager = pluggy.PluginManager(hookspecs.PROJECT)
    manager.add_hookspecs(hookspecs)
    loaded = _Loader(manager, disable)
    for module in (sources, litert, sinks):
        manager.register(module, name=f"{BUILTIN}.{module.__name__.rsplit('.', 1)[-1]}")
    for entry in sorted(entry_points(group=GROUP), key=lambda entry: entry.name):
        loaded.take(PluginInfo(entry.name, _origin(entry)), entry.load)
    for file in _files(folder):
        loaded.take(PluginInfo(file.stem, str(file)), lambda file=file: _import_file(file))  # type: ignore[misc]
    loaded.check_disabled()
    registry = _registry(manager, loaded.infos)
    return Plugins(manager, registry, tuple(loaded.infos))


class _Loader:
    """Registers plugins one by one and notes how that went."""

    def __init__(self, manager: pluggy.PluginManager, disable: Sequence[str]) -> None:
        self._manager = manager
        self._disable = tuple(disable)
        self.infos: list[PluginInfo] = []

    def take(self, info: PluginInfo, load: Callable[[], Any]) -> None:
        """Load and register one plugin, unless it is disabled."""
        other = next((known for known in self.infos if known.name == info.name), None)
        if other is not None:
            raise PluginError(f"two plugins are called {info.name}: {other.origin} and {info.origin}")
        if info.name in self._disable:
            self.infos.append(replace(info, blocked=True))
            return
        try:
            module = load()
            _check_hooks(module)
            self._manager.register(module, name=info.name)
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # noqa: BLE001 - SystemExit too: it must not end the daemon
            info = replace(info, error=_problem(info.name, error))
        self.infos.append(info)

    def check_disabled(self) -> None:
        """Refuse to disable what is not there."""
        known = [info.name for info in self.infos]
        for index, name in enumerate(self._disable):
            if name not in known:
                problem = f"there is no plugin {name!r}{suggestion(name, known)}"
                raise ConfigError(problem, f"plugins.disable[{index}]")


def _problem(name: str, error: BaseException) -> str:
    log.debug("the plugin %s does not load", name, exc_info=error)
    return one_line(str(error) if isinstance(error, PluginError) else f"{type(error).__name__}: {error}")


def _check_hooks(module: ModuleType) -> None:
    """Refuse a plugin that implements no hook, or one that does not exist."""
    marked = [name for name, value in vars(module).items() if hasattr(value, "edge_vision_impl")]
    for name in marked:
        if name not in HOOKS:
            raise PluginError(f"there is no hook {name}{suggestion(name, HOOKS)}")
    if not marked:
        raise PluginError("it implements no hook; decorate a register_stages(register) with @hookimpl")


def _registry(manager: pluggy.PluginManager, infos: list[PluginInfo]) -> Registry:
    """What the loaded plugins offer; one that fails to say so is noted as broken and left out."""
    registry = Registry()
    for module_name, module in manager.list_name_plugin():
        if module_name.startswith(f"{BUILTIN}."):
            _ask(module, registry, PluginInfo(BUILTIN, "edge-vision"))
    for index, info in enumerate(infos):
        module = manager.get_plugin(info.name)
        if module is None:
            continue
        try:
            _ask(module, registry, info)
        except NameTaken:
            raise
        except Exception as error:  # noqa: BLE001 - a plugin may raise anything
            registry.forget(info.name)
            manager.unregister(module)
            infos[index] = replace(info, error=_problem(info.name, error))
    for info in infos:
        if info.error:
            registry.hint(f"the plugin {info.name} does not load: {info.error}")
    return registry


def _ask(module: object, registry: Registry, info: PluginInfo) -> None:
    """Let one plugin register its classes under its own name."""
    for hook, catalogue in registry.by_hook.items():
        register = getattr(module, hook, None)
        if register is not None and hasattr(register, "edge_vision_impl"):
            register(register=partial(catalogue.add, plugin=info.name, origin=info.origin))


def _files(folder: Path | None) -> list[Path]:
    if folder is None:
        return []
    if not folder.is_dir():
        raise ConfigError(f"no such folder: {folder}", "plugins.folder")
    return sorted(file for file in folder.glob("*.py") if not file.name.startswith(("_", ".")))


def _import_file(file: Path) -> ModuleType:
    name = f"edge_vision_plugin_file_{file.stem}"
    spec = importlib.util.spec_from_file_location(name, file)
    if spec is None or spec.loader is None:
        raise PluginError(f"{file} cannot be imported")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # pickles and dataclasses look their module up there
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def _origin(entry: EntryPoint) -> str:
    return _named(entry.dist) if entry.dist is not None else entry.value


@lru_cache(maxsize=64)
def _named(distribution: Distribution) -> str:
    """A distribution's name and version, which to read takes milliseconds."""
    metadata = distribution.metadata
    return f"{metadata['Name']} {metadata['Version']}"
