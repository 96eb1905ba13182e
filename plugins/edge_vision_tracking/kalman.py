"""Where things are going: a Kalman filter of constant velocity for many boxes at once.

A box is its centre, width and height, each with a velocity: four pairs that do not influence each
other, so that a filter is a few formulas on columns. Time is in seconds, so that it means the same at
any frame rate: between two looks the velocity drifts by white noise of acceleration (Bar-Shalom, Li and
Kirubarajan, "Estimation with Applications to Tracking and Navigation", 2001, section 6.2.2). All
deviations grow with the height of the box, as nearer things move by more pixels (Wojke, Bewley and
Paulus, "Simple online and realtime tracking with a deep association metric", 2017).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Columns = NDArray[np.float64]

MEASURED = 0.07
"""Standard deviation of a detector's sides, in heights of the box."""
MOVES = (1.0, 1.0, 0.3, 0.3)
"""How much the velocities of centre (x, y), width and height drift: heights a second, after a second."""
STARTS = (1.0, 0.5, 0.3, 0.3)
"""Standard deviation of the velocities of what was just seen for the first time: heights a second."""


@dataclass
class Motions:
    """The states of n boxes.

    place     (n, 4): centre x, y, width, height in frame pixels
    velocity  (n, 4): the same a second
    pp        (n, 4): variance of the place
    pv        (n, 4): covariance of place and velocity
    vv        (n, 4): variance of the velocity
    """

    place: Columns
    velocity: Columns
    pp: Columns
    pv: Columns
    vv: Columns

    @classmethod
    def none(cls) -> Motions:
        """No boxes."""
        return cls(*(np.zeros((0, 4)) for _ in range(5)))

    @classmethod
    def begun(cls, boxes: Columns) -> Motions:
        """Boxes (n, 4), x1, y1, x2, y2, seen for the first time."""
        place = centred(boxes)
        height = place[:, 3:]
        return cls(
            place,
            np.zeros_like(place),
            np.repeat((MEASURED * height) ** 2, 4, axis=1),
            np.zeros_like(place),
            (np.array(STARTS) * height) ** 2,
        )

    def __len__(self) -> int:
        return len(self.place)

    def __getitem__(self, rows: NDArray[np.intp] | NDArray[np.bool_]) -> Motions:
        return Motions(*(column[rows] for column in self._columns()))

    def joined(self, others: Motions) -> Motions:
        """These, and others behind them."""
        pairs = zip(self._columns(), others._columns(), strict=True)
        return Motions(*(np.concatenate(pair) for pair in pairs))

    def predict(self, seconds: float) -> None:
        """Let them move on for so long."""
        drift = (np.array(MOVES) * self.place[:, 3:]) ** 2
        self.place = self.place + self.velocity * seconds
        self.place[:, 2:] = np.maximum(self.place[:, 2:], 1.0)
        self.pp = self.pp + 2 * seconds * self.pv + seconds**2 * self.vv + drift * seconds**3 / 3
        self.pv = self.pv + seconds * self.vv + drift * seconds**2 / 2
        self.vv = self.vv + drift * seconds

    def correct(self, rows: NDArray[np.intp], boxes: Columns, score: Columns) -> None:
        """Some rows were seen as boxes (k, 4) of that score (k,): the surer, the more it counts."""
        seen = centred(boxes)
        noise = (MEASURED * self.place[rows, 3:] * (2.0 - score[:, np.newaxis])) ** 2
        pp, pv, vv = self.pp[rows], self.pv[rows], self.vv[rows]
        missed, total = seen - self.place[rows], pp + noise
        self.place[rows] += pp / total * missed
        self.velocity[rows] += pv / total * missed
        self.pp[rows] = pp - pp * pp / total
        self.pv[rows] = pv - pp * pv / total
        self.vv[rows] = vv - pv * pv / total

    def rest_sizes(self, rows: NDArray[np.bool_]) -> None:
        """Let the sizes of some rows change no more, because nobody sees them."""
        self.velocity[rows, 2:] = 0.0

    @property
    def boxes(self) -> Columns:
        """Where they are, (n, 4): x1, y1, x2, y2."""
        half = self.place[:, 2:] / 2
        return np.concatenate([self.place[:, :2] - half, self.place[:, :2] + half], axis=1)

    def _columns(self) -> tuple[Columns, Columns, Columns, Columns, Columns]:
        return self.place, self.velocity, self.pp, self.pv, self.vv


def centred(boxes: Columns) -> Columns:
    """Boxes x1, y1, x2, y2 as centre x, y, width, height; a side is one pixel at least."""
    xyxy = np.asarray(boxes, dtype=np.float64).reshape(-1, 4)
    sides = np.maximum(xyxy[:, 2:] - xyxy[:, :2], 1.0)
    return np.concatenate([(xyxy[:, :2] + xyxy[:, 2:]) / 2, sides], axis=1)
