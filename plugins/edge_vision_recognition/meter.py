"""The stage meter: the number on a row of rolling wheels, as meters of water, gas and power have."""

from __future__ import annotations

import logging
from typing import Annotated, Self

from pydantic import AfterValidator, Field, ValidationInfo, field_validator, model_validator

from edge_vision import (
    ConfigError,
    ModelName,
    ReadText,
    Result,
    Runner,
    Stage,
    StageContext,
    Text,
    option,
)
from edge_vision import Options as BaseOptions
from edge_vision_recognition.growth import Growth, Reading
from edge_vision_recognition.row import WHOLE, Corners, Row

_log = logging.getLogger(__name__)


def _right_way_round(corners: Corners) -> Corners:
    if not (corners[0] < corners[2] and corners[1] < corners[3]):
        raise ValueError("x1, y1 is the top left corner and must be less than x2, y2")
    return corners


_Pixel = Annotated[float, Field(ge=0)]
_Fraction = Annotated[float, Field(ge=0, le=1)]
_Box = Annotated[tuple[_Pixel, _Pixel, _Pixel, _Pixel], AfterValidator(_right_way_round)]
_Region = Annotated[tuple[_Fraction, _Fraction, _Fraction, _Fraction], AfterValidator(_right_way_round)]


class Meter(Stage):
    """Reads a row of rolling wheels whose place is known, and believes only readings that grow.

    Its model sees the wheels side by side, the last one at the right end, the places that are left over
    black, and gives a score a place and digit. It is stateful: what was read before counts.
    """

    name = "meter"
    stateful = True

    class Options(BaseOptions):
        """Where the wheels are, and which readings are believed."""

        model: ModelName = option(..., "The reader of rows, as named in [models].")
        box: _Box | None = option(
            None,
            "The row of wheels: x1, y1, x2, y2, divided evenly among them; left out, the whole view.",
            unit="px",
        )
        region: _Region | None = option(None, "The same as fractions of the view's width and height.")
        wheels: int | None = option(None, "So many wheels are in the row.", ge=1, le=32)
        places: tuple[_Box, ...] | None = option(
            None,
            "Instead, a box for each wheel from left to right, where they lie unevenly.",
            unit="px",
            min_length=1,
        )
        decimals: int = option(0, "So many of the wheels, the last ones, are behind the point.", ge=0)
        min_score: float = option(
            0.5, "A reading of lower probability does not count.", live=True, ge=0, le=1
        )
        confirm: int = option(
            5,
            "The first reading, and one that does not follow from those before, is believed after so "
            "many in a row.",
            live=True,
            ge=1,
        )
        max_rate: float | None = option(
            None,
            "By so much may the number grow in an hour, in its own unit; left out, by ten units of the "
            "last wheel from one frame to the next.",
            live=True,
            gt=0,
        )
        hold: float = option(
            5.0,
            "For so long the number is told on in frames where it cannot be read, or is not believed.",
            unit="s",
            live=True,
            ge=0,
        )

        @field_validator("decimals")
        @classmethod
        def _a_wheel_before_the_point(cls, decimals: int, info: ValidationInfo) -> int:
            wheels = info.data.get("wheels") or len(info.data.get("places") or ())
            if 0 < wheels <= decimals:
                raise ValueError(f"should be less than the number of wheels, {wheels}")
            return decimals

        @model_validator(mode="after")
        def _one_way_to_say_where(self) -> Self:
            if sum(way is not None for way in (self.box, self.region, self.places)) > 1:
                raise ValueError("say once where the wheels are: box in pixels, region, or places")
            if (self.wheels is None) == (self.places is None):
                raise ValueError("say how many wheels there are, or places, a box for each of them")
            return self

        @property
        def count(self) -> int:
            """So many wheels there are."""
            return self.wheels or len(self.places or ())

        @property
        def row(self) -> Row:
            """Where they are."""
            if self.places is not None:
                return Row.of(self.places)
            if self.box is not None:
                return Row.divided(self.box, self.count, fractional=False)
            return Row.divided(self.region or WHOLE, self.count, fractional=True)

    options: Options

    def __init__(self, options: Options, context: StageContext) -> None:
        super().__init__(options, context)
        self._run = Runner(context.model(options.model), ReadText)
        slots = _slots(self._run, options.model)
        if options.count > slots:
            raise ConfigError(
                f"{options.count} wheels, but {options.model} reads rows of {slots} at most",
                "wheels" if options.wheels else "places",
            )
        self._row = options.row
        self._cell = self._run.size[0] // slots, self._run.size[1]
        self._take = 0
        self._growth = Growth(options.count)
        self._told: tuple[Text, float] | None = None

    def __call__(self, result: Result) -> Result:
        """Add the number where it is believed, or was a moment ago, with the row's box in the frame."""
        frame = result.frame
        if frame.take != self._take:  # a recording that began again: what was seen does not count
            self._take, self._growth, self._told = frame.take, Growth(self.options.count), None
        row = self._row.seen_in(result.view)
        found = self._run(row.picture(self._cell, self._run.size))
        value = self._believed(found, frame.monotonic)
        if value is not None:
            text = Text(self._written(value), found.score, row.box)
            self._told = text, frame.monotonic
            return result.add(text)
        if self._told is None or frame.monotonic - self._told[1] >= self.options.hold:
            return result
        return result.add(self._told[0])

    def _believed(self, found: ReadText, time: float) -> int | None:
        """The number on the wheels, in units of the last one; None where it is not believed."""
        options, before = self.options, self._growth.believed
        digits = found.text.strip()
        readable = len(digits) == options.count and digits.isascii() and digits.isdecimal()
        if not readable or found.score < options.min_score:
            return None
        rate = None if options.max_rate is None else options.max_rate * 10.0**options.decimals
        verdict = self._growth.judge(Reading(int(digits), time), options.confirm, rate)
        now = self._growth.believed
        if verdict == "doubted" or now is None:
            return None
        if verdict == "confirmed" and before is not None:
            where = f"{self.context.camera}: {self.context.name}"
            was, is_now = self._written(before.value), self._written(now.value)
            _log.warning("%s: the number went from %s to %s", where, was, is_now)
        return now.value

    def _written(self, value: int) -> str:
        """A number as the wheels show it, with its decimal point."""
        digits, decimals = f"{value:0{self.options.count}d}", self.options.decimals
        return f"{digits[:-decimals]}.{digits[-decimals:]}" if decimals else digits


def _slots(run: Runner[ReadText], name: str) -> int:
    """So many places the model has for wheels; raises ConfigError where it does not read rows."""
    answers = run.bundle.answers
    if len(answers) != 1 or answers[0].meaning != "slot-scores" or len(answers[0].shape) != 3:
        seen = ", ".join(str(spec) for spec in answers)
        raise ConfigError(
            f"{name} does not read rows of wheels: it should give (1, places, classes) slot-scores, "
            f"not {seen}",
            "model",
        )
    slots, width = answers[0].shape[1], run.size[0]
    if width % slots:
        raise ConfigError(
            f"{name} does not read rows of wheels: its input, {width} pixels wide, does not divide "
            f"into {slots} places",
            "model",
        )
    return slots
