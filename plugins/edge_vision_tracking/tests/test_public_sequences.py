"""Tracking on TUD-Campus and TUD-Stadtmitte of MOT15, beside SORT on the same detections.

MOTA and ID switches: Bernardin and Stiefelhagen, 2008; IDF1: Ristani and others, 2016; a box is that of
a person where they overlap by half. The figures of SORT (Bewley and others, 2016; max_age 1, min_hits 3,
IoU 0.3) are those of its own code.
"""

from __future__ import annotations

from itertools import count
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from edge_vision_tracking.tracker import UNTRACKED, Found, Manners, Tracker
from numpy.typing import NDArray

from edge_vision import geometry

motmetrics = pytest.importorskip("motmetrics")

SEQUENCES = Path(__file__).resolve().parents[4] / "shared" / "data" / "tracking"
FPS = 25.0
FRAME, ID, SCORE = 0, 1, 6

pytestmark = [
    pytest.mark.shared,
    pytest.mark.skipif(not SEQUENCES.is_dir(), reason="the shared sequences are not here"),
]


class Scores(NamedTuple):
    """MOTA and IDF1, 0 to 1, and ID switches."""

    mota: float
    idf1: float
    switches: int


SORT = {"TUD-Campus": Scores(0.627, 0.606, 6), "TUD-Stadtmitte": Scores(0.717, 0.735, 10)}


def boxes_of(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    """x1, y1, x2, y2 of rows in the format of MOT15: frame, id, left, top, width, height, score, ..."""
    return np.concatenate([rows[:, 2:4], rows[:, 2:4] + rows[:, 4:6]], axis=1)


def scores_of(sequence: str, every: int = 1) -> Scores:
    """How well it is tracked; of all frames, or of every so manieth."""
    found, true = (
        np.loadtxt(SEQUENCES / sequence / name, delimiter=",", ndmin=2) for name in ("det.txt", "gt.txt")
    )
    tracker = Tracker(count(1).__next__)
    told = motmetrics.MOTAccumulator(auto_id=True)
    for number in range(1, int(true[:, FRAME].max()) + 1, every):
        seen, there = found[found[:, FRAME] == number], true[true[:, FRAME] == number]
        kinds = np.zeros(len(seen), np.int64)
        followed = tracker.update(number / FPS, Found(boxes_of(seen), seen[:, SCORE], kinds), Manners())
        tracked = followed.id != UNTRACKED
        misses = 1.0 - geometry.iou(boxes_of(there), followed.boxes[tracked]).astype(np.float64)
        misses[misses > 0.5] = np.nan
        told.update(there[:, ID].astype(int), followed.id[tracked], misses)
    names = ["mota", "idf1", "num_switches"]
    mota, idf1, switches = motmetrics.metrics.create().compute(told, metrics=names).iloc[0]
    return Scores(float(mota), float(idf1), int(switches))


@pytest.mark.filterwarnings("default")
@pytest.mark.parametrize("sequence", SORT)
def test_it_is_better_than_sort_in_all_three(sequence: str) -> None:
    ours, theirs = scores_of(sequence), SORT[sequence]
    assert ours.mota > theirs.mota
    assert ours.idf1 > theirs.idf1
    assert ours.switches < theirs.switches


@pytest.mark.filterwarnings("default")
@pytest.mark.parametrize(("sequence", "idf1"), [("TUD-Campus", 0.6), ("TUD-Stadtmitte", 0.65)])
def test_five_frames_a_second_are_enough(sequence: str, idf1: float) -> None:
    assert scores_of(sequence, every=5).idf1 > idf1
