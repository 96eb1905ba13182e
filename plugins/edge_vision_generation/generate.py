"""The stage generate: a picture that a model makes of the view."""

from __future__ import annotations

from typing import Literal

from edge_vision import (
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
        reset_after: float = option(
            2.0, "A recurrent model starts anew after so long without a frame.", unit="s", gt=0
        )

    options: Options

    def __init__(self, options: Options, context: StageContext) -> None:
        super().__init__(options, context)
        self._run = Runner(context.model(options.model), RealPicture, options.reset_after)
        self._seen: Literal["0..1", "-1..1", "0..255"] = "0..1"
        self._last: float | None = None

    def __call__(self, result: Result) -> Result:
        """Add the picture, where it is time for one."""
        if not self._is_time(result.frame.monotonic):
            return result
        view = self._run.view(result.view)
        image = self._pixels(self._run(view))
        height, width = image.shape[:2]
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

    def _pixels(self, picture: RealPicture) -> Image:
        if self.options.output_range != "auto":
            return picture.pixels(self.options.output_range)
        if picture.told is not None:
            return picture.pixels(picture.told)
        # A dark picture must not be taken for another range than the bright one before it.
        self._seen = picture.wider(self._seen)
        return picture.pixels(self._seen)
