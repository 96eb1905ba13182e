"""The stage `remember`: what a model that knows a camera's usual scene cannot redraw."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from edge_vision import (
    Detections,
    Labels,
    ModelError,
    ModelName,
    Picture,
    RealPicture,
    Redrawing,
    Result,
    Runner,
    Stage,
    StageContext,
    View,
    geometry,
    option,
)
from edge_vision import Options as BaseOptions
from edge_vision_motion.heat import Heat, glowing, heat_of, pixels_of, score_of
from edge_vision_motion.lasting import Lasting
from edge_vision_motion.regions import Regions, find_regions

UNUSUAL, USUAL = "unusual", "usual"
REACH = 1
"""Unusual places with so many others between them belong together."""
JUMP = 0.05
"""Share of the view's longer side by which what is unusual may move from one frame to the next."""
SHOWN = 320
"""Width in pixels of the picture of heat, where the view has so many."""


@dataclass
class _Watch:
    """What was seen of one view so far.

    to_frame  the view's map
    take      of the source
    last      when the last frame was captured
    """

    to_frame: geometry.Map
    take: int
    last: float
    lasting: Lasting = field(default_factory=Lasting)


class Remember(Stage):
    """Reports the regions that a model of the usual scene cannot redraw, and shows where they are."""

    name = "remember"
    stateful = True

    class Options(BaseOptions):
        """Options of remember."""

        model: ModelName = option(
            ..., "The model, as named in [models]; it redraws the view as it usually is."
        )
        threshold: float = option(
            1.0,
            "Heat from which a place is unusual; 1 is what the model was calibrated to.",
            live=True,
            gt=0.0,
            le=100.0,
        )
        after: float = option(
            2.0,
            "So long something has to be unusual before it is reported.",
            unit="s",
            live=True,
            ge=0.0,
            le=3600.0,
        )
        min_area: float = option(
            0.0, "Share of the view that must be unusual in one place.", live=True, ge=0.0, le=1.0
        )
        shows: Literal["heat", "redrawn", "none"] = option(
            "heat", "The picture it makes: the view with what glows, what the model redrew, or none."
        )

    options: Options

    def __init__(self, options: Options, context: StageContext) -> None:
        model = context.model(options.model)
        self._run: Runner[Redrawing | RealPicture]
        try:
            self._run = Runner(model, Redrawing)
        except ModelError:
            self._run = Runner(model, RealPicture)  # any autoencoder
        self._watch: _Watch | None = None
        super().__init__(options, context)

    def __call__(self, result: Result) -> Result:
        """Say how usual the view is, and add what is unusual for long enough, and a picture."""
        options, frame = self.options, result.frame
        view = self._run.view(result.view)
        reading = self._run(view)
        heat = heat_of(reading, view.pixels())
        hot = (heat >= options.threshold).astype(np.uint8)
        regions = find_regions(hot, REACH, options.min_area * hot.size)
        cell = geometry.scaling(view.width / heat.shape[1], view.height / heat.shape[0])
        boxes = view.boxes_to_frame(geometry.map_boxes(cell, regions.boxes))
        boxes = geometry.clip_boxes(boxes, frame.width, frame.height)
        lasted = self._watched(view).lasting.seconds(
            boxes, frame.monotonic, JUMP * max(frame.width, frame.height)
        )
        kept = (lasted >= options.after) & (geometry.areas(boxes) > 0.0)
        scores = _scores(regions, heat, options.threshold)
        found = Detections(boxes, scores, np.zeros(len(boxes), np.int32), (UNUSUAL,))[kept]
        result = result.add(found).add(_labels(found, heat, options.threshold))
        if options.shows == "none":
            return result
        if options.shows == "redrawn":
            return result.add(_redrawn(view, reading))
        return result.add(_glow(result.view, view, heat, options.threshold))

    def _watched(self, view: View) -> _Watch:
        """What was seen of this view; nothing where another view, or another recording, begins."""
        frame, watch = view.frame, self._watch
        if (
            watch is None
            or watch.take != frame.take
            or frame.monotonic < watch.last
            or not np.array_equal(watch.to_frame, view.to_frame)
        ):
            watch = self._watch = _Watch(view.to_frame, frame.take, frame.monotonic)
        watch.last = frame.monotonic
        return watch


def _redrawn(view: View, reading: Redrawing | RealPicture) -> Picture:
    """What the model redrew of a view."""
    image = pixels_of(reading)
    scale = geometry.scaling(view.width / image.shape[1], view.height / image.shape[0])
    return Picture(image, to_frame=view.to_frame @ scale)


def _glow(whole: View, view: View, heat: Heat, threshold: float) -> Picture:
    """The view that the model looked at, in more pixels, with what is unusual in it.

    whole  as the stages before left it
    """
    width = min(SHOWN, whole.width)
    shown = view.resized((width, max(1, round(width * view.height / view.width))))
    return Picture(glowing(shown.pixels(), heat, threshold), to_frame=shown.to_frame)


def _scores(regions: Regions, heat: Heat, threshold: float) -> NDArray[np.float32]:
    """The score of the hottest place of each region, (n,)."""
    hottest = [heat[y1:y2, x1:x2].max() for x1, y1, x2, y2 in regions.boxes.tolist()]
    return score_of(np.array(hottest, np.float32), threshold)


def _labels(found: Detections, heat: Heat, threshold: float) -> Labels:
    """Whether the view is usual: the score of what was found, else that of the hottest place.

    What has not lasted long enough does not make a view unusual.
    """
    score = float(found.score.max()) if len(found) else float(score_of(heat.max(), threshold))
    if not len(found):
        score = min(score, 0.5)
        return Labels(((USUAL, 1.0 - score), (UNUSUAL, score)))
    return Labels(((UNUSUAL, score), (USUAL, 1.0 - score)))
