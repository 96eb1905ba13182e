"""Labels: the names of a model's classes, from a file beside it or packed in it."""

from __future__ import annotations

import re
import zipfile
from itertools import pairwise
from pathlib import Path

from edge_vision.data.errors import ConfigError, ModelError

TEXT_LIMIT = 1 << 20
"""Files of labels and bundle.toml are read up to this many bytes."""

_NUMBERED = re.compile(r"(\d+)[\s:]+(\S.*)")
_PACKED_LABELS = ("labels.txt", "labelmap.txt")


def read_labels(path: Path) -> tuple[str, ...]:
    """The labels in a file; raises ConfigError at `labels` where it cannot be used."""
    try:
        with path.open("rb") as file:
            data = file.read(TEXT_LIMIT + 1)
    except OSError as error:
        raise ConfigError(f"{path}: {reason(error)}", "labels") from None
    try:
        return parse_labels(data)
    except ValueError as error:
        raise ConfigError(f"{path}: {error}", "labels") from None


def packed_labels(file: Path) -> tuple[str, ...]:
    """The labels packed in a .tflite file, which TFLite's metadata appends to it as a ZIP archive.

    labels.txt goes first, then labelmap.txt, then the first other name that holds "label". Empty
    where none is packed; raises ModelError where one is and cannot be read.
    """
    if not zipfile.is_zipfile(file):
        return ()
    try:
        with zipfile.ZipFile(file) as archive:
            found = [info for info in archive.infolist() if _is_label_file(info.filename)]
            if not found:
                return ()
            best = min(found, key=lambda info: _preference(info.filename))
            with archive.open(best) as member:
                return parse_labels(member.read(TEXT_LIMIT + 1))
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, ValueError, OSError) as error:
        raise ModelError(f"{file}: the labels packed in it cannot be read ({error})") from None


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
