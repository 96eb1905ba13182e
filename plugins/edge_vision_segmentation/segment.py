"""The stage segment: which class each place of the view belongs to."""

from __future__ import annotations

from edge_vision import (
    ClassMap,
    ModelName,
    Picture,
    Result,
    Runner,
    Segments,
    Stage,
    StageContext,
    geometry,
    option,
)
from edge_vision import Options as BaseOptions
from edge_vision_segmentation.seen import over_frame, unseen


class Segment(Stage):
    """Says which class each place of the view belongs to: a class map, class scores, or a mask."""

    name = "segment"

    class Options(BaseOptions):
        """Options of segment."""

        model: ModelName = option(..., "The segmentation model, as named in [models].")
        mask: bool = option(
            False,
            "Also send the classes as a PNG of the frame's size, one grey value a class.",
            live=True,
        )
        reset_after: float = option(
            2.0, "A recurrent model starts anew after so long without a frame.", unit="s", gt=0
        )

    options: Options

    def __init__(self, options: Options, context: StageContext) -> None:
        super().__init__(options, context)
        self._run = Runner(context.model(options.model), ClassMap, options.reset_after)
        self.stateful = self._run.recurrent

    def __call__(self, result: Result) -> Result:
        """Add the classes, and the mask where it is wanted."""
        options, view = self.options, self._run.view(result.view)
        classes = self._run(view).classes
        height, width = classes.shape
        to_frame = view.to_frame @ geometry.scaling(view.width / width, view.height / height)
        nothing = unseen(view, to_frame, (width, height))
        if nothing is not None:
            classes[nothing] = Segments.UNSEEN
        segments = Segments(classes, self._run.labels, to_frame)
        if not options.mask:
            return result.add(segments)
        mask = over_frame(segments, (result.frame.width, result.frame.height))
        # It shows class numbers, no part of the frame: a stage that hides something must not blur them.
        return result.add(segments, Picture(mask, encoding="png", to_frame=None))
