"""Listing: the bundles of this computer in rows, for a person and for a program."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from edge_vision.contracts.bundle_table import read_made, read_table
from edge_vision.contracts.bundles import load_bundle
from edge_vision.contracts.made import Made
from edge_vision.data.errors import ConfigError, ModelError, one_line
from edge_vision.service.models.library import Volume
from edge_vision.service.models.report import in_columns

RESEARCH_ONLY = "research only"
_MEGABYTE = 1_000_000


def row_of(volume: Volume) -> dict[str, Any]:
    """What is told of a bundle in a list; one that cannot be read tells why."""
    row: dict[str, Any] = {
        "name": volume.name,
        "task": "",
        "layout": "",
        "version": "",
        "size": 0,
        "variants": [],
        "made": made_json(Made()),
        "origin": volume.origin,
        "folder": str(volume.folder),
        "error": "",
    }
    try:
        table = read_table(volume.folder)
        row |= {"task": table.task, "layout": table.layout, "version": table.version}
        row["made"] = made_json(read_made(volume.folder))
        for variant in load_bundle(volume.folder, volume.name).variants:
            size = load_bundle(volume.folder, volume.name, variant=variant.name).file.stat().st_size
            row["variants"].append({"name": variant.name, "file": str(variant.file), "size": size})
        row["size"] = sum(each["size"] for each in row["variants"])
    except ConfigError as error:
        row["error"] = one_line(error.problem)
    except (ModelError, OSError) as error:
        row["error"] = one_line(str(error))
    return row


def listing_text(rows: Sequence[dict[str, Any]]) -> str:
    """Rows for a person: a table."""
    shown = [("name", "task", "version", "variants", "size", "licence", "", "where")]
    shown += [
        (
            row["name"],
            row["task"] or "?",
            row["version"] or "-",
            _variants(row),
            f"{row['size'] / _MEGABYTE:.1f} MB",
            _licence(row["made"]),
            row["origin"],
            row["folder"] if not row["error"] else f"{row['folder']}  broken: {row['error']}",
        )
        for row in rows
    ]
    return in_columns(shown)


def made_json(made: Made) -> dict[str, Any]:
    """How a model came about, as JSON knows it."""
    return {
        "recipe": made.recipe,
        "command": made.command,
        "data": list(made.data),
        "licence": made.licence,
        "research_only": made.research_only,
        "parameters": made.parameters,
        "metrics": {variant: dict(values) for variant, values in made.metrics.items()},
    }


def _variants(row: dict[str, Any]) -> str:
    names = [each["name"] for each in row["variants"]]
    return ", ".join(names) if len(names) > 1 else "-"


def _licence(made: dict[str, Any]) -> str:
    said = [one_line(made["licence"]), RESEARCH_ONLY if made["research_only"] else ""]
    return ", ".join(part for part in said if part) or "-"
