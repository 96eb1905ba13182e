"""The stage `denoise`: less noise, from a fast blur to a slow search for likeness."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Literal

import cv2
import numpy as np

from edge_vision import Image, Result, Stage, option
from edge_vision import Options as BaseOptions

Method = Literal["median", "gaussian", "bilateral", "nlmeans"]


class Denoise(Stage):
    """Smooths noise away; the methods differ in what they spare and in what they cost."""

    name = "denoise"

    class Options(BaseOptions):
        """Which method, and how strong."""

        method: Method = option(
            "median",
            "median removes specks, gaussian blurs, bilateral keeps edges, nlmeans is the best and far "
            "too slow for live pictures.",
        )
        strength: int = option(
            1,
            "From 1, hardly visible, to 5; looks up to this many pixels around.",
            live=True,
            ge=1,
            le=5,
        )

    options: Options

    def __call__(self, result: Result) -> Result:
        """Let the next stage see the smoothed picture."""
        options, view = self.options, result.view
        smoothed = _METHODS[options.method](view.pixels(), options.strength)
        return result.with_view(view.with_pixels(smoothed))


def _median(pixels: Image, strength: int) -> Image:
    return np.asarray(cv2.medianBlur(pixels, 2 * strength + 1), dtype=np.uint8)


def _gaussian(pixels: Image, strength: int) -> Image:
    side = 2 * strength + 1
    return np.asarray(cv2.GaussianBlur(pixels, (side, side), 0), dtype=np.uint8)


def _bilateral(pixels: Image, strength: int) -> Image:
    """Tomasi and Manduchi, "Bilateral filtering for gray and color images", ICCV 1998."""
    smoothed = cv2.bilateralFilter(pixels, 2 * strength + 1, 25.0 * strength, float(strength))
    return np.asarray(smoothed, dtype=np.uint8)


def _nlmeans(pixels: Image, strength: int) -> Image:
    """Buades, Coll and Morel, "Non-local means denoising", Image Processing On Line 1, 2011."""
    filtering = 3.0 * strength
    smoothed = cv2.fastNlMeansDenoisingColored(pixels, None, filtering, filtering, 7, 21)
    return np.asarray(smoothed, dtype=np.uint8)


_METHODS: Mapping[Method, Callable[[Image, int], Image]] = {
    "median": _median,
    "gaussian": _gaussian,
    "bilateral": _bilateral,
    "nlmeans": _nlmeans,
}
