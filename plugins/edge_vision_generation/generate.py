"""The stage generate: a picture that a model makes of the view."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from edge_vision import ModelName, Picture, Result, Stage, StageContext, geometry, option
from edge_vision import Options as BaseOptions
from edge_vision_generation.pictures import (
    Range,
    picture_size,
    range_of,
    real_values,
    stored_range,
    to_pixels,
    wider,
)

_EARLY = 1e-3
"""Share of the time between two pictures by which one may come early: clocks of cameras jitter."""


class Generate(Stage):
    """Makes a picture of the view by an image-to-image model: another style, more detail, less noise.

    It remembers when the last picture was made, and which values the model has given so far.
    """

    name = "generate"
    stateful = True

    class Options(BaseOptions):
        """Options of generate."""

        model: ModelName = option(..., "The model, as named in [models]; it takes and gives a picture.")
        picture: str = option(
            "",
            "Last part of the picture's topic; left out, the stage's name.",
            pattern="^([A-Za-z0-9][A-Za-z0-9_-]{0,63})?$",
        )
        fps: float | None = option(
            None, "So many pictures at most; left out, all.", unit="1/s", live=True, gt=0, le=1000
        )
        output_range: Literal["auto", "0..1", "-1..1", "0..255"] = option(
            "auto", "Which of the model's values stand for black and white."
        )

    options: Options

    def __init__(self, options: Options, context: StageContext) -> None:
        super().__init__(options, context)
        self._model = context.model(options.model)
        bundle = self._model.bundle
        self._image = bundle.image_input
        self._output = bundle.output("image")
        self._size = picture_size(self._output, bundle.name)
        self._told = (
            stored_range(self._output) if options.output_range == "auto" else options.output_range
        )
        self._seen: Range = "0..1"
        self._last: float | None = None

    def __call__(self, result: Result) -> Result:
        """Add the picture, where it is time for one."""
        if not self._is_time(result.frame.monotonic):
            return result
        view = result.view
        pixels = view.pixels(self._image.size)
        outputs = self._model({self._image.name: self._image.from_pixels(pixels)})
        image = self._pixels(outputs[self._output.name])
        width, height = self._size
        to_frame = view.to_frame @ geometry.scaling(view.width / width, view.height / height)
        return result.add(Picture(image, name=self.options.picture, to_frame=to_frame))

    def _is_time(self, now: float) -> bool:
        """True at most `fps` times a second of the source's clock; a clock set back starts anew."""
        fps = self.options.fps
        if fps is not None and self._last is not None:
            early = (1.0 - _EARLY) / fps
            if 0.0 <= now - self._last < early:
                return False
        self._last = now
        return True

    def _pixels(self, array: NDArray[Any]) -> NDArray[np.uint8]:
        values = real_values(self._output, array)
        if self._told is not None:
            return to_pixels(values, self._told)
        # A dark picture must not be taken for another range than the bright one before it.
        self._seen = wider(self._seen, range_of(values))
        return to_pixels(values, self._seen)
