"""The stage `crop`: a part of the picture."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, field_validator, model_validator

from edge_vision import Options as BaseOptions
from edge_vision import Result, Stage, StageError, View, geometry, option

_Pixel = Annotated[float, Field(ge=0.0)]
_Fraction = Annotated[float, Field(ge=0.0, le=1.0)]
Corners = tuple[float, float, float, float]
WHOLE: Corners = (0.0, 0.0, 1.0, 1.0)


class Crop(Stage):
    """Cuts a rectangle out of the view, in whole pixels."""

    name = "crop"

    class Options(BaseOptions):
        """Which part to keep: a box in pixels, or a region in fractions of the view."""

        box: tuple[_Pixel, _Pixel, _Pixel, _Pixel] | None = option(
            None, "The part to keep: x1, y1, x2, y2.", unit="px"
        )
        region: tuple[_Fraction, _Fraction, _Fraction, _Fraction] | None = option(
            None, "The part to keep: x1, y1, x2, y2 as fractions of the view's width and height."
        )

        @field_validator("box", "region")
        @classmethod
        def _right_way_round(cls, value: Corners | None) -> Corners | None:
            if value is not None and not (value[0] < value[2] and value[1] < value[3]):
                raise ValueError("x1, y1 is the top left corner and must be less than x2, y2")
            return value

        @model_validator(mode="after")
        def _one_of_both(self) -> Self:
            if (self.box is None) == (self.region is None):
                raise ValueError("say which part: either box in pixels, or region in fractions")
            return self

    options: Options

    def __call__(self, result: Result) -> Result:
        """Let the next stage look at the part; raises StageError where the box leaves the view."""
        x1, y1, x2, y2 = _part(result.view, self.options)
        part = result.view.mapped(geometry.translation(x1, y1), (x2 - x1, y2 - y1))
        return result.with_view(part)


def _part(view: View, options: Crop.Options) -> tuple[int, int, int, int]:
    """The corners of the part in whole pixels of the view; at least one pixel each way."""
    if options.box is not None:
        return _inside(options.box, view)
    left, top, right, bottom = options.region or WHOLE
    x1, x2 = _span(left * view.width, right * view.width, view.width)
    y1, y2 = _span(top * view.height, bottom * view.height, view.height)
    return x1, y1, x2, y2


def _inside(box: Corners, view: View) -> tuple[int, int, int, int]:
    x1, y1 = round(box[0]), round(box[1])
    x2, y2 = max(round(box[2]), x1 + 1), max(round(box[3]), y1 + 1)
    if x2 > view.width or y2 > view.height:
        raise StageError(
            f"crop: the box reaches to ({x2}, {y2}), but the view is {view.width} x {view.height} "
            "pixels; write a smaller box, or region in fractions of the view"
        )
    return x1, y1, x2, y2


def _span(start: float, stop: float, length: int) -> tuple[int, int]:
    first = min(round(start), length - 1)
    return first, max(round(stop), first + 1)
