"""The stage `contrast`: detail brought out in dark and pale parts of the picture."""

from __future__ import annotations

import cv2
import numpy as np

from edge_vision import Image, Result, Stage, option
from edge_vision import Options as BaseOptions


class Contrast(Stage):
    """Evens out the lightness tile by tile and leaves the colours alone.

    Contrast limited adaptive histogram equalisation (Zuiderveld, Graphics Gems IV, 1994, VIII.5) on
    the L channel of CIE Lab.
    """

    name = "contrast"

    class Options(BaseOptions):
        """How strong, and how local."""

        clip_limit: float = option(
            2.0, "How much contrast may grow; more brings out noise too.", live=True, ge=0.1, le=40.0
        )
        tiles: int = option(8, "Into how many tiles each side is divided.", live=True, ge=1, le=64)

    options: Options

    def __call__(self, result: Result) -> Result:
        """Let the next stage see the picture with its detail brought out."""
        options, view = self.options, result.view
        # One a call: a shared one keeps its tables in itself, and two threads spoil each other's.
        equaliser = cv2.createCLAHE(options.clip_limit, (options.tiles, options.tiles))
        return result.with_view(view.with_pixels(_equalised(view.pixels(), equaliser)))


def _equalised(pixels: Image, equaliser: cv2.CLAHE) -> Image:
    lab = cv2.cvtColor(pixels, cv2.COLOR_BGR2LAB)
    lab[:, :, 0] = equaliser.apply(lab[:, :, 0])
    return np.asarray(cv2.cvtColor(lab, cv2.COLOR_LAB2BGR), dtype=np.uint8)
