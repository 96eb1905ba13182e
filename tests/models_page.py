"""The tables of the manual that follow from the code, and how they are found and put in there.

A table stands between `<!-- name -->` and `<!-- end -->`. `python tests/model_table.py` writes all.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from edge_vision.adapters.catalogue import LAYOUTS
from edge_vision.contracts.annotations import alternatives, inside, is_table
from edge_vision.contracts.bundle_table import BundleTable, read_made, read_table
from edge_vision.service.models.library import Library, Volume
from edge_vision.training.recipes.classify import ClassifyOptions
from edge_vision.training.recipes.detect import DetectOptions
from edge_vision.training.recipes.segment import SegmentOptions
from edge_vision.training.report.table import figure

HOUSE = Path(__file__).resolve().parents[1]
PAGES = tuple(HOUSE / place / "README.md" for place in ("models", "edge_vision/training"))
"""Where tables are; each has a name of its own."""


def section(name: str) -> str:
    """The table of that name as it stands on its page."""
    found = _pattern(name).search(_page(name).read_text(encoding="utf-8"))
    assert found is not None
    return found[1].strip()


def put_section(name: str, table: str) -> None:
    """Write a table in its place on its page."""
    page = _page(name)
    written = f"<!-- {name} -->\n\n{table}\n\n<!-- end -->"
    text = _pattern(name).sub(lambda _: written, page.read_text(encoding="utf-8"))
    page.write_text(text, encoding="utf-8")


def _page(name: str) -> Path:
    """The page that has a table of that name."""
    found = [page for page in PAGES if _pattern(name).search(page.read_text(encoding="utf-8"))]
    assert len(found) == 1, f"one page has a table between <!-- {name} --> and <!-- end -->: {found}"
    return found[0]


def markdown(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table as Markdown."""
    lines = [headings, ["---"] * len(headings), *rows]
    return "\n".join(f"| {' | '.join(_escaped(cell) for cell in row)} |" for row in lines)


def _escaped(cell: str) -> str:
    return cell.replace("|", "\\|").replace("<", "&lt;")


def layouts() -> str:
    """All layouts in the order in which they are tried."""
    rows = (
        (f"`{layout.name}`", layout.task, ", ".join(f"`{m}`" for m in layout.meanings), layout.says)
        for layout in LAYOUTS
    )
    return markdown(("layout", "task", "its outputs mean", "what they are"), rows)


def decoding() -> str:
    """What [decoding] may say, for each layout that has something to be told."""
    rows = ((f"`{layout.name}`", *row) for layout in LAYOUTS for row in _rows(layout.options, prefix=""))
    return markdown(("layout", "key", "left out", "meaning"), rows)


def bundle_toml() -> str:
    """Every key of a bundle.toml."""
    return markdown(("key", "left out", "meaning"), _rows(BundleTable, prefix=""))


def classify() -> str:
    """Every option of the recipe `classify`."""
    return markdown(("option", "left out", "meaning"), _rows(ClassifyOptions, prefix=""))


def detect() -> str:
    """The options of the recipe `detect` that `classify` does not have, or has otherwise."""
    usual = set(_rows(ClassifyOptions, prefix=""))
    own = (row for row in _rows(DetectOptions, prefix="") if row not in usual)
    return markdown(("option", "left out", "meaning"), own)


def segment() -> str:
    """The options of the recipe `segment` that `classify` does not have, or has otherwise."""
    usual = set(_rows(ClassifyOptions, prefix=""))
    own = (row for row in _rows(SegmentOptions, prefix="") if row not in usual)
    return markdown(("option", "left out", "meaning"), own)


def shipped() -> str:
    """Every bundle that comes with the program."""
    volumes = [volume for volume in Library.here({}).volumes() if volume.origin == "shipped"]
    headings = ("model", "task", "forms", "figure in Keras, and of each form", "licence of its data")
    return markdown(headings, map(_shipped_row, volumes))


def pictures() -> str:
    """What each bundle does, as pictures of its card, made by its recipe from what it did not learn."""
    volumes = [volume for volume in Library.here({}).volumes() if volume.origin == "shipped"]
    kinds = {"good": "good cases", "hardest": "the hardest"}
    rows = []
    for volume in volumes:
        place = f"edge_vision_models/{volume.folder.name}"
        shown = (
            f"![{volume.name}: {said}]({place}/{kind}.webp)"
            if (volume.folder / f"{kind}.webp").is_file()
            else ""
            for kind, said in kinds.items()
        )
        rows.append((f"[`{volume.name}`]({place}/README.md)", *shown))
    return markdown(("model", *kinds.values()), rows)


def _shipped_row(volume: Volume) -> tuple[str, ...]:
    table, made = read_table(volume.folder), read_made(volume.folder)
    files = {table.variant: "model.tflite", **{each.name: each.file for each in table.variants}}
    sizes = {name: (volume.folder / file).stat().st_size for name, file in files.items()}
    forms = (f"{name} {size / 1000:.0f} kB" for name, size in sizes.items())
    chief = next(iter(made.metrics["keras"]))
    figures = (figure(chief, made.metrics[name][chief]) for name in ("keras", *files))
    licence = f"{made.licence}{'; research only' if made.research_only else ''}"
    link = f"[`{volume.name}`](edge_vision_models/{volume.folder.name}/README.md)"
    return link, table.task, ", ".join(forms), f"{chief} {', '.join(figures)}", licence


def _rows(
    options: type[BaseModel], prefix: str, preset: BaseModel | None = None
) -> Iterator[tuple[str, str, str]]:
    """The keys of a table; `preset` is what it is where all of it is left out."""
    for name, info in options.model_fields.items():
        below = _table_in(info.annotation)
        left_out = info.default if preset is None else getattr(preset, name)
        required = info.is_required()
        default = "must be there" if required else _shown(None if below else left_out)
        mark = f"{prefix}{name}"
        if below is None:
            yield f"`{mark}`", default, str(info.description)
        elif is_table(alternatives(info.annotation)[0]):
            yield f"`[{mark}]`", default, str(info.description)
            yield from _rows(below, f"{mark}.", left_out if isinstance(left_out, BaseModel) else None)
        else:
            yield f"`[[{mark}]]`", default, str(info.description)
            yield from _rows(below, f"{mark}.")


def _table_in(annotation: Any) -> type[BaseModel] | None:
    """The table that a key holds, one or several."""
    kind = alternatives(annotation)[0]
    found = kind if is_table(kind) else inside(kind, 0)
    return found if is_table(found) else None


def _shown(default: Any) -> str:
    if default in (None, "", (), {}):
        return ""
    return f"`{str(default).lower() if isinstance(default, bool) else default}`"


def _pattern(name: str) -> re.Pattern[str]:
    return re.compile(rf"<!-- {name} -->\n(.*?)<!-- end -->", re.DOTALL)
