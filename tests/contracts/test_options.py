from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, time
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field, field_validator, model_validator

from edge_vision.contracts.options import ModelName, Options, StageNames, names_kind, option
from edge_vision.data.errors import ConfigError


class Tls(Options):
    """A table that may be a bool instead, with a rule of its own."""

    ca: str = option(..., "certificates", min_length=1)
    insecure: bool = option(False, "trust all")

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if self.insecure and self.ca == "strict":
            raise ValueError("strict and insecure\n exclude each other")
        return self


class Line(Options):
    """An entry of a list, and of a table of tables."""

    length: int = option(1, "how long", ge=0)
    style: Literal["solid", "dashed"] = option("solid", "how it looks")


class Everything(Options):
    """Every kind of option there is."""

    needed: str = option(text="needed", min_length=1)
    count: int = option(1, "count", ge=0, le=9, live=True)
    ratio: float = option(0.5, "ratio", unit="s", live=True)
    flag: bool = option(False, "flag", live=True)
    style: Literal["solid", "dashed"] = option("solid", "style", live=True)
    code: str = option("", "code", pattern="^a*$", max_length=80)
    corner: tuple[int, int] = option((0, 0), "corner")
    tags: tuple[str, ...] = option((), "tags", live=True, max_length=3, min_length=0)
    line: Line = option(Line(), "line")
    maybe: Line | None = option(None, "maybe")
    lines: tuple[Line, ...] = option((), "lines")
    named: dict[str, Line] = option({}, "named")
    tls: bool | Tls = option(False, "tls")
    size: Literal["full"] | float = option("full", "size", live=True)
    where: str | int | dict[str, Any] = option("", "where")
    choice: tuple[Annotated[str, Field(min_length=2)] | Line, ...] = option((), "choice")
    limit: Annotated[int, Field(ge=1)] | None = option(None, "limit", live=True)
    file: Path = option(Path("a"), "file")
    even: int = option(0, "even")

    @field_validator("even")
    @classmethod
    def _is_even(cls, even: int) -> int:
        if even % 2:
            raise ValueError("must be even")
        assert even != 42, "not that one"
        return even

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.count == 7 and self.flag:
            raise ValueError("7 and flag exclude each other")
        return self


def parse(**table: Any) -> Everything:
    return Everything.parse({"needed": "x", **table})


MISTAKES: dict[str, tuple[dict[str, Any], str]] = {
    "wrong type": ({"count": "3"}, 'count: should be a valid integer, not "3"'),
    "bool is no number": ({"count": True}, "count: should be a valid integer, not true"),
    "float is no integer": ({"count": 1.0}, "count: should be a valid integer, not 1.0"),
    "number is no bool": ({"flag": 1}, "flag: should be a valid boolean, not 1"),
    "too small": ({"count": -1}, "count: should be greater than or equal to 0, not -1"),
    "not finite": ({"ratio": float("nan")}, "ratio: should be a finite number, not NaN"),
    "infinite": ({"ratio": float("-inf")}, "ratio: should be a finite number, not -Infinity"),
    "literal": ({"style": "dotted"}, "style: should be 'solid' or 'dashed', not \"dotted\""),
    "pattern": ({"code": "b"}, "code: should match pattern '^a*$', not \"b\""),
    "too short": ({"needed": ""}, 'needed: should have at least 1 character, not ""'),
    "missing": ({"lines": [{}, {"length": 1}], "tls": {}}, "tls.ca: is missing"),
    "tuple too short": ({"corner": [1]}, "corner[1]: is missing"),
    "tuple too long": ({"corner": [1, 2, 3]}, "corner: should have at most 2 items, not 3"),
    "list too long": ({"tags": ["a"] * 4}, "tags: should have at most 3 items, not 4"),
    "no list": ({"tags": "abc"}, 'tags: should be a valid array, not "abc"'),
    "item of a tuple": ({"corner": [1, "2"]}, 'corner[1]: should be a valid integer, not "2"'),
    "no table": ({"line": 4}, "line: should be a table, not 4"),
    "nested": ({"line": {"style": 1}}, "line.style: should be 'solid' or 'dashed', not 1"),
    "nested unknown": ({"line": {"lenght": 1}}, "line.lenght: unknown option, did you mean length?"),
    "optional unknown": ({"maybe": {"lenght": 1}}, "maybe.lenght: unknown option, did you mean length?"),
    "list of tables": ({"lines": [{}, {"length": -1}]}, "lines[1].length: should be greater than"),
    "list of tables unknown": (
        {"lines": [{}, {"lengt": 1}]},
        "lines[1].lengt: unknown option, did you mean length?",
    ),
    "table of tables": (
        {"named": {"a": {"zzz": 1}}},
        "named.a.zzz: unknown option; known: length, style",
    ),
    "unknown": ({"cuont": 1}, "cuont: unknown option, did you mean count?"),
    "rule of a field": ({"even": 3}, "even: must be even"),
    "assertion of a field": ({"even": 42}, "even: not that one"),
    "rule of the table": ({"count": 7, "flag": True}, "7 and flag exclude each other"),
    "bool or table": ({"tls": 3}, "tls: should be a valid boolean or a table, not 3"),
    "in the alternative table": ({"tls": {"ca": 1}}, "tls.ca: should be a valid string, not 1"),
    "unknown in the alternative table": (
        {"tls": {"ca": "x", "insecur": True}},
        "tls.insecur: unknown option, did you mean insecure?",
    ),
    "rule of the alternative table": (
        {"tls": {"ca": "strict", "insecure": True}},
        "tls: strict and insecure exclude each other",
    ),
    "literal or number": ({"size": "ful"}, "size: should be 'full' or a valid number, not \"ful\""),
    "three alternatives": (
        {"where": [1]},
        "where: should be a valid string or a valid integer or a table, not [1]",
    ),
    "alternatives in a list": (
        {"choice": ["ab", 1]},
        "choice[1]: should be a valid string or a table, not 1",
    ),
    "the alternative that was meant": (
        {"choice": ["ab", "c"]},
        'choice[1]: should have at least 2 characters, not "c"',
    ),
    "inside an alternative of a list": (
        {"choice": [{"lengt": 1}]},
        "choice[0].lengt: unknown option, did you mean length?",
    ),
    "bounds of an optional": ({"limit": 0}, "limit: should be greater than or equal to 1, not 0"),
    "path": ({"file": 3}, "file: should be a valid string, not 3"),
}


@pytest.mark.parametrize(("table", "said"), MISTAKES.values(), ids=MISTAKES.keys())
def test_a_mistake_is_one_line_with_its_path(table: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse(**table)
    text = str(caught.value)
    assert text.startswith(said)
    assert "\n" not in text
    assert "pydantic" not in text


def test_an_option_declared_without_a_default_is_required() -> None:
    with pytest.raises(ConfigError, match=r"^needed: is missing$"):
        Everything.parse({})


def test_the_path_is_told_beside_the_problem() -> None:
    with pytest.raises(ConfigError) as caught:
        parse(lines=[{"length": "x"}])
    assert caught.value.path == "lines[0].length"
    assert caught.value.problem == 'should be a valid integer, not "x"'


def test_a_long_value_is_cut() -> None:
    with pytest.raises(ConfigError) as caught:
        parse(count="x" * 500)
    assert str(caught.value).endswith("xxx...")
    assert len(str(caught.value)) < 110


@pytest.mark.parametrize(
    "value",
    [
        "rtsp://user:hunter2@camera/stream",
        "x" * 40 + " rtsp://user:hunter2@camera",
        "rtsp://user:hun/ter2@camera",
        "rtsp://user:hun@ter2@camera/a@b",
        'rtsp://user:hun"ter2@camera',
        "rtsp://user:hun ter2@camera",
        ["rtsp://user:hunter2@one", "rtsp://user:hunter2@two"],
        {"url": "rtsp://user:hunter2@camera"},
    ],
    ids=str,
)
def test_a_password_in_a_url_is_never_shown(value: Any) -> None:
    with pytest.raises(ConfigError) as caught:
        parse(count=value)
    assert "hun" not in str(caught.value)
    assert "ter2" not in str(caught.value)
    assert "user" not in str(caught.value)


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ({"count": date(2026, 1, 1)}, "count: a date has no use here; write a text or a number"),
        ({"lines": [{}, {"length": time(1)}]}, "lines[1].length: a time has no use here"),
        ({"named": {"a": {"b": datetime(2026, 1, 1)}}}, "named.a.b: a datetime has no use here"),
        ({"corner": (1, np.int64(2))}, "corner[1]: a int64 has no use here"),
        ({"tags": {"a"}}, "tags: a set has no use here"),
    ],
)
def test_values_that_tables_cannot_hold_are_told_by_their_place(
    table: dict[str, Any], said: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        parse(**table)
    assert str(caught.value).startswith(said)


def test_arrays_nested_without_end_are_one_line() -> None:
    deep: list[Any] = []
    for _ in range(300):
        deep = [deep]
    with pytest.raises(ConfigError, match=r"^tables or arrays are nested too deeply$"):
        parse(where=deep)


def test_a_whole_number_is_taken_for_a_float_and_an_array_for_a_tuple() -> None:
    made = parse(ratio=2, corner=[3, 4], lines=[{"length": 2}], file="b/c", tls=True)
    assert (made.ratio, made.corner, made.lines[0].length) == (2.0, (3, 4), 2)
    assert type(made.ratio) is float
    assert made.file == Path("b/c")
    assert made.tls is True
    table = parse(tls={"ca": "x"}).tls
    assert isinstance(table, Tls)


def test_options_are_frozen() -> None:
    with pytest.raises(ValueError, match="frozen"):
        parse().count = 2


def test_live_options_are_those_declared_so_in_order() -> None:
    assert Everything.live() == ("count", "ratio", "flag", "style", "tags", "size", "limit")
    assert Options.live() == ()


@pytest.mark.parametrize(
    ("key", "value", "wanted"),
    [
        ("count", 9, 9),
        ("ratio", 2, 2.0),
        ("flag", True, True),
        ("style", "dashed", "dashed"),
        ("tags", ["a", "b"], ("a", "b")),
        ("size", 3, 3.0),
        ("size", "full", "full"),
        ("limit", 5, 5),
        ("limit", None, None),
    ],
)
def test_a_live_option_changes_and_nothing_else_does(key: str, value: Any, wanted: Any) -> None:
    before = parse(corner=[3, 4], maybe={"length": 3}, tls={"ca": "x"}, named={"a": {}}, file="b/c")
    after = before.changed(key, value)
    assert getattr(after, key) == wanted
    assert type(getattr(after, key)) is type(wanted)
    default = Everything.model_fields[key].default
    assert getattr(before, key) == default
    assert after.changed(key, list(default) if isinstance(default, tuple) else default) == before
    assert after.model_copy(update={key: default}) == before


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("count", 10, "count: should be less than or equal to 9, not 10"),
        ("count", "1", 'count: should be a valid integer, not "1"'),
        ("ratio", float("nan"), "ratio: should be a finite number"),
        ("flag", 1, "flag: should be a valid boolean"),
        ("corner", [1, 1], "corner: not an option that can be changed while running"),
        ("cuont", 1, "cuont: not an option that can be changed while running, did you mean count?"),
        ("file", "/etc/passwd", "file: not an option that can be changed while running"),
    ],
)
def test_a_change_that_is_not_allowed_is_refused(key: str, value: Any, said: str) -> None:
    before = parse()
    with pytest.raises(ConfigError) as caught:
        before.changed(key, value)
    assert str(caught.value).startswith(said)
    assert before == parse()


def test_a_change_is_checked_against_the_rest_of_the_table() -> None:
    with pytest.raises(ConfigError, match=r"^7 and flag exclude each other$"):
        parse(flag=True).changed("count", 7)


@given(st.integers(0, 9), st.floats(allow_nan=False, allow_infinity=False), st.booleans())
def test_changes_one_after_the_other_are_what_the_table_would_have_been(
    count: int, ratio: float, flag: bool
) -> None:
    if count == 7:
        flag = False
    changed = parse().changed("count", count).changed("ratio", ratio).changed("flag", flag)
    assert changed == parse(count=count, ratio=ratio, flag=flag)


def unlive(default: Any) -> Any:
    return option(default, "plain")


def live_with_unit(default: Any) -> Any:
    return option(default, "with more", unit="px", live=True)


@pytest.mark.parametrize("declare", [unlive, live_with_unit])
def test_what_an_option_names_is_known_however_it_is_declared(declare: Callable[[Any], Any]) -> None:
    class Naming(Options):
        model: ModelName = declare(...)
        second: ModelName | None = declare(None)
        bounded: ModelName = option("ab", "at least two", min_length=2)
        stages: StageNames = declare(())
        more: StageNames | None = declare(None)
        text: str = declare("")
        optional: str | None = declare(None)
        either: int | str = declare(1)

    kinds = {name: names_kind(info) for name, info in Naming.model_fields.items()}
    assert kinds == {
        "model": "model",
        "second": "model",
        "bounded": "model",
        "stages": "stages",
        "more": "stages",
        "text": None,
        "optional": None,
        "either": None,
    }
    assert Naming.parse({"model": "people", "stages": ["a"]}).stages == ("a",)


def test_the_manual_gets_text_unit_and_bounds() -> None:
    schema = Everything.model_json_schema()["properties"]
    assert schema["ratio"]["description"] == "ratio"
    assert schema["ratio"]["unit"] == "s"
    assert schema["ratio"]["live"] is True
    assert (schema["count"]["minimum"], schema["count"]["maximum"]) == (0, 9)
    assert "live" not in schema["corner"]
