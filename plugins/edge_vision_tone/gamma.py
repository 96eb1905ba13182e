"""The stage `gamma`: dark parts lighter, or light parts darker."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_vision import Options as BaseOptions
from edge_vision import Result, Stage, option


class Gamma(Stage):
    """Bends the brightness curve: value = 255 * (value / 255) ** (1 / gamma), each channel alike."""

    name = "gamma"

    class Options(BaseOptions):
        """How far to bend, and which way."""

        gamma: float = option(
            ..., "Above 1 makes dark parts lighter, below 1 darker.", live=True, ge=0.1, le=10.0
        )

    options: Options

    def __call__(self, result: Result) -> Result:
        """Let the next stage see the picture with its brightness bent."""
        view = result.view
        pixels = cv2.LUT(view.pixels(), _table(self.options.gamma))
        return result.with_view(view.with_pixels(np.asarray(pixels, dtype=np.uint8)))


def _table(gamma: float) -> NDArray[np.uint8]:
    """What each of the 256 values becomes, (256,) uint8."""
    values = np.arange(256) / 255.0
    return np.asarray(np.rint(255.0 * values ** (1.0 / gamma)), dtype=np.uint8)
