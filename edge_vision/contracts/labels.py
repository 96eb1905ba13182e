"""Labels: the names of a model's classes, from a file beside it or packed in it."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

from edge_vision.contracts.packed import packed_files, read_packed
from edge_vision.contracts.regular_file import read_regular
from edge_vision.data.errors import ConfigError, ModelError

TEXT_LIMIT = 1 << 20
"""Files of labels and bundle.toml are read up to this many bytes."""

EXPORTER_NOTES = ("metadata.json", "temp_meta.txt", "meta.txt")
"""Names of the file that Ultralytics' exporters pack: newer ones, older ones, those of YOLOv5."""

NOTES_LIMIT = 1 << 18
"""An exporter's notes are read up to this many bytes."""

_NUMBERED = re.compile(r"(\d+)[\s:]+(\S.*)")
_PACKED_LABELS = ("labels.txt", "labelmap.txt")
_CLASS_NUMBER = re.compile(r"\d{1,6}")
_PLAIN_VALUES = re.compile(
    r"""(?:\s|[\[\]{}(),:]|[-+]?\d+(?:\.\d*)?(?:[eE][-+]?\d+)?\b|(?:None|True|False)\b"""
    r"""|'(?:[^'\\\n]|\\[\\'"nrtxuU])*'|"(?:[^"\\\n]|\\[\\'"nrtxuU])*")*""",
    re.ASCII,
)


def read_labels(path: Path) -> tuple[str, ...]:
    """The labels in a file; raises ConfigError at `labels` where it cannot be used."""
    try:
        data = read_regular(path, TEXT_LIMIT + 1)
    except OSError as error:
        raise ConfigError(f"{path}: {reason(error)}", "labels") from None
    try:
        return parse_labels(data)
    except ValueError as error:
        raise ConfigError(f"{path}: {error}", "labels") from None


def packed_labels(file: Path) -> tuple[str, ...]:
    """The labels packed in a .tflite file, which TFLite's metadata appends to it as a ZIP archive.

    Empty where none is packed; raises ModelError where one is and cannot be read.
    """
    try:
        return find_labels(file)
    except OSError as error:
        raise ModelError(f"{file}: {reason(error)}") from None
    except ValueError as error:
        raise ModelError(f"{file}: the labels packed in it cannot be read ({error})") from None


def find_labels(source: Path | bytes, named: Sequence[str] = ()) -> tuple[str, ...]:
    """The labels packed in a .tflite file, empty where there are none.

    source  the file, or its content
    named   names of the packed files that the metadata says hold the labels, which go first

    Then labels.txt goes first, then labelmap.txt, then the first other name that holds "label", then
    the notes of an exporter. Raises ValueError where what holds the labels cannot be read.
    """
    names = packed_files(source)
    chosen = [name for name in named if name in names and name not in EXPORTER_NOTES]
    chosen += label_files(names)
    if chosen:
        return parse_labels(read_packed(source, chosen[0], TEXT_LIMIT))
    return labels_of_notes(exporter_notes(source))


def label_files(names: Iterable[str]) -> tuple[str, ...]:
    """Those of the packed files whose names say that they hold labels, the one to be read first."""
    return tuple(sorted(filter(_is_label_file, names), key=_preference))


def exporter_notes(source: Path | bytes) -> Mapping[str, Any]:
    """What an exporter of YOLO models packed of its model: names, task, stride, ...; empty without.

    Ultralytics' exporter packs one file, a dictionary as Python prints it or as JSON. What is neither is
    passed over; raises ValueError where the archive cannot be read.
    """
    for name in packed_files(source):
        if name in EXPORTER_NOTES:
            text = read_packed(source, name, NOTES_LIMIT).decode("utf-8", errors="replace")
            notes = _dictionary(text) if len(text) <= NOTES_LIMIT else None
            if isinstance(notes, dict):
                return {key: value for key, value in notes.items() if isinstance(key, str)}
    return {}


def labels_of_notes(notes: Mapping[str, Any]) -> tuple[str, ...]:
    """The labels under `names`: a list, or a dictionary by class number whose gaps become numbers."""
    names = notes.get("names")
    if isinstance(names, list | tuple):
        names = dict(enumerate(names))
    if not isinstance(names, dict):
        return ()
    rows = {int(key): str(name) for key, name in names.items() if _CLASS_NUMBER.fullmatch(str(key))}
    if not rows or len(rows) != len(names) or max(rows) + 1 > 2 * len(rows):
        return ()
    return tuple(rows.get(number, str(number)) for number in range(max(rows) + 1))


def parse_labels(data: bytes) -> tuple[str, ...]:
    """Labels from the text of a file, UTF-8, one a line, up to the first empty line.

    What follows an empty line is taken for remarks. Lines of the form "0  person" give each label its
    class; then they run upwards from 0, and a class left out is called by its number. Raises ValueError
    where there are no labels.
    """
    if len(data) > TEXT_LIMIT:
        raise ValueError(f"larger than {TEXT_LIMIT} bytes, so not a file of labels")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"not UTF-8 (byte {error.start}); save it as UTF-8") from None
    lines: list[str] = []
    for line in text.strip().split("\n"):
        if not line.strip():
            break
        lines.append(line.strip())
    if not lines:
        raise ValueError("holds no labels; write one a line")
    return _numbered(lines) or tuple(lines)


def _numbered(lines: list[str]) -> tuple[str, ...]:
    """The labels of numbered lines, empty where the lines are not numbered.

    So that labels such as "1 cent" or "90 degrees" are left alone, the numbers have to start at 0,
    run upwards, and name at least half of the classes.
    """
    matches = [_NUMBERED.fullmatch(line) for line in lines]
    rows = [(int(match[1]), match[2]) for match in matches if match is not None]
    if len(rows) != len(lines) or rows[0][0] != 0 or rows[-1][0] + 1 > 2 * len(rows):
        return ()
    if any(later[0] <= earlier[0] for earlier, later in pairwise(rows)):
        return ()
    named = dict(rows)
    return tuple(named.get(number, str(number)) for number in range(rows[-1][0] + 1))


def _dictionary(text: str) -> object:
    """What a text of JSON, or of Python's plain values, says; None where it is neither.

    Only a text made of plain values is given to Python's parser, which warns of odd ones.
    """
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        pass
    try:
        return ast.literal_eval(text) if _PLAIN_VALUES.fullmatch(text) else None
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return None


def _is_label_file(name: str) -> bool:
    base = name.rpartition("/")[2].lower()
    return "label" in base and base.endswith(".txt")


def _preference(name: str) -> tuple[int, str]:
    base = name.rpartition("/")[2].lower()
    rank = _PACKED_LABELS.index(base) if base in _PACKED_LABELS else len(_PACKED_LABELS)
    return rank, name


def reason(error: OSError) -> str:
    """Why a file cannot be read, in a few words."""
    return "no such file" if isinstance(error, FileNotFoundError) else (error.strerror or str(error))
