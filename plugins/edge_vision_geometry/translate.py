"""The stage `translate`: the picture moved within its view."""

from __future__ import annotations

from edge_vision import Options as BaseOptions
from edge_vision import Result, Stage, geometry, option
from edge_vision_geometry.colour import Rgb, bgr


class Translate(Stage):
    """Moves the picture within the view, which keeps its size; what leaves it is gone."""

    name = "translate"

    class Options(BaseOptions):
        """How far the picture moves."""

        x: float = option(
            0.0, "How far to the right; negative: left.", unit="px", live=True, ge=-16384.0, le=16384.0
        )
        y: float = option(
            0.0, "How far down; negative: up.", unit="px", live=True, ge=-16384.0, le=16384.0
        )
        border: Rgb | None = option(None, "Colour (red, green, blue) of what comes into sight.")

    options: Options

    def __call__(self, result: Result) -> Result:
        """Let the next stage look at the moved picture."""
        options = self.options
        border = None if options.border is None else bgr(options.border)
        matrix = geometry.translation(-options.x, -options.y)
        return result.with_view(result.view.mapped(matrix, result.view.size, border))
