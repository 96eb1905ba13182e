"""Checking a FlatBuffer: every table, array and text that its schema knows of lies inside of it.

A FlatBuffer is tables that point to each other by offsets, which readers follow without asking whether
they lead out of it ("FlatBuffer Internals" in the documentation of FlatBuffers). What passes here does
not, so a file that is cut short or damaged is told before it can crash anything.

The layout of a table is given as the numbers of its fields, from 0 in the order of the schema, and what
each points to: "Name" a table, "[Name]" an array of tables, "text", "[text]", "*4" an array of items of
so many bytes, "?Name" a union whose type is the field before it. Plain numbers lie inside their table
and are not listed.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from typing import TypeAlias

from edge_vision.data.errors import ModelError

Layouts: TypeAlias = Mapping[str, Mapping[int, str]]
"""By a table's name, what each of its fields points to."""

Unions: TypeAlias = Mapping[str, Mapping[int, str]]
"""By a union's name, the table of each of its types; a type left out is a table of plain numbers."""

MOST_TABLES = 1_000_000
"""So many tables and texts may be met, as many as the verifier of the FlatBuffers library allows."""

_U16, _U32, _I32 = struct.Struct("<H"), struct.Struct("<I"), struct.Struct("<i")


class TableChecker:
    """Follows all that a FlatBuffer's tables point to; what leads outside raises ModelError."""

    def __init__(self, content: bytes, layouts: Layouts, unions: Unions) -> None:
        self._content = content
        self._layouts = layouts
        self._unions = unions
        self._left = MOST_TABLES
        self._field_places: dict[int, tuple[int, ...]] = {}

    def check(self, root: str) -> None:
        """Follow everything from the root, a table of this name."""
        self._follow(root, 0, root)

    def _follow(self, points_to: str, pointer: int, seen_in: str) -> None:
        self._left -= 1
        if self._left < 0:
            raise ModelError(f"is damaged: more than {MOST_TABLES} tables are met in it")
        place = pointer + self._number(_U32, pointer, seen_in)
        if points_to == "text":
            self._text(place, seen_in)
        elif points_to.startswith("*"):
            self._array(place, int(points_to[1:]), seen_in)
        elif points_to.startswith("["):
            for index in range(self._array(place, 4, seen_in)):
                self._follow(points_to[1:-1], place + 4 + 4 * index, seen_in)
        else:
            self._table(points_to, place)

    def _table(self, name: str, place: int) -> None:
        fields = self._fields(name, place)
        for number, points_to in self._layouts.get(name, {}).items():
            if number >= len(fields) or not fields[number]:
                continue
            target = points_to
            if points_to.startswith("?"):
                kind = self._content[place + fields[number - 1]] if fields[number - 1] else 0
                if not kind:
                    continue
                target = self._unions[points_to[1:]].get(kind, "")
            self._follow(target, place + fields[number], name)

    def _fields(self, name: str, place: int) -> tuple[int, ...]:
        """Where the fields of a table lie, from its beginning; 0 for those left out."""
        start = place - self._number(_I32, place, name)
        if start not in self._field_places:
            length = self._number(_U16, start, name)
            if length < 4 or length % 2 or start + length > len(self._content):
                raise self._damage(name, place)
            self._field_places[start] = struct.unpack_from(f"<{length // 2}H", self._content, start)
        _, size, *fields = self._field_places[start]
        if place + size > len(self._content) or any(field and not 4 <= field < size for field in fields):
            raise self._damage(name, place)
        return tuple(fields)

    def _array(self, place: int, item: int, seen_in: str) -> int:
        """The number of items of an array that lies inside."""
        count = self._number(_U32, place, seen_in)
        if place + 4 + count * item > len(self._content):
            raise self._damage(seen_in, place)
        return count

    def _text(self, place: int, seen_in: str) -> None:
        end = place + 4 + self._array(place, 1, seen_in)
        if self._content[end : end + 1] != b"\0":
            raise self._damage(seen_in, place)

    def _number(self, form: struct.Struct, place: int, seen_in: str) -> int:
        if not 0 <= place <= len(self._content) - form.size:
            raise self._damage(seen_in, place)
        number: int = form.unpack_from(self._content, place)[0]
        return number

    def _damage(self, seen_in: str, place: int) -> ModelError:
        return ModelError(
            f"is damaged or cut short (its {seen_in or 'options'} at byte {place} does not fit in "
            f"{len(self._content)} bytes); copy it again"
        )
