"""The options of the stage `motion`."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from edge_vision import Options, option

_Fraction = Annotated[float, Field(ge=0.0, le=1.0)]
Polygon = Annotated[tuple[tuple[_Fraction, _Fraction], ...], Field(min_length=3)]
"""Three or more corners (x, y) in fractions of the view's width and height."""


class MotionOptions(Options):
    """What counts as motion, and what happens to frames without."""

    gate: bool = option(True, "Drop frames without motion; false lets all pass.", live=True)
    hold: float = option(
        5.0, "How long frames still pass after the last motion.", unit="s", live=True, ge=0.0, le=3600.0
    )
    threshold: int = option(
        20, "Difference in grey from which a pixel has changed.", live=True, ge=1, le=255
    )
    min_area: float = option(
        0.001, "Share of the view that must change in one place.", live=True, gt=0.0, le=1.0
    )
    adapt: float = option(
        10.0,
        "Time constant with which the background follows; what stays becomes background.",
        unit="s",
        live=True,
        ge=0.1,
        le=3600.0,
    )
    light_change: float = option(
        0.7,
        "Where more than this share of the view changes at once it is the light, not motion.",
        live=True,
        ge=0.1,
        le=1.0,
    )
    dilation: int = option(
        2,
        "How far apart changed pixels of the small picture may lie to belong together.",
        unit="px",
        live=True,
        ge=0,
        le=20,
    )
    width: int = option(160, "Width of the small picture.", unit="px", ge=32, le=640)
    ignore: tuple[Polygon, ...] = option(
        (), "Areas in which nothing counts: polygons of [x, y] in fractions of the view."
    )
    mask: bool = option(False, "Also say which part of the view moves, as segments still and moving.")
