"""Digests in a bundle.toml, written into the text of its maker, which else stays as it is."""

from __future__ import annotations

import hashlib
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from edge_vision.contracts.bundle_table import MODEL_FILE

_EMPTY = re.compile(r"""\bsha256(["']?\s*=\s*)(?:""|'')""")
_FILE = re.compile(r"""\bfile["']?\s*=\s*(?:"[^"\n]*"|'[^'\n]*')""")
_SAYS = re.compile(r"^(?!\s*(?:#|$))", re.MULTILINE)
"""The beginning of a line that says something."""


def write_digests(folder: Path) -> tuple[str, ...]:
    """Add the digests of model files that a folder's bundle.toml, which is right, does not state.

    Gives the names of the files whose digest found no place in the text.
    """
    path = folder / "bundle.toml"
    text = path.read_bytes().decode("utf-8")
    missing = []
    for number in range(-1, len(tomllib.loads(text).get("variants", ()))):
        wanted = tomllib.loads(text)
        row = wanted if number < 0 else wanted["variants"][number]
        file = MODEL_FILE if number < 0 else row["file"]
        if row.get("sha256"):
            continue
        row["sha256"] = hashlib.sha256((folder / file).read_bytes()).hexdigest()
        found = next((each for each in _with(text, row["sha256"]) if _says(each, wanted)), None)
        if found is None:
            missing.append(file)
        else:
            text = found
    path.write_bytes(text.encode("utf-8"))
    return tuple(missing)


def _with(text: str, digest: str) -> Iterator[str]:
    """The text with the digest at each place where it may belong; reading it tells which is right.

    So nothing has to be known of how tables, inline tables and comments are laid out.
    """
    line = f'sha256 = "{digest}"'
    end = "\r\n" if "\r\n" in text else "\n"
    for place in _EMPTY.finditer(text):
        yield f'{text[: place.start()]}sha256{place[1]}"{digest}"{text[place.end() :]}'
    if first := _SAYS.search(text):
        yield f"{text[: first.start()]}{line}{end}{text[first.start() :]}"
    else:
        yield f"{text}{end}{line}{end}"
    for place in _FILE.finditer(text):
        for gap in (end, ", "):  # in a table of its own, and in an inline one
            yield f"{text[: place.end()]}{gap}{line}{text[place.end() :]}"


def _says(text: str, wanted: dict[str, Any]) -> bool:
    try:
        return tomllib.loads(text) == wanted
    except tomllib.TOMLDecodeError:
        return False
