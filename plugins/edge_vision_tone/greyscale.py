"""The stage `greyscale`: the picture without its colours."""

from __future__ import annotations

import cv2
import numpy as np

from edge_vision import Result, Stage


class Greyscale(Stage):
    """Takes the colours away (ITU-R BT.601 luma) and keeps three channels, now equal."""

    name = "greyscale"

    def __call__(self, result: Result) -> Result:
        """Let the next stage see the picture in grey."""
        grey = cv2.cvtColor(result.view.pixels(), cv2.COLOR_BGR2GRAY)
        pixels = np.asarray(cv2.cvtColor(grey, cv2.COLOR_GRAY2BGR), dtype=np.uint8)
        return result.with_view(result.view.with_pixels(pixels))
