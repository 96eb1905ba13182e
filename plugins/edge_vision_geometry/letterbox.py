"""The stage `letterbox`: the whole picture inside a view of another shape."""

from __future__ import annotations

from edge_vision import Options as BaseOptions
from edge_vision import Result, Stage, geometry, option
from edge_vision_geometry.colour import Rgb, bgr
from edge_vision_geometry.sides import Side, whole


class Letterbox(Stage):
    """Fits the whole picture into a size, keeps its aspect ratio, and pads what is left equally."""

    name = "letterbox"

    class Options(BaseOptions):
        """The size to fit into, and the colour around."""

        width: Side = option(..., "The width to fit into.", unit="px")
        height: Side = option(..., "The height to fit into.", unit="px")
        border: Rgb = option((114, 114, 114), "Colour (red, green, blue) of the padding.")

    options: Options

    def __call__(self, result: Result) -> Result:
        """Let the next stage look at the padded picture."""
        options, view = self.options, result.view
        size = options.width, options.height
        scale = min(size[0] / view.width, size[1] / view.height)
        inner = whole(view.width * scale), whole(view.height * scale)
        # Whole pixels of padding keep the picture's edges on the edges of pixels.
        left, top = (size[0] - inner[0]) // 2, (size[1] - inner[1]) // 2
        matrix = geometry.scaling(view.width / inner[0], view.height / inner[1]) @ geometry.translation(
            -left, -top
        )
        return result.with_view(view.mapped(matrix, size, bgr(options.border)))
