"""Curves: how figures went from epoch to epoch, drawn as panels one above the other."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from edge_vision.data.frame import Image
from edge_vision.training.report.canvas import (
    FAINT,
    INK,
    MIDDLE,
    PALETTE,
    Colour,
    blank,
    shortened,
    stacked,
    text_width,
    write,
)

WIDTH, HEIGHT = 760, 250
"""Pixels of one panel."""
LEFT, RIGHT, TOP, BOTTOM = 64, 24, 46, 34
"""Pixels around its plot."""
MOST_CURVES = len(PALETTE)
LINES = 5
"""So many lines, about, a scale has."""


@dataclass(frozen=True, slots=True)
class Panel:
    """Figures that share a scale.

    title   what they are
    curves  by name the figure of each epoch; what is no number leaves a gap
    best    the epoch that was kept, counted from 0; None for none
    """

    title: str
    curves: Mapping[str, Sequence[float]]
    best: int | None = None


def curves_picture(panels: Sequence[Panel]) -> Image:
    """All panels that have something to show, one above the other."""
    shown = [_drawn(panel) for panel in panels if _finite(panel)]
    return stacked(shown) if shown else blank(WIDTH, HEIGHT)


class _Plot:
    """The area of a panel that curves are drawn in, and where a figure lies there."""

    def __init__(self, epochs: int, values: Sequence[float]) -> None:
        self.epochs = epochs
        self.step = _round_step((max(values) - min(values)) or abs(max(values)) or 1.0, LINES)
        self.low = math.floor(min(values) / self.step + 1e-9) * self.step
        self.high = math.ceil(max(values) / self.step - 1e-9) * self.step
        if self.high <= self.low:
            self.high = self.low + self.step

    def x(self, epoch: int) -> float:
        """The pixel column of an epoch; a single one lies in the middle."""
        share = epoch / (self.epochs - 1) if self.epochs > 1 else 0.5
        return LEFT + share * (WIDTH - LEFT - RIGHT)

    def y(self, value: float) -> float:
        """The pixel row of a figure."""
        share = (value - self.low) / (self.high - self.low)
        return HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM)

    def lines(self) -> Iterator[float]:
        """The figures that a line is drawn at."""
        for number in range(round((self.high - self.low) / self.step) + 1):
            yield self.low + number * self.step


def _drawn(panel: Panel) -> Image:
    canvas = blank(WIDTH, HEIGHT)
    plot = _Plot(max(len(curve) for curve in panel.curves.values()), _finite(panel))
    _draw_scales(canvas, plot)
    if panel.best is not None:
        x = round(plot.x(panel.best))
        cv2.line(canvas, (x, TOP), (x, HEIGHT - BOTTOM), MIDDLE, 1, cv2.LINE_AA)
    for (_, curve), colour in zip(panel.curves.items(), PALETTE, strict=False):
        _draw_curve(canvas, plot, curve, colour)
    _draw_heading(canvas, panel)
    return canvas


def _draw_scales(canvas: Image, plot: _Plot) -> None:
    for value in plot.lines():
        y = round(plot.y(value))
        cv2.line(canvas, (LEFT, y), (WIDTH - RIGHT, y), FAINT, 1)
        told = f"{value:.6g}" if abs(value) > plot.step / 2 else "0"
        write(canvas, told, (LEFT - 8 - text_width(told, 9), y + 4), 9, MIDDLE)
    step = max(1, round(_round_step(max(plot.epochs - 1, 1), 8)))
    for epoch in sorted({0, plot.epochs - 1, *range(step - 1, plot.epochs, step)}):
        if plot.epochs - step < epoch + 1 < plot.epochs and (plot.epochs - 1 - epoch) * 2 < step:
            continue  # too near to the last one to be read
        told = str(epoch + 1)
        write(canvas, told, (plot.x(epoch) - text_width(told, 9) / 2, HEIGHT - BOTTOM + 18), 9, MIDDLE)


def _draw_curve(canvas: Image, plot: _Plot, curve: Sequence[float], colour: Colour) -> None:
    points = [(plot.x(e), plot.y(v)) for e, v in enumerate(curve) if math.isfinite(v)]
    rounded = np.rint(np.array(points).reshape(-1, 1, 2)).astype(np.int32)
    if len(points) == 1:
        cv2.circle(canvas, tuple(int(p) for p in rounded[0, 0]), 3, colour, cv2.FILLED, cv2.LINE_AA)
    elif points:
        cv2.polylines(canvas, [rounded], isClosed=False, color=colour, thickness=2, lineType=cv2.LINE_AA)


def _draw_heading(canvas: Image, panel: Panel) -> None:
    """The title, and the name and last figure of each curve in its colour."""
    write(canvas, panel.title, (12, 22), 12, INK)
    x = float(LEFT)
    for (name, curve), colour in zip(panel.curves.items(), PALETTE, strict=False):
        last = next((v for v in reversed(curve) if math.isfinite(v)), math.nan)
        told = shortened(f"{name} {last:.4g}", WIDTH - x - 30, 9)
        cv2.line(canvas, (round(x), 36), (round(x) + 14, 36), colour, 2)
        write(canvas, told, (x + 20, 40), 9, INK)
        x += 40 + text_width(told, 9)


def _finite(panel: Panel) -> list[float]:
    return [v for curve in panel.curves.values() for v in curve if math.isfinite(v)]


def _round_step(span: float, lines: int) -> float:
    """A step of 1, 2 or 5 times a power of ten that gives a span about so many lines."""
    rough = span / lines
    power = 10.0 ** math.floor(math.log10(rough))
    return next(power * times for times in (1.0, 2.0, 5.0, 10.0) if power * times >= rough * 0.999)
