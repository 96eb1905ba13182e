"""Figures for people: fractions as percentages, and tables in Markdown."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence

_MEASURES = ("error", "distance", "loss", "psnr", "bicubic", "gain")
"""Names with one of these words are no shares of anything."""


def figure(name: str, value: float) -> str:
    """A figure as people write it: a share in percent, everything else as a number."""
    if not math.isfinite(value):
        return "-"
    if 0.0 <= value <= 1.0 and not any(word in name for word in _MEASURES):
        return f"{100 * value:.1f} %"
    return f"{value:.4g}"


def figures(values: Mapping[str, float]) -> str:
    """Named figures in one line."""
    return ", ".join(f"{name} {figure(name, value)}" for name, value in values.items())


def markdown(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table as Markdown."""
    lines = [headings, ["---"] * len(headings), *rows]
    return "\n".join(f"| {' | '.join(cell.replace('|', '/') for cell in row)} |" for row in lines)
