"""The stage `scale`: the same picture, larger or smaller."""

from __future__ import annotations

from typing import Self

from pydantic import model_validator

from edge_vision import Options as BaseOptions
from edge_vision import Result, Stage, View, option
from edge_vision_geometry.sides import Side, whole


class Scale(Stage):
    """Makes the view larger or smaller; one side alone, or a factor, keeps the aspect ratio."""

    name = "scale"

    class Options(BaseOptions):
        """Which size the view gets: a width, a height, both, or a factor."""

        width: Side | None = option(None, "The new width.", unit="px")
        height: Side | None = option(None, "The new height.", unit="px")
        factor: float | None = option(None, "How many times as large it becomes.", gt=0.0, le=16.0)

        @model_validator(mode="after")
        def _one_meaning(self) -> Self:
            sides = self.width is not None or self.height is not None
            if sides and self.factor is not None:
                raise ValueError("factor says it all; leave out width and height, or factor")
            if not sides and self.factor is None:
                raise ValueError("say how large: width, height, both, or factor")
            return self

    options: Options

    def __call__(self, result: Result) -> Result:
        """Let the next stage look at the scaled view."""
        return result.with_view(result.view.resized(_size(result.view, self.options)))


def _size(view: View, options: Scale.Options) -> tuple[int, int]:
    width, height = options.width, options.height
    if options.factor is not None:
        return whole(view.width * options.factor), whole(view.height * options.factor)
    if width is None and height is not None:
        return whole(view.width * height / view.height), height
    if height is None and width is not None:
        return width, whole(view.height * width / view.width)
    return width or view.width, height or view.height
