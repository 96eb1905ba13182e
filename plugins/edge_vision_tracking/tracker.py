"""The tracker: tells which of the things found in a frame were there before.

ByteTrack (Zhang and others, "ByteTrack: multi-object tracking by associating every detection box",
ECCV 2022): what was found surely is matched with all tracks first; what was found unsurely only goes on
with tracks that nothing sure was found for, and begins none. What is left is compared once more with
boxes that are buffered, as things move far between frames that are far apart (Yang and others, "Hard to
track objects with irregular motions and similar appearances? Make it easier by buffering the matching
space", WACV 2023). Each comparison is an exact assignment. Where vectors of appearance are
given, what overlaps at all and looks alike is near, too (after Aharon and others, "BoT-SORT", 2022).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from itertools import compress
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from edge_vision import Detections, geometry
from edge_vision_tracking.assignment import Costs, assign
from edge_vision_tracking.kalman import Motions

Rows = NDArray[np.intp]
Choice = NDArray[np.bool_]

UNTRACKED = Detections.UNTRACKED

SURE, UNSURE, NEW = 0.8, 0.5, 0.7
"""What may differ, 1 less the overlap, between a box and a track: found surely, unsurely, and where the
track is new itself."""
BUFFERED = 0.9
"""The same of buffered boxes."""
BUFFER, FURTHEST = 1.0, 0.6
"""By so much of its sides a box is buffered for each second since its track was seen, and at most."""
ALIKE = 0.25
"""Vectors whose cosine is less than that from 1 are of one thing."""
MEMORY = 0.9
"""How much a track's appearance stays what it was."""


@dataclass(frozen=True, slots=True)
class Found:
    """What was found in a frame, n things.

    boxes    (n, 4) x1, y1, x2, y2 in frame pixels
    score    (n,) 0 to 1
    kind     (n,) things of different kinds are never one
    vectors  (n, d) of length 1 or zeros, or None: what they look like
    """

    boxes: NDArray[np.float64]
    score: NDArray[np.float64]
    kind: NDArray[np.int64]
    vectors: NDArray[np.float32] | None = None

    def __len__(self) -> int:
        return len(self.score)

    def look(self, row: int) -> NDArray[np.float32] | None:
        """What one of them looks like, None where that is not known."""
        known = self.vectors is not None and self.vectors[row].any()
        return self.vectors[row] if known and self.vectors is not None else None


class Followed(NamedTuple):
    """Whose the things are that were found.

    id     (n,) UNTRACKED where they belong to no track, or to one that is not confirmed
    boxes  (n, 4) where the tracks are, x1, y1, x2, y2 in frame pixels; as found where there is none
    """

    id: NDArray[np.int64]
    boxes: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Manners:
    """How to track.

    sure     what was found with that score is sure
    begin    score from which it may begin a track
    confirm  times that it is seen, frame after frame, before it counts
    keep     seconds that a track is remembered while it is not seen
    """

    sure: float = 0.6
    begin: float = 0.7
    confirm: int = 2
    keep: float = 2.0


@dataclass
class _Track:
    """One thing on its way.

    id       UNTRACKED until it is confirmed
    kind     of the thing
    hits     how often it was seen
    seen_at  when it was last, seconds of the source
    vector   (d,) what it looks like, or None
    """

    kind: int
    seen_at: float
    vector: NDArray[np.float32] | None
    hits: int = 1
    id: int = UNTRACKED

    def see(self, moment: float, vector: NDArray[np.float32] | None) -> None:
        """It is seen again."""
        self.hits += 1
        self.seen_at = moment
        if vector is None:
            return
        if self.vector is None or len(self.vector) != len(vector):
            self.vector = vector
        else:
            mixed = MEMORY * self.vector + (1.0 - MEMORY) * vector
            self.vector = (mixed / max(float(np.linalg.norm(mixed)), 1e-9)).astype(np.float32)


class Tracker:
    """Follows things from frame to frame. One for each camera, its frames in order.

    number  gives the next id
    """

    def __init__(self, number: Callable[[], int]) -> None:
        self._number = number
        self._tracks: list[_Track] = []
        self._motions = Motions.none()
        self._moment = 0.0

    def update(self, moment: float, found: Found, manners: Manners) -> Followed:
        """Tell whose the things are that were found in the next frame.

        moment  seconds of the source, not before those of the last call
        """
        previous, self._moment = self._moment, moment
        self._motions.predict(moment - previous)
        matched = self._match(found, previous, manners.sure)
        self._go_on(found, matched, manners.confirm)
        followed = Followed(np.full(len(found), UNTRACKED, dtype=np.int64), found.boxes.copy())
        boxes = self._motions.boxes
        for column, row in matched.items():
            followed.id[column], followed.boxes[column] = self._tracks[row].id, boxes[row]
        self._forget(manners.keep)
        for column in range(len(found)):
            if column not in matched and found.score[column] >= manners.begin:
                followed.id[column] = self._begin(found, column, manners.confirm)
        return followed

    def _match(self, found: Found, previous: float, sure_score: float) -> dict[int, int]:
        """Tracks by what was found of them, both by their places in their lists."""
        rounds = _Rounds(found, self._tracks, self._motions.boxes)
        sure = found.score >= sure_score
        known = np.array([track.id != UNTRACKED for track in self._tracks], dtype=bool)
        lately = np.array([track.seen_at >= previous for track in self._tracks], dtype=bool)
        rounds.match(known, sure, rounds.surely, SURE)
        rounds.match(known & lately, ~sure, rounds.by_place, UNSURE)
        rounds.match(~known, sure, rounds.surely, NEW)
        rounds.match(known | lately, sure, partial(rounds.buffered, self._moment), BUFFERED)
        return rounds.matched

    def _go_on(self, found: Found, matched: dict[int, int], confirm: int) -> None:
        """Correct the tracks by what was found of them, and give an id to those that are confirmed."""
        columns, rows = list(matched), np.array(list(matched.values()), dtype=np.intp)
        self._motions.correct(rows, found.boxes[columns], found.score[columns])
        for column, row in matched.items():
            self._tracks[row].see(self._moment, found.look(column))
            self._confirm(self._tracks[row], confirm)
        unseen = np.ones(len(self._tracks), dtype=bool)
        unseen[rows] = False
        self._motions.rest_sizes(unseen)

    def _confirm(self, track: _Track, confirm: int) -> None:
        if track.id == UNTRACKED and track.hits >= confirm:
            track.id = self._number()

    def _forget(self, keep: float) -> None:
        """Drop tracks that were not seen for too long; a new one has to be seen in each frame."""
        stay = [
            self._moment - track.seen_at <= (keep if track.id != UNTRACKED else 0.0)
            for track in self._tracks
        ]
        if not all(stay):
            self._motions = self._motions[np.array(stay, dtype=bool)]
            self._tracks = list(compress(self._tracks, stay))

    def _begin(self, found: Found, column: int, confirm: int) -> int:
        """Begin a track; gives its id."""
        self._motions = self._motions.joined(Motions.begun(found.boxes[column : column + 1]))
        track = _Track(int(found.kind[column]), self._moment, found.look(column))
        self._tracks.append(track)
        self._confirm(track, confirm)
        return track.id


class _Rounds:
    """The rounds in which what was found in one frame is matched with tracks.

    matched  tracks by what was found of them, both by their places in their lists
    """

    def __init__(self, found: Found, tracks: list[_Track], boxes: NDArray[np.float64]) -> None:
        self.matched: dict[int, int] = {}
        self._found, self._tracks, self._boxes = found, tracks, boxes
        self._rows, self._columns = np.ones(len(tracks), bool), np.ones(len(found), bool)

    def match(
        self, rows: Choice, columns: Choice, costs: Callable[[Rows, Rows], Costs], limit: float
    ) -> None:
        """Match those of the chosen tracks and findings that are left, where that costs less."""
        row, column = np.flatnonzero(rows & self._rows), np.flatnonzero(columns & self._columns)
        if not len(row) or not len(column):
            return
        others = np.not_equal.outer(self._kinds(row), self._found.kind[column])
        for i, j in assign(np.where(others, np.inf, costs(row, column)), limit):
            self.matched[int(column[j])] = int(row[i])
            self._rows[row[i]] = self._columns[column[j]] = False

    def by_place(self, rows: Rows, columns: Rows) -> Costs:
        """1 less the overlap."""
        return 1.0 - geometry.iou(self._boxes[rows], self._found.boxes[columns]).astype(np.float64)

    def surely(self, rows: Rows, columns: Rows) -> Costs:
        """1 less the overlap, which counts by the score; less where they look alike."""
        costs = 1.0 - (1.0 - self.by_place(rows, columns)) * self._found.score[columns]
        return np.asarray(np.minimum(costs, self._looks(rows, columns)))

    def buffered(self, moment: float, rows: Rows, columns: Rows) -> Costs:
        """1 less the overlap of boxes that grew by the time since the track was seen."""
        gone = moment - np.array([self._tracks[row].seen_at for row in rows])
        growth = np.minimum(BUFFER * gone, FURTHEST)
        wide = [_grown(self._boxes[row : row + 1], by) for row, by in zip(rows, growth, strict=True)]
        costs = [
            1.0 - geometry.iou(box, _grown(self._found.boxes[columns], by))
            for box, by in zip(wide, growth, strict=True)
        ]
        return np.concatenate(costs).astype(np.float64)

    def _looks(self, rows: Rows, columns: Rows) -> Costs:
        """Half the distance of what they look like, 0 to 1, where they are near and alike; else inf."""
        costs = np.full((len(rows), len(columns)), np.inf)
        vectors = self._found.vectors
        if vectors is None:
            return costs
        near = self.by_place(rows, columns) < 1.0
        for place, row in enumerate(rows):
            own = self._tracks[row].vector
            if own is not None and len(own) == vectors.shape[1]:  # else of another model
                distance = 1.0 - vectors[columns] @ own
                alike = near[place] & (distance < ALIKE)
                costs[place, alike] = distance[alike] / 2
        return costs

    def _kinds(self, rows: Rows) -> NDArray[np.int64]:
        return np.array([self._tracks[row].kind for row in rows], dtype=np.int64)


def _grown(boxes: NDArray[np.float64], by: float) -> NDArray[np.float64]:
    """Boxes with so much of their sides more on each side."""
    more = by * (boxes[:, 2:] - boxes[:, :2])
    return np.concatenate([boxes[:, :2] - more, boxes[:, 2:] + more], axis=1)
