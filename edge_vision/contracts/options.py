"""Options: what a user may write beside `uses`, declared beside the class it configures."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, time
from typing import Annotated, Any, Literal, Self, get_args, get_origin

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.fields import FieldInfo

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
        try:
            return cls.model_validate_json(json.dumps(table))
        except TypeError:
            path = _path(_odd_value(table))
            raise ConfigError("a date or time has no use here; write a text or a number", path) from None
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


def names_kind(info: FieldInfo) -> str | None:
    """What an option names: "model", "stages", or None."""
    return next((mark.kind for mark in info.metadata if isinstance(mark, Names)), None)


def explain(error: ValidationError, options: type[BaseModel]) -> ConfigError:
    """The first mistake of a table as one line: path, what is wrong, and what would be right."""
    first = error.errors(include_url=False)[0]
    path = _path(first["loc"])
    kind, context = first["type"], first.get("ctx", {})
    if kind == "extra_forbidden":
        problem = (
            f"unknown option{suggestion(str(first['loc'][-1]), _known(options, first['loc'][:-1]))}"
        )
    elif kind == "missing":
        problem = "is missing"
    elif kind == "value_error":
        problem = str(context.get("error", first["msg"]))
    else:
        message = str(first["msg"]).replace("Input should", "should")
        problem = f"{message[0].lower()}{message[1:]}, not {_shown(first['input'])}"
    return ConfigError(problem, path)


def _extra(info: FieldInfo) -> dict[str, Any]:
    extra = info.json_schema_extra
    return extra if isinstance(extra, dict) else {}


def _odd_value(value: Any) -> tuple[int | str, ...]:
    """Where, in tables read from TOML, a value lies that JSON does not know: a date or a time."""
    items: Iterable[tuple[int | str, Any]]
    if isinstance(value, Mapping):
        items = value.items()
    elif isinstance(value, list):
        items = enumerate(value)
    else:
        return ()
    for key, inner in items:
        if isinstance(inner, date | time):
            return (key,)
        if below := _odd_value(inner):
            return (key, *below)
    return ()


def _path(location: tuple[int | str, ...]) -> str:
    path = ""
    for part in location:
        if isinstance(part, int):
            path += f"[{part}]"
        else:
            path += f".{part}" if path else part
    return path


def _known(options: type[BaseModel], location: tuple[int | str, ...]) -> list[str]:
    """The names allowed in the (possibly nested) table at a location."""
    annotation: Any = options
    for part in location:
        table = _table(annotation)
        if isinstance(part, str) and table is not None:
            info = table.model_fields.get(part)
            annotation = None if info is None else info.annotation
        else:  # an item of an array, or an entry of a table of tables
            annotation = next(iter(get_args(annotation)[-1:]), None)
    found = _table(annotation)
    return [] if found is None else list(found.model_fields)


def _table(annotation: Any) -> type[BaseModel] | None:
    """The class of options that an annotation is, or may be."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    if get_origin(annotation) in (dict, tuple, list):
        return None
    return next((table for inner in get_args(annotation) if (table := _table(inner))), None)


def _shown(value: Any) -> str:
    text = json.dumps(value, default=str)
    return text if len(text) <= 60 else f"{text[:57]}..."
