"""The stage anonymise: what earlier stages found is made unrecognisable, in every picture there is."""

from __future__ import annotations

from typing import Annotated

import numpy as np
from pydantic import Field

from edge_vision import Detections, Result, Stage, StageNames, geometry, option
from edge_vision import Options as BaseOptions
from edge_vision_generation.hiding import Method, Pixels, grown, hidden, hiding

Channel = Annotated[int, Field(ge=0, le=255)]


class Anonymise(Stage):
    """Hides the boxes that earlier stages found, in the frame, the view and every picture of them.

    No later stage and no sink gets to see what was there. What no stage has found stays visible.
    """

    name = "anonymise"

    class Options(BaseOptions):
        """Options of anonymise."""

        stages: StageNames = option((), "Hide what these earlier stages found; left out, all of them.")
        labels: tuple[str, ...] = option((), "Hide only these labels; left out, all.")
        method: Method = option("blur", "How it is hidden: blur, pixelate or fill.", live=True)
        blocks: int = option(
            6,
            "Blur and pixelate leave so many blocks along a box's longer side; fewer hide more.",
            live=True,
            ge=1,
            le=8,
        )
        margin: float = option(
            0.1, "By this share of its sides a box is made larger all around.", live=True, ge=0, le=2
        )
        colour: tuple[Channel, Channel, Channel] = option((0, 0, 0), "Red, green, blue of a fill.")

    options: Options

    def __call__(self, result: Result) -> Result:
        """Hide what was found."""
        options = self.options
        boxes = self._boxes(result, options)
        if not len(boxes):
            return result
        hide = hiding(options.method, options.blocks, options.colour[::-1])

        def paint(image: Pixels, to_frame: geometry.Map) -> Pixels:
            return hidden(image, to_frame, boxes, hide)

        return result.repainted(paint)

    @staticmethod
    def _boxes(result: Result, options: Anonymise.Options) -> geometry.Boxes:
        """What is to be hidden, (n, 4) float32 in frame pixels, margin included."""
        boxes = [np.zeros((0, 4), dtype=np.float32)]
        for found in result.all(Detections, options.stages or None):
            if options.labels:
                rows = np.array([row.label in options.labels for row in found], dtype=bool)
                boxes.append(found.xyxy[rows])
            else:
                boxes.append(found.xyxy)
        return grown(np.concatenate(boxes), options.margin)
