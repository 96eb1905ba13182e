"""Writing TOML: the text of a table that `tomllib` reads back as it was."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")


def toml_text(table: Mapping[str, Any]) -> str:
    """The text of a table: its plain values first, then its tables and arrays of tables.

    Values are texts, bools, finite numbers, lists of them, and tables; tables inside of tables and of
    lists of plain values are written inline.
    """
    plain = {key: value for key, value in table.items() if not _is_section(value)}
    parts = ["\n".join(f"{_key(key)} = {toml_value(value)}" for key, value in plain.items())]
    for key, value in table.items():
        if not _is_section(value):
            continue
        head, rows = (f"[{_key(key)}]", [value]) if isinstance(value, Mapping) else (None, value)
        for row in rows:
            lines = [head or f"[[{_key(key)}]]"]
            lines += [f"{_key(name)} = {toml_value(inner)}" for name, inner in row.items()]
            parts.append("\n".join(lines))
    return "\n\n".join(part for part in parts if part) + "\n"


def _is_section(value: Any) -> bool:
    """True for what gets a header of its own: a table, or an array of tables."""
    if isinstance(value, Mapping):
        return True
    rows = isinstance(value, list | tuple) and len(value) > 0
    return rows and all(isinstance(row, Mapping) for row in value)


def _key(key: str) -> str:
    return key if _BARE_KEY.fullmatch(key) else _text(key)


def toml_value(value: Any) -> str:
    """The text of one value; a table is written inline."""
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return repr(int(value))
    if isinstance(value, float):
        return repr(float(value))  # of numpy's own numbers too, whose repr names their type
    if isinstance(value, Mapping):
        inside = ", ".join(f"{_key(name)} = {toml_value(inner)}" for name, inner in value.items())
        return f"{{ {inside} }}" if inside else "{}"
    if isinstance(value, Sequence):
        return f"[{', '.join(toml_value(item) for item in value)}]"
    raise TypeError(f"TOML has no {type(value).__name__}")


def _text(text: str) -> str:
    """A basic string: JSON's escapes are TOML's too, which has the character DEL escaped as well."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
