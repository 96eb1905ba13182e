"""The registry: which classes the plugins offer, by the name that `uses` calls them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

from edge_vision.contracts.options import Options
from edge_vision.contracts.sink import Sink
from edge_vision.contracts.source import Source
from edge_vision.contracts.stage import Stage
from edge_vision.data.errors import ConfigError, PluginError, suggestion

C = TypeVar("C", bound=Source | Stage | Sink)


@dataclass(frozen=True, slots=True)
class Offer(Generic[C]):
    """A class and the plugin that offers it."""

    offered: type[C]
    plugin: str


class Catalogue(Generic[C]):
    """The classes of one kind: sources, stages or sinks."""

    def __init__(self, kind: str, base: type[C]) -> None:
        self.kind = kind
        self._base = base
        self._offers: dict[str, Offer[C]] = {}
        self.hints: list[str] = []

    def add(self, offered: object, plugin: str) -> None:
        """Take a class from a plugin; raises PluginError where it is none, or its name is taken."""
        if not (isinstance(offered, type) and issubclass(offered, self._base)):
            raise PluginError(f"{plugin}: registers {offered!r}, which is no {self.kind} class")
        name = getattr(offered, "name", None)
        if not isinstance(name, str) or not name:
            raise PluginError(f"{plugin}: the {self.kind} {offered.__name__} has no name")
        options: object = offered.Options
        if not (isinstance(options, type) and issubclass(options, Options)):
            raise PluginError(
                f"{plugin}: the options of {name} must be a subclass of edge_vision.Options"
            )
        if name in self._offers:
            other = self._offers[name].plugin
            raise PluginError(f"two plugins offer the {self.kind} {name}: {other} and {plugin}")
        self._offers[name] = Offer(offered, plugin)

    def find(self, name: str) -> type[C]:
        """The class of a name; raises ConfigError with the nearest one."""
        try:
            return self._offers[name].offered
        except KeyError:
            hint = suggestion(name, self._offers)
            if self.hints and "did you mean" not in hint:
                hint = f"; {'; '.join(self.hints)}"
            raise ConfigError(f"there is no {self.kind} {name!r}{hint}", "uses") from None

    def of(self, plugin: str) -> list[str]:
        """The names that one plugin offers."""
        return sorted(name for name, offer in self._offers.items() if offer.plugin == plugin)

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(self._offers))


class Registry:
    """All that plugins offer."""

    def __init__(self) -> None:
        self.sources: Catalogue[Source] = Catalogue("source", Source)  # type: ignore[type-abstract]
        self.stages: Catalogue[Stage] = Catalogue("stage", Stage)  # type: ignore[type-abstract]
        self.sinks: Catalogue[Sink] = Catalogue("sink", Sink)  # type: ignore[type-abstract]

    @property
    def catalogues(self) -> tuple[Catalogue[Source], Catalogue[Stage], Catalogue[Sink]]:
        """Sources, stages, sinks."""
        return self.sources, self.stages, self.sinks
