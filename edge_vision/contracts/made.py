"""How a model came about: the table [made] of a bundle.toml, which its maker fills in for people."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Made:
    """How a model came about; what was not said is empty.

    recipe         what trained it
    command        the command that makes it again
    data           the data sets it learnt from
    licence        under which licence it may be used
    research_only  True where its data may be used for research only, and it with them
    parameters     so many numbers it learnt, 0 where that is not said
    metrics        what it reached on data it did not learn from: values by name, by variant
    """

    recipe: str = ""
    command: str = ""
    data: tuple[str, ...] = ()
    licence: str = ""
    research_only: bool = False
    parameters: int = 0
    metrics: Mapping[str, Mapping[str, float]] = field(default_factory=dict)


def made_of(value: Any) -> Made:
    """What a table [made] says; what is of another kind, or not known here, is passed over.

    It is written by many hands, and nothing that a model does depends on it.
    """
    if not isinstance(value, Mapping):
        return Made()
    data, parameters = value.get("data"), value.get("parameters")
    return Made(
        _text(value.get("recipe")),
        _text(value.get("command")),
        tuple(filter(None, map(_text, data if isinstance(data, list) else [data]))),
        _text(value.get("licence")),
        value.get("research_only") is True,
        parameters if isinstance(parameters, int) and not isinstance(parameters, bool) else 0,
        _metrics(value.get("metrics")),
    )


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _metrics(value: Any) -> dict[str, dict[str, float]]:
    """Numbers by name, by variant; what is no number, or no table, is passed over."""
    if not isinstance(value, Mapping):
        return {}
    return {
        variant: {name: float(number) for name, number in table.items() if _is_number(number)}
        for variant, table in value.items()
        if isinstance(table, Mapping)
    }


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
