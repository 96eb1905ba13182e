"""The stage anonymise: what earlier stages found is made unrecognisable, in every picture there is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import numpy as np
from pydantic import Field

from edge_vision import Detections, Result, Segments, Stage, StageNames, geometry, option
from edge_vision import Options as BaseOptions
from edge_vision_generation.hiding import Method, Pixels, grown, hidden, hiding
from edge_vision_generation.outlines import Outline, hide_outline, outline_of

Channel = Annotated[int, Field(ge=0, le=255)]


class Anonymise(Stage):
    """Hides the boxes and outlines that earlier stages found, in every picture that shows the frame.

    These are the frame, the view and the pictures of stages before: no later stage and no sink gets to
    see what was there. What no stage has found stays visible.
    """

    name = "anonymise"

    class Options(BaseOptions):
        """Options of anonymise."""

        stages: StageNames = option((), "Hide what these earlier stages found; left out, all of them.")
        labels: tuple[str, ...] = option(
            (), "Hide only these labels; left out, all boxes, and of a class map all but the background."
        )
        method: Method = option("blur", "How it is hidden: blur, pixelate or fill.", live=True)
        blocks: int = option(
            6,
            "Blur and pixelate leave so many blocks along the longer side of a box, or of an outline; "
            "fewer hide more.",
            live=True,
            ge=1,
            le=8,
        )
        margin: float = option(
            0.1,
            "By this share of its sides a box is made larger all around, an outline by that of its "
            "shorter side.",
            live=True,
            ge=0,
            le=2,
        )
        outlined: float | None = option(
            None,
            "A box that an outline fills by at least this share is not hidden itself, the outline is; "
            "left out, boxes are hidden whole.",
            gt=0,
            le=1,
        )
        colour: tuple[Channel, Channel, Channel] = option((0, 0, 0), "Red, green, blue of a fill.")

    options: Options

    def __call__(self, result: Result) -> Result:
        """Hide what was found."""
        options = self.options
        outlines = self._outlines(result, options)
        boxes = self._boxes(result, options, outlines)
        if not len(boxes) and not outlines:
            return result
        hide = hiding(options.method, options.blocks, options.colour[::-1])
        larger = [outline.grown(options.margin) for outline in outlines]

        def paint(image: Pixels, to_frame: geometry.Map) -> Pixels:
            painted = hidden(image, to_frame, boxes, hide)
            for outline in larger:
                hide_outline(painted, to_frame, outline, hide)
            return painted

        return result.repainted(paint)

    @staticmethod
    def _outlines(result: Result, options: Anonymise.Options) -> list[Outline]:
        """The parts of class maps that are to be hidden, without the margin; none that are empty."""
        chosen = bool(options.stages)
        found = (
            outline_of(segments, options.labels, everything=chosen)
            for segments in result.all(Segments, options.stages or None)
        )
        return [outline for outline in found if outline.places.any()]

    @staticmethod
    def _boxes(
        result: Result, options: Anonymise.Options, outlines: Sequence[Outline]
    ) -> geometry.Boxes:
        """The boxes that are to be hidden, (n, 4) float32 in frame pixels, margin included."""
        boxes = [np.zeros((0, 4), dtype=np.float32)]
        for found in result.all(Detections, options.stages or None):
            if options.labels:
                rows = np.array([row.label in options.labels for row in found], dtype=bool)
                boxes.append(found.xyxy[rows])
            else:
                boxes.append(found.xyxy)
        all_boxes = np.concatenate(boxes)
        if options.outlined is not None and outlines:
            shares = [max(each.share_of(box) for each in outlines) for box in all_boxes]
            all_boxes = all_boxes[~(np.array(shares, np.float64) >= options.outlined)]
        return grown(all_boxes, options.margin)
