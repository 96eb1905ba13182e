"""Options: what a user may write beside `uses`, declared beside the class it configures."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import to_jsonable_python

from edge_vision.contracts.annotations import alternatives, marks
from edge_vision.contracts.explanation import explain, path_text
from edge_vision.data.errors import ConfigError, suggestion


@dataclass(frozen=True, slots=True)
class Names:
    """Marks an option that names something else of the configuration: a "model", or "stages"."""

    kind: Literal["model", "stages"]


ModelName = Annotated[str, Names("model")]
"""An option that names a model of the configuration's [models]."""

StageNames = Annotated[tuple[str, ...], Names("stages")]
"""An option that lists earlier stages of the same camera by their names."""


class Options(BaseModel):
    """The base of every class of options: strict, frozen, and it answers with the path and a hint.

    A field's type, bounds and default are checked as declared; an unknown key is an error.
    """

    model_config = ConfigDict(
        extra="forbid", frozen=True, strict=True, allow_inf_nan=False, validate_default=False
    )

    @classmethod
    def parse(cls, table: Mapping[str, Any]) -> Self:
        """Read a table of the configuration; raises ConfigError with the path of what is wrong."""
        if odd := _odd_value(table):
            kind, path = odd
            raise ConfigError(f"a {kind} has no use here; write a text or a number", path_text(path))
        try:
            return cls.model_validate_json(json.dumps(table))
        except ValidationError as error:
            raise explain(error, cls) from None

    def changed(self, key: str, value: Any) -> Self:
        """A copy with one live option changed; raises ConfigError where that is not allowed."""
        live = self.live()
        if key not in live:
            raise ConfigError(
                f"not an option that can be changed while running{suggestion(key, live)}", key
            )
        return self.parse({**self.model_dump(mode="json", exclude_unset=True), key: value})

    @classmethod
    def completed(cls, table: Mapping[str, Any]) -> dict[str, Any]:
        """A dumped table with the defaults of options that did not exist yet when it was written."""
        return _completed(table, cls.model_construct())

    @classmethod
    def live(cls) -> tuple[str, ...]:
        """The names of the options that may be changed while running."""
        return tuple(name for name, info in cls.model_fields.items() if _extra(info).get("live"))


def option(
    default: Any = ..., text: str = "", *, unit: str = "", live: bool = False, **bounds: Any
) -> Any:
    """Declare one option: its default (left out: required), what it does, its unit and its bounds.

    text    one sentence for the manual
    unit    such as "px", "degrees", "s"; empty for none
    live    True where it may be changed over MQTT while running
    bounds  as for pydantic's Field: ge, gt, le, lt, min_length, max_length, pattern
    """
    extra: dict[str, Any] = {}
    if unit:
        extra["unit"] = unit
    if live:
        extra["live"] = True
    if extra:  # an explicit None would erase what ModelName and StageNames carry
        bounds["json_schema_extra"] = extra
    return Field(default, description=text or None, **bounds)


def _completed(table: Mapping[str, Any], usual: BaseModel) -> dict[str, Any]:
    found = dict(table)
    for name in type(usual).model_fields:
        value = getattr(usual, name, None)
        if name not in table and value is not None:
            found[name] = to_jsonable_python(value, exclude_none=True)
        elif isinstance(value, BaseModel) and isinstance(table.get(name), Mapping):
            found[name] = _completed(table[name], value)
    return found


def names_kind(info: FieldInfo) -> str | None:
    """What an option, or one that may be None, names: "model", "stages", or None."""
    found = [mark for mark in info.metadata if isinstance(mark, Names)]
    for alternative in alternatives(info.annotation):
        found += [mark for mark in marks(alternative) if isinstance(mark, Names)]
    return found[0].kind if found else None


def _extra(info: FieldInfo) -> dict[str, Any]:
    extra = info.json_schema_extra
    return extra if isinstance(extra, dict) else {}


def _odd_value(value: Any) -> tuple[str, tuple[int | str, ...]] | None:
    """The kind, and the place in nested tables, of a value that nothing here can use, such as a date."""
    items: Iterable[tuple[int | str, Any]]
    if isinstance(value, Mapping):
        items = value.items()
    elif isinstance(value, list | tuple):
        items = enumerate(value)
    elif isinstance(value, str):
        return ("text with a NUL character", ()) if "\0" in value else None
    elif isinstance(value, int):
        return ("number beyond 64 bits", ()) if abs(value) >> 63 else None
    elif value is None or isinstance(value, float):
        return None
    else:
        return type(value).__name__, ()
    for key, inner in items:
        if found := _odd_value(inner):
            kind, below = found
            return kind, (key, *below)
    return None
