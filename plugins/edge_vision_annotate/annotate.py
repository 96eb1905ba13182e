"""The stage `annotate`: a picture with everything drawn in that was found so far."""

from __future__ import annotations

from typing import Literal

from edge_vision import (
    Detections,
    Labels,
    Picture,
    Result,
    Segments,
    Stage,
    StageContext,
    StageNames,
    Text,
    View,
    option,
)
from edge_vision import (
    Options as BaseOptions,
)
from edge_vision_annotate.canvas import Canvas
from edge_vision_annotate.objects import draw_detections, draw_labels, draw_text, once
from edge_vision_annotate.overlay import draw_masks, draw_segments
from edge_vision_annotate.panel import Panel, label_rows, segment_rows
from edge_vision_annotate.tags import Tag, draw_tags


class Annotate(Stage):
    """Draws what was found on a copy of the frame and adds it as a picture."""

    name = "annotate"
    stateful = True  # pictures a second are counted over the frames, in their order

    class Options(BaseOptions):
        """What is drawn, on what, how large and how often."""

        source: Literal["frame", "view"] = option(
            "frame", "Draw on the frame as captured, or on the view as the stages before left it."
        )
        picture: str = option(
            "",
            "The last part of the picture's topic; left out: the stage's name.",
            pattern=r"^[A-Za-z0-9_-]*$",
            max_length=64,
        )
        stages: StageNames = option((), "Draw only what these stages found; left out: all.")
        max_width: int = option(
            1280, "Wider pictures are scaled down to this.", unit="px", live=True, ge=64, le=7680
        )
        opacity: float = option(
            0.45, "How far segments and masks cover the picture.", live=True, ge=0.0, le=1.0
        )
        fps: float | None = option(
            None, "Pictures a second at most; left out: every frame.", live=True, gt=0.0, le=240.0
        )

    options: Options

    def __init__(self, options: Options, context: StageContext) -> None:
        super().__init__(options, context)
        self._last: float | None = None
        self._due = 0.0

    def __call__(self, result: Result) -> Result:
        """Add the picture; a frame that comes too soon after the last picture stays without."""
        options = self.options
        if not self._is_due(result.frame.monotonic, options.fps):
            return result
        canvas = Canvas(_shown(result, options))
        draw(canvas, result, options.stages or None, options.opacity)
        return result.add(Picture(canvas.image, options.picture, to_frame=canvas.to_frame))

    def _is_due(self, now: float, fps: float | None) -> bool:
        """True when the next picture is due; the due times keep their step, so the mean rate is met."""
        if fps is None:
            return True
        step = 1.0 / fps
        began_again = self._last is not None and now < self._last
        if self._last is None or began_again or now - self._due > step:
            self._due = now
        self._last = now
        # A hair early is on time: the times of frames are sums of fractions.
        if now < self._due - 1e-6:
            return False
        self._due += step
        return True


def draw(canvas: Canvas, result: Result, stages: tuple[str, ...] | None, opacity: float) -> None:
    """Draw the findings of the named stages, or of all: areas first, then outlines, then words."""
    tables = once(list(result.all(Detections, stages)))
    segments = list(result.all(Segments, stages))
    for areas in segments:
        draw_segments(canvas, areas, opacity)
    for found in tables:
        draw_masks(canvas, found, opacity)
    tags: list[Tag] = []
    labelled = list(result.all(Labels, stages))
    for labels in labelled:
        tags += draw_labels(canvas, labels)
    for found in tables:
        tags += draw_detections(canvas, found)
    for text in result.all(Text, stages):
        tags += draw_text(canvas, text)
    rows = [row for labels in labelled if labels.box is None for row in label_rows(labels)]
    rows += [row for areas in segments for row in segment_rows(areas)]
    panel = Panel(canvas, rows)
    # The last drawn are the best: they choose their place first.
    draw_tags(canvas, reversed(tags), [panel.place] if panel.place else [])
    panel.draw()


def _shown(result: Result, options: Annotate.Options) -> View:
    """The view to draw on, in the size of the picture."""
    view = result.view
    if options.source == "frame":
        view = View.of(result.frame, view.warp)
    if view.width <= options.max_width:
        return view
    return view.resized((options.max_width, max(1, round(view.height * options.max_width / view.width))))
