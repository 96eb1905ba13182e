"""The stage `motion`: what moves, and a gate for frames in which nothing does."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_vision import Detections, Result, Segments, Stage, StageContext, View, geometry
from edge_vision_motion.background import Background, Grey
from edge_vision_motion.options import MotionOptions, Polygon
from edge_vision_motion.regions import Regions, find_regions

LABEL = "motion"
MUCH_LARGER = 4
"""So many times the small picture's sides a frame has where a part of its rows is enough."""
RECENT = 1.0
"""Time constant in seconds of what it looked like just now."""
MOVING = 0.25
"""So much of the smallest region has to differ from that for one to move."""
SETTLE_SECONDS = 1.0
"""How long after a change of light a camera's exposure may still swing."""


@dataclass
class _Scene:
    """What was learned about one view, and until when.

    to_frame    the view's map when learning began; another one is another scene
    watched     (height, width) uint8, 1 where changes count
    background  what the small picture usually looks like
    recent      what it looked like just now: what does not differ from that does not move any more
    settled_at  until then all that changes is taken for the light
    moved_at    when something moved last, None before
    """

    to_frame: geometry.Map
    watched: Grey
    background: Background
    recent: Background
    settled_at: float
    moved_at: float | None = None


class Motion(Stage):
    """Finds the regions that differ from a running average, and drops frames without any."""

    name = "motion"
    stateful = True
    Options = MotionOptions

    options: MotionOptions

    def __init__(self, options: MotionOptions, context: StageContext) -> None:
        super().__init__(options, context)
        self._scene: _Scene | None = None

    def __call__(self, result: Result) -> Result | None:
        """Add the regions that move; None where nothing does and the gate is on."""
        options, now = self.options, result.frame.monotonic
        small = _small(result.view, options.width)
        grey = _grey(result.view, small)
        scene = self._scene
        if scene is None or _is_another(scene, small, now):
            scene = self._scene = _new_scene(grey, small, now, options.ignore)
        regions = _moving(scene, grey, now, options)
        if len(regions.boxes):
            scene.moved_at = now
        held = scene.moved_at is not None and now - scene.moved_at <= options.hold
        if options.gate and not held:
            return None
        found = result.add(_detections(regions, small))
        if options.mask:
            found = found.add(Segments(regions.mask, ("still", "moving"), small.to_frame))
        return found


def _small(view: View, width: int) -> View:
    width = min(width, view.width)
    return view.resized((width, max(1, round(view.height * width / view.width))))


def _grey(view: View, small: View) -> Grey:
    """The small view in grey. Of a captured frame one row for each of the small picture is enough.

    Along the rows all pixels count: reading the frame is what takes the time, and rows are read fast.
    """
    if view.is_base and min(view.width / small.width, view.height / small.height) >= MUCH_LARGER:
        step = view.height // small.height
        grey = cv2.cvtColor(view.pixels()[step // 2 :: step], cv2.COLOR_BGR2GRAY)
        while grey.shape[1] >= 2 * small.width:
            # Halved this way two pixels are averaged, several times as fast as by INTER_AREA.
            grey = cv2.resize(grey, (grey.shape[1] // 2, grey.shape[0]), interpolation=cv2.INTER_LINEAR)
        grey = cv2.resize(grey, small.size, interpolation=cv2.INTER_LINEAR)
    else:
        grey = cv2.cvtColor(small.pixels(), cv2.COLOR_BGR2GRAY)
    # Evens out compression artefacts and trembling by a pixel.
    return np.asarray(cv2.GaussianBlur(grey, (3, 3), 0), dtype=np.uint8)


def _is_another(scene: _Scene, small: View, now: float) -> bool:
    """True where nothing learned holds: the view changed, or the clock went back (a file began anew)."""
    same_size = scene.watched.shape == (small.height, small.width)
    return (
        not same_size
        or now < scene.background.seen
        or not np.array_equal(scene.to_frame, small.to_frame)
    )


def _new_scene(grey: Grey, small: View, now: float, ignore: tuple[Polygon, ...]) -> _Scene:
    watched = np.ones(grey.shape, dtype=np.uint8)
    for polygon in ignore:
        cv2.fillPoly(watched, [_corners(polygon, small.size)], 0, shift=4)
    background, recent = Background(grey, now), Background(grey, now)
    return _Scene(small.to_frame, watched, background, recent, settled_at=now)


def _corners(polygon: Polygon, size: tuple[int, int]) -> NDArray[np.int32]:
    """A polygon's corners for OpenCV: from pixel centres, in sixteenths of a pixel (shift=4)."""
    centred = np.array(polygon) * size - 0.5
    return np.asarray(np.rint(centred * 16), dtype=np.int32)


def _moving(scene: _Scene, grey: Grey, now: float, options: MotionOptions) -> Regions:
    """The regions that move now; the background has followed afterwards.

    What somebody left behind, and the place that somebody left, differ from the background for a while,
    but not from what was there just before.
    """
    changed = scene.background.changed(grey, options.threshold) & scene.watched
    lately = scene.recent.changed(grey, options.threshold) & changed
    settling = now < scene.settled_at
    share = cv2.countNonZero(changed) / max(1, cv2.countNonZero(scene.watched))
    if share > options.light_change and not settling:
        scene.settled_at = now + SETTLE_SECONDS
        settling = True
    if settling:
        scene.background.learn(grey, now)
        scene.recent.learn(grey, now)
        return Regions.none(*grey.shape)
    scene.background.follow(grey, now, options.adapt)
    scene.recent.follow(grey, now, min(RECENT, options.adapt))
    smallest = options.min_area * grey.size
    if cv2.countNonZero(lately) < MOVING * smallest:
        return Regions.none(*grey.shape)
    return find_regions(changed, options.dilation, smallest).moving(lately, MOVING * smallest)


def _detections(regions: Regions, small: View) -> Detections:
    """The regions as boxes of the frame; what lies outside of it (in a border) is left out."""
    if not len(regions.boxes):
        return Detections.none((LABEL,))
    frame = small.frame
    boxes = geometry.clip_boxes(small.boxes_to_frame(regions.boxes), frame.width, frame.height)
    score, inside = regions.score, geometry.areas(boxes) > 0.0
    if not inside.all():
        boxes, score = boxes[inside], score[inside]
    return Detections(boxes, score, np.zeros(len(boxes), np.int32), (LABEL,))
