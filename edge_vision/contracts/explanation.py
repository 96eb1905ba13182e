"""An explanation: what is wrong with a table of options, as one line that says what would be right."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any, NamedTuple, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from edge_vision.contracts.annotations import alternatives, inside, is_table, plain
from edge_vision.data.errors import ConfigError, suggestion

Location = tuple[int | str, ...]

LONGEST = 60
"""Characters of a wrong value that are shown."""


class _Mistake(NamedTuple):
    """One of pydantic's errors.

    path   where in the user's tables
    union  the path of the outermost value on the way that may be of several types, or None
    table  the options of the table that the path's last name is in, or None
    """

    error: ErrorDetails
    path: Location
    union: Location | None
    table: type[BaseModel] | None

    @property
    def is_about_type(self) -> bool:
        """True where the value is of another kind altogether."""
        kind = self.error["type"]
        return kind.endswith("_type") or kind == "literal_error"


def explain(error: ValidationError, options: type[BaseModel]) -> ConfigError:
    """The first mistake of a table as one line: path, what is wrong, and what would be right."""
    mistakes = [_located(each, options) for each in error.errors(include_url=False)]
    first = mistakes[0]
    if first.union is None:
        return ConfigError(_problem(first), path_text(first.path))
    return _explain_choice([each for each in mistakes if each.union == first.union])


def path_text(location: Location) -> str:
    """A place in nested tables, as in `stages[1].min_score`."""
    path = ""
    for part in location:
        if isinstance(part, int):
            path += f"[{part}]"
        else:
            path += f".{part}" if path else part
    return path


def _explain_choice(mistakes: Sequence[_Mistake]) -> ConfigError:
    """What is wrong with a value that may be of several types: of the type that it is meant to be.

    That is the one which went deepest into the value before it failed; where the value is of none of
    them, all are named.
    """
    best = max(mistakes, key=lambda each: (len(each.path), not each.is_about_type))
    same = [each for each in mistakes if each.path == best.path and each.is_about_type]
    if not best.is_about_type or len(same) < 2:
        return ConfigError(_problem(best), path_text(best.path))
    wanted = [_message(each.error).removeprefix("should be ") for each in same]
    shown = _shown(best.error["input"])
    return ConfigError(
        f"should be {' or '.join(dict.fromkeys(wanted))}, not {shown}", path_text(best.path)
    )


def _located(error: ErrorDetails, options: type[BaseModel]) -> _Mistake:
    """Find a mistake in the user's tables: pydantic's location also says which types were tried."""
    annotation: Any = options
    table: type[BaseModel] | None = None
    path: Location = ()
    union: Location | None = None
    for part in error["loc"]:
        choices = alternatives(annotation)
        if len(choices) > 1:
            union = path if union is None else union
            annotation = _tried(choices, str(part))
            continue
        kind = plain(choices[0])
        table = kind if is_table(kind) else None
        annotation = inside(kind, part)
        path = (*path, part)
    return _Mistake(error, path, union, table)


def _tried(choices: Sequence[Any], label: str) -> Any:
    """The choice that pydantic's label means, such as `bool` or `function-after[check(), Table]`."""
    for choice in choices:
        kind = plain(choice)
        name = getattr(get_origin(kind) or kind, "__name__", "")
        if label.startswith(name) or (is_table(kind) and re.search(rf"\b{name}\b", label)):
            return choice
    return None


def _problem(mistake: _Mistake) -> str:
    error = mistake.error
    kind, context = error["type"], error.get("ctx", {})
    if kind == "extra_forbidden":
        known = mistake.table.model_fields if mistake.table else ()
        return f"unknown option{suggestion(str(mistake.path[-1]), known)}"
    if kind == "missing":
        return "is missing"
    if kind in ("value_error", "assertion_error"):
        return " ".join(str(context.get("error", error["msg"])).split())
    if kind in ("too_long", "too_short"):
        bound, length = context.get("max_length"), context["actual_length"]
        allowed = f"at least {context['min_length']}" if bound is None else f"at most {bound}"
        return f"should have {allowed} items, not {length}"
    if kind == "json_invalid":  # we wrote the JSON ourselves, so only its depth can be wrong
        return "tables or arrays are nested too deeply"
    return f"{_message(error)}, not {_shown(error['input'])}"


def _message(error: ErrorDetails) -> str:
    """What pydantic says, with TOML's word for an object, beginning with `should`."""
    message = re.sub(r"^(Input|String) should", "should", error["msg"]).replace("an object", "a table")
    return f"{message[0].lower()}{message[1:]}"


def _shown(value: Any) -> str:
    """A value in short, without the user and password of a URL."""
    text = re.sub(r"://.*@", "://***@", json.dumps(value, default=str), flags=re.DOTALL)
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 3]}..."
