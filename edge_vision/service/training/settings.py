"""Settings: the options of a recipe as a person gives them, in a file and one by one."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from edge_vision.contracts.options import Options
from edge_vision.data.errors import ConfigError
from edge_vision.service.config import ConfigFileError

Table = dict[str, Any]

_KEY = re.compile(r"[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*")


def setting(text: str) -> Table:
    """The table that `key=value` means; a key may have dots, and what is no TOML value is a text.

    Raises ValueError where it is no such thing.
    """
    key, equals, value = text.partition("=")
    if not equals or not _KEY.fullmatch(key.strip()):
        raise ValueError(f"write key=value, such as epochs=40 or augmentation.flip=0.0, not {text!r}")
    try:
        found = tomllib.loads(f"value = {value}")
    except tomllib.TOMLDecodeError:
        found = {"value": value.strip()}
    if len(found) > 1:  # further lines with further keys
        raise ValueError(f"write one key=value for each --set, not {text!r}")
    *outer, last = key.strip().split(".")
    table: Table = {last: found["value"]}
    for name in reversed(outer):
        table = {name: table}
    return table


def parse_settings(options: type[Options], file: Path | None, single: Sequence[Table]) -> Options:
    """The options of a recipe: those of a TOML file, and then those given one by one.

    Of an option that is a table, such as augmentation, what is not given stays as the recipe has it.
    Raises ConfigError with the path of what is wrong.
    """
    table: Table = {} if file is None else _read(file)
    for each in single:
        table = _merged(table, each)
    try:
        return options.parse(_completed(options, table))
    except ConfigError as error:
        where = "--set" if file is None else f"{file}, --set" if single else str(file)
        raise ConfigFileError(f"{where}: {error}") from None


def _completed(options: type[Options], table: Table) -> Table:
    """A table whose inner tables hold what the recipe's defaults have there, where they leave it out."""
    return {
        key: _over(options.model_fields[key].default, value) if key in options.model_fields else value
        for key, value in table.items()
    }


def _over(default: Any, given: Any) -> Any:
    """What is given of an option, over a default that is a table of options itself."""
    if not isinstance(default, Options) or not isinstance(given, Mapping):
        return given
    names = type(default).model_fields
    over = {key: _over(getattr(default, key) if key in names else None, given[key]) for key in given}
    return {**default.model_dump(mode="json"), **over}


def _read(file: Path) -> Table:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigFileError(f"{file}: cannot be read: {error.strerror}") from None
    except ValueError as error:
        raise ConfigFileError(f"{file}: not TOML: {error}") from None


def _merged(one: Mapping[str, Any], other: Mapping[str, Any]) -> Table:
    """Two tables in one; where both have a key, the other's."""
    merged = dict(one)
    for key, value in other.items():
        before = merged.get(key)
        both = isinstance(before, Mapping) and isinstance(value, Mapping)
        merged[key] = _merged(before, value) if both else value  # type: ignore[arg-type]
    return merged


def flat(table: Mapping[str, Any], prefix: str = "") -> Table:
    """A table's values by their keys with dots."""
    found: Table = {}
    for key, value in table.items():
        if isinstance(value, Mapping):
            found |= flat(value, f"{prefix}{key}.")
        else:
            found[f"{prefix}{key}"] = list(value) if isinstance(value, tuple) else value
    return found
