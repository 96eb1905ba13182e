"""Where in a TOML text a path such as cameras.porch.stages[1].min_score is written.

The standard library's parser keeps no positions. This finds them for the ways people write such
files (tables, arrays of tables, inline tables); where it cannot, it says None, never a guess.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

STRING_OR_COMMENT = re.compile(
    r'"""(?:\\.|[^\\])*?"""|\'\'\'.*?\'\'\'|"(?:\\.|[^"\\\n])*"|\'[^\'\n]*\'|#[^\n]*', re.DOTALL
)
HEADER = re.compile(r"^[ \t]*(\[\[?)[ \t]*([^\[\]\n]+?)[ \t]*\]\]?[ \t]*$", re.MULTILINE)
PART = re.compile(r"([^.\[\]]+)|\[(\d+)\]")


def line_of(text: str, path: str) -> int | None:
    """The line, from 1, on which the last part of a path is written, or None."""
    bare = STRING_OR_COMMENT.sub(_blank, text)
    parts: list[str | int] = [int(n) if n else key for key, n in PART.findall(path)]
    found = _find(bare, parts)
    return None if found is None else text.count("\n", 0, found) + 1


def _blank(match: re.Match[str]) -> str:
    """The same length of text without brackets or quotes, so that positions stay; keys are kept."""
    token = match.group()
    if token.startswith("#") or "\n" in token:
        return re.sub(r"[^\n]", " ", token)
    return f" {re.sub(r'[^A-Za-z0-9_-]', ' ', token[1:-1])} "


def _find(text: str, parts: list[str | int]) -> int | None:
    for start, end, depth in _tables(text, parts):
        position: int | None = start
        span = (start, end)
        for part in parts[depth:]:
            where = _item(text, span, part) if isinstance(part, int) else _key(text, span, part)
            if where is None:
                position = None
                break
            position, span = where[0], where
        if position is not None:
            return position
    return None


def _tables(text: str, parts: list[str | int]) -> Iterator[tuple[int, int, int]]:
    """Spans of the tables whose header is a prefix of the path, the longest first; then the top."""
    headers = list(HEADER.finditer(text))
    ends = [*(header.start() for header in headers[1:]), len(text)][: len(headers)]
    seen: dict[str, int] = {}
    spans: list[tuple[int, int, int]] = []
    for header, end in zip(headers, ends, strict=True):
        name = re.sub(r"\s+", "", header.group(2))
        prefix: list[str | int] = list(name.split("."))
        if header.group(1) == "[[":
            prefix.append(seen.setdefault(name, 0))
            seen[name] += 1
        if parts[: len(prefix)] == prefix:
            at = header.start(2) if len(prefix) == len(parts) else header.end()
            spans.append((at, end, len(prefix)))
    top = headers[0].start() if headers else len(text)
    yield from sorted(spans, key=lambda span: -span[2])
    yield 0, top, 0


def _key(text: str, span: tuple[int, int], key: str) -> tuple[int, int] | None:
    """The span from a key of a table to the end of its value."""
    pattern = re.compile(rf"(?<![\w.-]){re.escape(key)}(?![\w-])[ \t]*(?==|\.)")
    for match in pattern.finditer(text, *span):
        if _depth(text, span[0], match.start()) in (0, 1):
            return match.start(), span[1]
    return None


def _item(text: str, span: tuple[int, int], index: int) -> tuple[int, int] | None:
    """The span of one item of the array that begins first in a span."""
    opening = text.find("[", *span)
    if opening < 0:
        return None
    depth, count, start = 0, 0, opening + 1
    for position in range(opening, span[1]):
        mark = text[position]
        if mark in "[{":
            depth += 1
        elif mark in "]}":
            depth -= 1
        if (depth == 1 and mark == ",") or depth == 0:
            if count == index:
                return _trimmed(text, start, position)
            count, start = count + 1, position + 1
        if depth == 0:
            return None
    return None


def _trimmed(text: str, start: int, end: int) -> tuple[int, int] | None:
    inside = text[start:end]
    lead = len(inside) - len(inside.lstrip())
    return (start + lead, end) if inside.strip() else None


def _depth(text: str, start: int, end: int) -> int:
    inside = text[start:end]
    return sum(inside.count(mark) for mark in "[{") - sum(inside.count(mark) for mark in "]}")
