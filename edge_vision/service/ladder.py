"""The ladder: what a configuration gives up, rung by rung, where there is too much to do."""

from __future__ import annotations

from typing import Any

from edge_vision.contracts.options import Options, option
from edge_vision.data.errors import ConfigError, suggestion

Table = dict[str, Any]


class RungTable(Options):
    """One of [[governor.ladder]]: what is different on that rung from the configuration as it is."""

    fps: float | None = option(
        None, "frames of every camera processed at most", unit="1/s", gt=0, le=1000
    )
    cameras: dict[str, Table] = option({}, "by camera, keys of [cameras.NAME] that are different")
    models: dict[str, Table] = option({}, "by model, keys of [models.NAME] that are different")


class GovernorTable(Options):
    """The [governor] table."""

    ladder: tuple[RungTable, ...] = option(
        ..., "what is given up, rung by rung, the first one first", min_length=1, max_length=20
    )
    high: float = option(0.9, "load of the workers from which it goes a rung down", gt=0, le=1)
    low: float = option(0.6, "load up to which it may climb a rung", ge=0, le=1)
    down_after: float = option(5.0, "so long it has to be overloaded", unit="s", ge=0.5, le=3600)
    up_after: float = option(
        30.0,
        "so long there has to be room; longer after a climb that failed",
        unit="s",
        ge=0.5,
        le=86400,
    )
    throttled: float = option(
        0.1, "share of the time for which a CPU quota may stop the process", gt=0, le=1
    )


def on_rung(document: Table, rung: RungTable, path: str) -> Table:
    """The tables of a configuration as they are on a rung.

    path  of the rung in the configuration, for errors

    Raises ConfigError where it changes what is not there.
    """
    changed = {**document}
    for kind, overlays in (("cameras", rung.cameras), ("models", rung.models)):
        tables: Table = document.get(kind, {})
        changed[kind] = {**tables}
        for name, overlay in overlays.items():
            if name not in tables:
                raise ConfigError(
                    f"there is no such table in [{kind}]{suggestion(name, tables)}",
                    f"{path}.{kind}.{name}",
                )
            changed[kind][name] = {**tables[name], **overlay}
    if rung.fps is not None:
        changed["cameras"] = {
            name: {**table, "fps": min(rung.fps, table.get("fps", rung.fps))}
            for name, table in changed["cameras"].items()
        }
    return changed
