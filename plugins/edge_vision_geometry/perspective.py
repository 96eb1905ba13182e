"""The stage `perspective`: a slanted flat area, seen from straight above."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from pydantic import field_validator

from edge_vision import Options as BaseOptions
from edge_vision import Result, Stage, geometry, option
from edge_vision_geometry.colour import Rgb, bgr
from edge_vision_geometry.sides import Side

Point = tuple[float, float]
Points = tuple[Point, Point, Point, Point]
SMALLEST_SINE = 1e-3
"""Sine of the flattest corner that counts as a corner, about 0.06 degrees."""


class Perspective(Stage):
    """Straightens a flat area given by its four corners into an upright rectangle."""

    name = "perspective"

    class Options(BaseOptions):
        """The area's corners, and the size it is straightened to."""

        points: Points = option(
            ...,
            "The area's corners [x, y]: top left, top right, bottom right, bottom left.",
            unit="px",
        )
        width: Side = option(..., "The width of the straightened area.", unit="px")
        height: Side = option(..., "The height of the straightened area.", unit="px")
        border: Rgb | None = option(None, "Colour (red, green, blue) of what comes into sight.")

        @field_validator("points")
        @classmethod
        def _convex(cls, points: Points) -> Points:
            turns = _sines(points)
            if np.any(np.abs(turns) < SMALLEST_SINE):
                raise ValueError("three of the four points lie on one line; give the area's corners")
            if np.any(turns < 0):
                raise ValueError(
                    "the points must go round the area: top left, top right, bottom right, bottom left"
                )
            return points

    options: Options

    def __call__(self, result: Result) -> Result:
        """Let the next stage look at the straightened area."""
        options = self.options
        size = options.width, options.height
        matrix = geometry.perspective(geometry.corners(*size), options.points)
        border = None if options.border is None else bgr(options.border)
        return result.with_view(result.view.mapped(matrix, size, border))


def _sines(points: Points) -> NDArray[np.float64]:
    """The sine of the turn at each corner, positive where it is clockwise as seen; 0 without a turn."""
    corners = np.array(points, dtype=np.float64)
    out = np.roll(corners, -1, axis=0) - corners
    came = np.roll(out, 1, axis=0)
    cross = came[:, 0] * out[:, 1] - came[:, 1] * out[:, 0]
    lengths = np.hypot(*came.T) * np.hypot(*out.T)
    return np.asarray(np.divide(cross, lengths, out=np.zeros(4), where=lengths > 0))
