"""The stage generate: a picture that a model makes of the view, or of random numbers and a label."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, Self
from zlib import crc32

import cv2
import numpy as np
from numpy.typing import NDArray
from pydantic import model_validator

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
    View,
    geometry,
    option,
)
from edge_vision import Options as BaseOptions
from edge_vision_generation.pace import Pace


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
        detail: int | None = option(
            None,
            "The model is shown at most so many pixels along the view's longer side; left out, all.",
            unit="px",
            ge=8,
            le=8192,
        )
        replace: bool = option(
            False, "Whether later stages and sinks get the picture in the place of the frame."
        )

        @model_validator(mode="after")
        def _always_replaced(self) -> Self:
            if self.replace and self.fps is not None:
                raise ValueError("fps and replace do not go together: a frame would stay as it is")
            return self

    def __init__(self, options: Options, context: StageContext) -> None:
        model = context.model(options.model)
        if options.replace and not model.bundle.takes_image:
            raise ConfigError("replace: the model makes no picture of the frame; leave it out")
        self._conditions = Conditions.of(model.bundle)
        self._run = Runner(model, RealPicture, options.reset_after, provides=self._conditions.inputs)
        self._seen: Literal["0..1", "-1..1", "0..255"] = "0..1"
        self._pace = Pace()
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
        if not self._pace.is_time(frame.monotonic, options.fps):
            return result
        drawn = self._drawn(frame, options.seed)
        if not self._run.bundle.takes_image:
            image = self._pixels(self._run(more=drawn, time=frame.monotonic))
            return result.add(Picture(image, name=options.picture, to_frame=None))
        view = self._run.view(_coarser(result.view, options.detail))
        image = self._pixels(self._run(view, more=drawn))
        height, width = image.shape[:2]
        to_frame = view.to_frame @ geometry.scaling(view.width / width, view.height / height)
        if options.replace:
            result = _replaced(result, image, to_frame)
        return result.add(Picture(image, name=options.picture, to_frame=to_frame))

    def _drawn(self, frame: Frame, seed: int | None) -> Mapping[str, NDArray[Any]]:
        """The random inputs: the seed's, or those of the camera and the frame, so that runs repeat."""
        entropy = [crc32(frame.camera.encode()), frame.index] if seed is None else [seed]
        return self._conditions.drawn(np.random.default_rng(entropy), self._label)

    def _pixels(self, picture: RealPicture) -> Image:
        if self.options.output_range != "auto":
            return picture.pixels(self.options.output_range)
        if picture.told is not None:
            return picture.pixels(picture.told)
        # A dark picture must not be taken for another range than the bright one before it.
        self._seen = picture.wider(self._seen)
        return picture.pixels(self._seen)


def _coarser(view: View, detail: int | None) -> View:
    """A view that knows no more than so many pixels along its longer side; None for all of them."""
    longer = max(view.size)
    if detail is None or longer <= detail:
        return view
    width, height = (max(1, round(side * detail / longer)) for side in view.size)
    coarse = view.resized((width, height))
    # A view is warped from the frame only once, at the end: without these pixels nothing would be lost.
    return coarse.with_pixels(coarse.pixels())


def _replaced(result: Result, picture: Image, to_frame: geometry.Map) -> Result:
    """The result with a picture in the place of everything that shows the frame; black beside it.

    to_frame  3x3 map from the picture's pixels to frame pixels
    """
    coloured = picture if picture.ndim == 3 else np.repeat(picture[..., np.newaxis], 3, axis=2)
    back = geometry.inverse(to_frame)

    def shown(image: Image, image_to_frame: geometry.Map) -> Image:
        size = (image.shape[1], image.shape[0])
        seen = result.view.warp(coloured, back @ image_to_frame, size, (0, 0, 0), None)
        return seen if image.ndim == 3 else np.asarray(cv2.cvtColor(seen, cv2.COLOR_BGR2GRAY), np.uint8)

    return result.repainted(shown)
