"""The background: what a small grey picture usually looks like."""

from __future__ import annotations

from math import exp

import cv2
import numpy as np
from numpy.typing import NDArray

Grey = NDArray[np.uint8]


class Background:
    """A running average of grey pictures (height, width) uint8 that forgets exponentially.

    It goes by the time between the pictures, so it follows a slow and a fast camera alike.

    seen  when the last picture was taken, in its source's seconds
    """

    def __init__(self, grey: Grey, now: float) -> None:
        self._average = grey.astype(np.float32)
        self.seen = now

    def learn(self, grey: Grey, now: float) -> None:
        """Take this picture for the background, whatever was before."""
        self._average[:] = grey
        self.seen = now

    def follow(self, grey: Grey, now: float, time_constant: float) -> None:
        """Move towards this picture as far as the time since the last one, in seconds, allows."""
        share = 1.0 - exp(-(now - self.seen) / time_constant)
        cv2.accumulateWeighted(grey, self._average, share)
        self.seen = now

    def changed(self, grey: Grey, threshold: int) -> Grey:
        """The pixels that differ by the threshold or more: (height, width) uint8, 1 or 0."""
        difference = cv2.absdiff(grey, cv2.convertScaleAbs(self._average))
        _, changed = cv2.threshold(difference, threshold - 1, 1, cv2.THRESH_BINARY)
        return np.asarray(changed, dtype=np.uint8)
