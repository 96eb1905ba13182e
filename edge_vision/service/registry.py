"""The registry: which classes the plugins offer, by the name that `uses` calls them."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from edge_vision.contracts.options import Options
from edge_vision.contracts.sink import Sink
from edge_vision.contracts.source import Source
from edge_vision.contracts.stage import Stage
from edge_vision.data.errors import ConfigError, PluginError, suggestion
from edge_vision.service.config import NAME

C = TypeVar("C", bound=Source | Stage | Sink)


class NameTaken(PluginError):
    """Two plugins offer a class under one name: which is meant only a person can say."""


@dataclass(frozen=True, slots=True)
class Offer(Generic[C]):
    """A class, the plugin that offers it, and the distribution or file that the plugin comes from."""

    offered: type[C]
    plugin: str
    origin: str


class Catalogue(Generic[C]):
    """The classes of one kind: sources, stages or sinks."""

    def __init__(self, kind: str, base: type[C]) -> None:
        self.kind = kind
        self._base = base
        self._offers: dict[str, Offer[C]] = {}
        self._hints: list[str] = []

    def add(self, offered: object, plugin: str, origin: str) -> None:
        """Take a class from a plugin; raises PluginError where it is none, or its name is taken."""
        name = self._checked(offered)
        if name in self._offers:
            other = self._offers[name]
            raise NameTaken(
                f"two plugins offer the {self.kind} {name}: {other.plugin} ({other.origin}) and "
                f"{plugin} ({origin}); disable one of them"
            )
        self._offers[name] = Offer(offered, plugin, origin)  # type: ignore[arg-type]

    def find(self, name: str) -> type[C]:
        """The class of a name; raises ConfigError with the nearest one."""
        try:
            return self._offers[name].offered
        except KeyError:
            hint = suggestion(name, self._offers)
            if self._hints and "did you mean" not in hint:
                hint = f"; {'; '.join(self._hints)}"
            raise ConfigError(f"there is no {self.kind} {name!r}{hint}", "uses") from None

    def of(self, plugin: str) -> list[str]:
        """The names that one plugin offers."""
        return sorted(name for name, offer in self._offers.items() if offer.plugin == plugin)

    def forget(self, plugin: str) -> None:
        """Take back what a plugin offered."""
        self._offers = {name: offer for name, offer in self._offers.items() if offer.plugin != plugin}

    def hint(self, text: str) -> None:
        """Say this, too, where a name is not found."""
        self._hints.append(text)

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(self._offers))

    def _checked(self, offered: object) -> str:
        """The name of a class that can be used; raises PluginError where it cannot."""
        if not (isinstance(offered, type) and issubclass(offered, self._base)):
            raise PluginError(f"it registers {offered!r}, which is no {self.kind} class")
        name: object = getattr(offered, "name", None)
        if not isinstance(name, str) or not NAME.fullmatch(name):
            raise PluginError(
                f"{offered.__name__}.name is {name!r}; a name has letters, digits, - and _ only"
            )
        options: object = offered.Options
        if not (isinstance(options, type) and issubclass(options, Options)):
            raise PluginError(f"{offered.__name__}.Options must be a subclass of edge_vision.Options")
        if inspect.isabstract(offered):
            missing = ", ".join(sorted(offered.__abstractmethods__))
            raise PluginError(f"the {self.kind} {name} does not define {missing}")
        return name


class Registry:
    """All that plugins offer."""

    def __init__(self) -> None:
        self.sources: Catalogue[Source] = Catalogue("source", Source)  # type: ignore[type-abstract]
        self.stages: Catalogue[Stage] = Catalogue("stage", Stage)  # type: ignore[type-abstract]
        self.sinks: Catalogue[Sink] = Catalogue("sink", Sink)  # type: ignore[type-abstract]

    @property
    def by_hook(self) -> Mapping[str, Catalogue[Any]]:
        """The catalogues by the hooks that fill them."""
        return {
            "register_sources": self.sources,
            "register_stages": self.stages,
            "register_sinks": self.sinks,
        }

    def forget(self, plugin: str) -> None:
        """Take back what a plugin offered."""
        for catalogue in self.by_hook.values():
            catalogue.forget(plugin)

    def hint(self, text: str) -> None:
        """Say this, too, where a name is not found."""
        for catalogue in self.by_hook.values():
            catalogue.hint(text)
