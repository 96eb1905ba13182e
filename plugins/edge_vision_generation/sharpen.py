"""The stage sharpen: a view in twice as many pixels across and down, made up by a model."""

from __future__ import annotations

import logging

from edge_vision import Enlarger, ModelName, Picture, Result, Stage, StageContext, View, option
from edge_vision import Options as BaseOptions
from edge_vision_generation.pace import Pace

_log = logging.getLogger(__name__)


class Sharpen(Stage):
    """Gives the later stages a view with more pixels of the same place: super-resolution.

    Boxes that are found in it are in pixels of the frame, as always.
    """

    name = "sharpen"

    class Options(BaseOptions):
        """Options of sharpen."""

        model: ModelName = option(
            ..., "The model, as named in [models]; it gives pictures twice as wide and high, or more."
        )
        most: int = option(
            100_000,
            "A view of more pixels than this is left as it is: it would take long, and needs it least.",
            unit="px",
            live=True,
            ge=1,
        )
        send: bool = option(False, "Send the sharpened view as a picture, too.")
        picture: str = option(
            "",
            "Last part of that picture's topic; left out, the stage's name.",
            pattern="^([A-Za-z0-9][A-Za-z0-9_-]{0,63})?$",
        )
        fps: float | None = option(
            None,
            "So many pictures are sent at most; left out, all.",
            unit="1/s",
            live=True,
            gt=0,
            le=1000,
        )

    options: Options

    def __init__(self, options: Options, context: StageContext) -> None:
        super().__init__(options, context)
        self._enlarge = Enlarger(context.model(options.model))
        self._pace = Pace()
        self._told = False
        self.stateful = options.send

    def __call__(self, result: Result) -> Result:
        """Let the next stage look at more pixels."""
        options, view = self.options, result.view
        if view.width * view.height > options.most:
            self._tell(view, options.most)
            return result
        sharp = self._enlarge.view(view)
        changed = result.with_view(sharp)
        if options.send and self._pace.is_time(result.frame.monotonic, options.fps):
            picture = Picture(sharp.pixels(), name=options.picture, to_frame=sharp.to_frame)
            return changed.add(picture)
        return changed

    def _tell(self, view: View, most: int) -> None:
        """Say once why a view is left as it is."""
        if not self._told:
            self._told = True
            _log.warning(
                "%s/%s: a view of %d x %d pixels is not sharpened, as are none of more than %d; crop or "
                "scale before it, or raise most",
                self.context.camera,
                self.context.name,
                view.width,
                view.height,
                most,
            )
