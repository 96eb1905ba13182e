"""The panel: what is said of the whole picture, listed in its upper left corner."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import cv2
import numpy as np

from edge_vision import Labels, Segments
from edge_vision_annotate.canvas import Canvas
from edge_vision_annotate.overlay import is_coloured
from edge_vision_annotate.palette import WHITE, Bgr, colour_of
from edge_vision_annotate.tags import Rectangle
from edge_vision_annotate.words import percent, plain

LABEL_ROWS = 3
SEGMENT_ROWS = 8
SMALLEST_SHARE = 0.005
DARKNESS = 0.6


class Row(NamedTuple):
    """A line of the panel, with a swatch of colour in front or without."""

    words: str
    swatch: Bgr | None = None


def label_rows(labels: Labels) -> Iterable[Row]:
    """The best labels of one stage."""
    return [Row(f"{plain(label)} {percent(score)}") for label, score in labels.rows[:LABEL_ROWS]]


def segment_rows(segments: Segments) -> Iterable[Row]:
    """The coloured classes that cover most, each with its colour."""
    numbers = {segments.label_of(n): n for n in np.unique(segments.class_map).tolist()}
    rows = [
        Row(f"{plain(label)} {percent(share)}", colour_of(numbers[label], segments.labels))
        for label, share in segments.shares()
        if share >= SMALLEST_SHARE and is_coloured(label)
    ]
    return rows[:SEGMENT_ROWS]


class Panel:
    """Rows laid out for a canvas; empty without rows."""

    def __init__(self, canvas: Canvas, rows: Iterable[Row]) -> None:
        self._canvas = canvas
        self._gap = max(4, round(canvas.text_above * 0.4))
        self._step = canvas.text_above + canvas.text_below + self._gap // 2
        room = (canvas.height - 4 * self._gap) // self._step
        self._rows = list(rows)[: max(0, room)]
        self._swatch = canvas.text_above + self._gap if any(row.swatch for row in self._rows) else 0

    @property
    def place(self) -> Rectangle | None:
        """Where it lies; None where there is nothing to say."""
        if not self._rows:
            return None
        gap = self._gap
        widest = max(self._canvas.text_width(row.words) for row in self._rows)
        width = min(widest + self._swatch + 2 * gap, self._canvas.width - gap)
        return Rectangle(gap, gap, gap + width, gap + len(self._rows) * self._step + 2 * gap)

    def draw(self) -> None:
        """Draw it over whatever is there."""
        place = self.place
        if place is None:
            return
        canvas, gap = self._canvas, self._gap
        part = canvas.image[place.y1 : place.y2, place.x1 : place.x2]
        part[:] = cv2.convertScaleAbs(part, alpha=1.0 - DARKNESS)
        x, y = place.x1 + gap, place.y1 + gap
        for row in self._rows:
            baseline = y + canvas.text_above
            if row.swatch is not None:
                corner = (x + canvas.text_above - 1, baseline - 1)
                cv2.rectangle(canvas.image, (x, y), corner, row.swatch, cv2.FILLED)
            canvas.text(x + self._swatch, baseline, row.words, WHITE)
            y += self._step
