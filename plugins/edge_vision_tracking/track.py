"""The stage `track`: the same thing keeps its id from frame to frame."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from edge_vision import Detections, Embedding, Result, Stage, StageContext, StageNames, option
from edge_vision import Options as BaseOptions
from edge_vision_tracking.tracker import Found, Manners, Tracker


class Track(Stage):
    """Gives the things that an earlier stage found the ids of their tracks."""

    name = "track"
    stateful = True

    class Options(BaseOptions):
        """What to track, and how long to wait for what is not seen."""

        of: StageNames = option(
            (), "Track what these earlier stages found; left out, what was found last before it."
        )
        sure: float = option(
            0.6,
            "Things found with this score are matched first, all others after them.",
            live=True,
            ge=0.0,
            le=1.0,
        )
        begin: float = option(
            0.7, "Score with which a thing that nobody knows begins a track.", live=True, ge=0.0, le=1.0
        )
        confirm: int = option(
            2,
            "Frames in a row in which it has to be found before it gets an id.",
            live=True,
            ge=1,
            le=100,
        )
        keep: float = option(
            2.0,
            "How long a thing that is not found keeps its id.",
            unit="s",
            live=True,
            gt=0.0,
            le=600.0,
        )
        by_label: bool = option(
            True, "A track keeps its label; false where a detector wavers between labels of one thing."
        )
        smooth: bool = option(
            True, "Report where the track is, not where the detector saw it in this frame.", live=True
        )
        only: bool = option(False, "Leave out what belongs to no track, or not yet.", live=True)

    options: Options

    def __init__(self, options: Options, context: StageContext) -> None:
        super().__init__(options, context)
        self._trackers: dict[str, Tracker] = {}
        self._take = 0

    def __call__(self, result: Result) -> Result:
        """Put tracks to what was found."""
        if result.frame.take != self._take:
            self._take = result.frame.take
            self._trackers.clear()
        for found in self._chosen(result):
            result = result.exchange(found, self._tracked(found, result))
        return result

    def _chosen(self, result: Result) -> tuple[Detections, ...]:
        if self.options.of:
            return tuple(result.all(Detections, self.options.of))
        return result.detections[-1:]

    def _tracked(self, found: Detections, result: Result) -> Detections:
        options = self.options
        tracker = self._trackers.get(found.stage)
        if tracker is None:
            tracker = self._trackers[found.stage] = Tracker(self.context.number)
        manners = Manners(options.sure, options.begin, options.confirm, options.keep)
        kinds = found.class_id if options.by_label else np.zeros(len(found))
        seen = Found(
            found.xyxy.astype(np.float64),
            found.score.astype(np.float64),
            kinds.astype(np.int64),
            _looks(found, result),
        )
        ids, boxes = tracker.update(result.frame.monotonic, seen, manners)
        tracked = replace(found, track_id=ids)
        if options.smooth:
            tracked = replace(tracked, xyxy=boxes.astype(np.float32))
        return tracked[ids != Detections.UNTRACKED] if options.only else tracked


def _looks(found: Detections, result: Result) -> NDArray[np.float32] | None:
    """What the found things look like, (n, d) of length 1, zeros where that is not known.

    None where no stage made vectors of what is in their boxes.
    """
    vectors = {each.box: each.vector for each in result.all(Embedding) if each.box is not None}
    known = [vectors.get(thing.box) for thing in found]
    width = next((len(vector) for vector in known if vector is not None), 0)
    if not width:
        return None
    looks = np.zeros((len(found), width), np.float32)
    for row, vector in enumerate(known):
        if vector is not None and len(vector) == width:
            looks[row] = vector / max(float(np.linalg.norm(vector)), 1e-9)
    return looks
