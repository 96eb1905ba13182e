"""The stage `flip`: the picture mirrored."""

from __future__ import annotations

from typing import Literal

from edge_vision import Options as BaseOptions
from edge_vision import Result, Stage, geometry, option


class Flip(Stage):
    """Mirrors the view."""

    name = "flip"

    class Options(BaseOptions):
        """Which way to mirror."""

        direction: Literal["horizontal", "vertical", "both"] = option(
            ..., "horizontal swaps left and right, vertical top and bottom, both is half a turn."
        )

    options: Options

    def __call__(self, result: Result) -> Result:
        """Let the next stage look at the mirrored view."""
        direction, view = self.options.direction, result.view
        x, width = (-1, view.width) if direction != "vertical" else (1, 0)
        y, height = (-1, view.height) if direction != "horizontal" else (1, 0)
        matrix = geometry.translation(width, height) @ geometry.scaling(x, y)
        return result.with_view(view.mapped(matrix, view.size))
