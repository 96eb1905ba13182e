"""The stage generate: a picture that a model makes of the view, or of random numbers and a label."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from edge_vision import (
    Conditions,
    ConfigError,
    Frame,
    Image,
    ModelName,
    Picture,
    RealPicture,
    Result,
    Runner,
    Stage,
    StageContext,
    geometry,
    option,
)
from edge_vision import Options as BaseOptions

_EARLY = 1e-3
"""Share of the time between two pictures by which one may come early: clocks of cameras jitter."""


class Generate(Stage):
    """Makes a picture: of the view (another style, more detail, less noise), or of nothing but chance.

    It remembers when the last picture was made, and which values the model has given so far.
    """

    name = "generate"
    stateful = True

    class Options(BaseOptions):
        """Options of generate."""

        model: ModelName = option(..., "The model, as named in [models]; it gives a picture.")
        label: str | int = option(
            "", "What the picture shall show, by name or number of a class; left out, drawn.", live=True
        )
        seed: int | None = option(
            None, "Draws the same random numbers for every picture; left out, each has its own.", ge=0
        )
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
        reset_after: float = option(
            2.0, "A recurrent model starts anew after so long without a frame.", unit="s", gt=0
        )

    def __init__(self, options: Options, context: StageContext) -> None:
        model = context.model(options.model)
        self._conditions = Conditions.of(model.bundle)
        self._run = Runner(model, RealPicture, options.reset_after, provides=self._conditions.inputs)
        self._seen: Literal["0..1", "-1..1", "0..255"] = "0..1"
        self._last: float | None = None
        super().__init__(options, context)

    @property
    def options(self) -> Options:
        """What the user wrote; changing it to a label that the model does not have is refused."""
        return self._options

    @options.setter
    def options(self, options: Options) -> None:
        try:
            self._label = self._conditions.number_of(options.label) if options.label != "" else None
        except ConfigError as error:
            raise error.below("label") from None
        self._options = options

    def __call__(self, result: Result) -> Result:
        """Add the picture, where it is time for one."""
        options, frame = self.options, result.frame
        if not self._is_time(frame.monotonic, options.fps):
            return result
        drawn = self._drawn(frame, options.seed)
        if not self._run.bundle.takes_image:
            image = self._pixels(self._run(more=drawn, time=frame.monotonic))
            return result.add(Picture(image, name=options.picture, to_frame=None))
        view = self._run.view(result.view)
        image = self._pixels(self._run(view, more=drawn))
        height, width = image.shape[:2]
        to_frame = view.to_frame @ geometry.scaling(view.width / width, view.height / height)
        return result.add(Picture(image, name=options.picture, to_frame=to_frame))

    def _drawn(self, frame: Frame, seed: int | None) -> Mapping[str, NDArray[Any]]:
        """The random inputs: the seed's, or those of the camera and the frame, so that runs repeat."""
        entropy = [crc32(frame.camera.encode()), frame.index] if seed is None else [seed]
        return self._conditions.drawn(np.random.default_rng(entropy), self._label)

    def _is_time(self, now: float, fps: float | None) -> bool:
        """True at most `fps` times a second of the source's clock; a clock set back starts anew."""
        if fps is not None and self._last is not None:
            early = (1.0 - _EARLY) / fps
            if 0.0 <= now - self._last < early:
                return False
        self._last = now
        return True

    def _pixels(self, picture: RealPicture) -> Image:
        if self.options.output_range != "auto":
            return picture.pixels(self.options.output_range)
        if picture.told is not None:
            return picture.pixels(picture.told)
        # A dark picture must not be taken for another range than the bright one before it.
        self._seen = picture.wider(self._seen)
        return picture.pixels(self._seen)
