"""The stage `rotate`: the picture turned about its centre."""

from __future__ import annotations

from math import ceil

import numpy as np

from edge_vision import Options as BaseOptions
from edge_vision import Result, Stage, geometry, option
from edge_vision_geometry.colour import Rgb, bgr


class Rotate(Stage):
    """Turns the view about its centre, by any angle; positive turns clockwise as seen."""

    name = "rotate"

    class Options(BaseOptions):
        """How far to turn, and what becomes of the corners."""

        degrees: float = option(
            ..., "How far to turn, clockwise as seen.", unit="degrees", live=True, ge=-360.0, le=360.0
        )
        expand: bool = option(False, "Let the view grow so that nothing is cut off.", live=True)
        border: Rgb | None = option(None, "Colour (red, green, blue) of what comes into sight.")

    options: Options

    def __call__(self, result: Result) -> Result:
        """Let the next stage look at the turned view."""
        options, view = self.options, result.view
        # Quarter turns become exact, so that they stay a matter of rows and columns.
        back = np.round(geometry.rotation(-options.degrees), 12)
        size = _grown(view.size, back) if options.expand else view.size
        matrix = (
            geometry.translation(view.width / 2, view.height / 2)
            @ back
            @ geometry.translation(-size[0] / 2, -size[1] / 2)
        )
        border = None if options.border is None else bgr(options.border)
        return result.with_view(view.mapped(matrix, size, border))


def _grown(size: tuple[int, int], turn: geometry.Map) -> tuple[int, int]:
    """The size of the upright rectangle around the turned one; whole pixels, none too few."""
    width, height = np.abs(turn[:2, :2]) @ size
    return ceil(width - 1e-6), ceil(height - 1e-6)
