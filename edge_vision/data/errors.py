"""Every exception edge_vision raises on purpose.

EdgeVisionError
├── ConfigError          the configuration is wrong; knows the path inside it
├── PluginError          a plugin cannot be loaded, or two plugins claim one name
├── SourceError          a source cannot be opened now; it will be tried again
│   └── SourceLost       a source that was open gives no more frames
├── ModelError           a model or bundle cannot be used
├── TrainingError        a data set or a recipe cannot be used, or a training went wrong
│   └── TrainingStopped  a training was asked to stop; it can go on
├── BenchError           a configuration cannot be measured, or a measurement went wrong
├── StageError           a stage was given, or gave, something outside its contract
└── SinkError            a sink cannot be opened
"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


class EdgeVisionError(Exception):
    """The root of the tree; catching it catches all that edge_vision raises on purpose."""


class ConfigError(EdgeVisionError):
    """A wrong configuration: where (a dotted path, may be empty) and what is wrong with it."""

    def __init__(self, problem: str, path: str = "") -> None:
        super().__init__(f"{path}: {problem}" if path else problem)
        self.problem = problem
        self.path = path

    def below(self, parent: str) -> ConfigError:
        """The same error seen from a table further out: `parent` goes in front of the path."""
        if not self.path:
            return ConfigError(self.problem, parent)
        separator = "" if self.path.startswith("[") else "."
        return ConfigError(self.problem, f"{parent}{separator}{self.path}")


class PluginError(EdgeVisionError):
    """A plugin that cannot be loaded, or two plugins that claim one name."""


class SourceError(EdgeVisionError):
    """A source that cannot be opened now. The text never holds a credential."""


class SourceLost(SourceError):
    """A source that was open and gives no more frames."""


class ModelError(EdgeVisionError):
    """A model file or bundle that cannot be used, and why."""


class TrainingError(EdgeVisionError):
    """A data set or a recipe that cannot be used, or a training that went wrong, and what to do."""


class TrainingStopped(TrainingError):
    """A training that was asked to stop; what it had learnt is saved, and the same command goes on."""


class BenchError(EdgeVisionError):
    """A configuration that cannot be measured, or a measurement that went wrong, and what to do."""


class StageError(EdgeVisionError):
    """A stage that was given, or gave, something outside its contract."""


class SinkError(EdgeVisionError):
    """A sink that cannot be opened."""


def one_line(text: str) -> str:
    """A text in one line, with what cannot be printed as escapes."""
    joined = " ".join(text.split())
    return "".join(
        mark if mark.isprintable() else mark.encode("unicode_escape").decode() for mark in joined
    )


def suggestion(word: str, known: Iterable[str]) -> str:
    """Say which known name was probably meant: `, did you mean x?`, else the known names."""
    names = sorted(known)
    near = get_close_matches(word, names, n=1, cutoff=0.6)
    if near:
        return f", did you mean {near[0]}?"
    return f"; known: {', '.join(names)}" if names else ""
