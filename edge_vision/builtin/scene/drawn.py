"""The source of drawn scenes: contents known exactly, to try things without a camera."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from edge_vision.builtin.capture.metronome import Metronome
from edge_vision.builtin.scene.meter import Meter
from edge_vision.builtin.scene.setting import Scene, Setting, TrueBox
from edge_vision.builtin.scene.street import Street
from edge_vision.contracts.options import Options as BaseOptions
from edge_vision.contracts.options import option
from edge_vision.contracts.source import Source, SourceContext
from edge_vision.data.frame import Image

SCENES: dict[str, Callable[[Setting], Scene]] = {"street": Street, "meter": Meter}


class DrawnScene(Source):
    """A street on which things move, or a water meter that counts.

    A picture, and what is where in it, follow from the options and the frame's number alone. In real
    time and without an end it is live, as a camera is; otherwise it is a recording.
    """

    name = "test"

    class Options(BaseOptions):
        """What is drawn; size, rate and length."""

        scene: Literal["street", "meter"] = option(
            "street", "a street on which things move, or a water meter that counts"
        )
        width: int = option(640, "width", unit="px", ge=64, le=3840)
        height: int = option(480, "height", unit="px", ge=48, le=2160)
        fps: float = option(15.0, "frames a second", ge=0.2, le=240)
        frames: int = option(0, "frames until it ends; 0: it does not", ge=0)
        realtime: bool = option(True, "in its own time instead of as fast as possible")
        seed: int = option(0, "another number, other colours and another beginning", ge=0)

    options: Options

    def __init__(self, options: Options, context: SourceContext) -> None:
        super().__init__(options, context)
        setting = Setting((options.width, options.height), options.fps, options.seed)
        self.scene = SCENES[options.scene](setting)
        self._metronome = Metronome(options.fps) if options.realtime else None
        self._next = 0
        self.live = options.realtime and options.frames == 0
        self.prompt = not options.realtime
        self.rate = None if self.live else options.fps

    @property
    def description(self) -> str:
        """What it is."""
        return "drawn test scene" if self.options.scene == "street" else "drawn meter"

    def open(self) -> None:
        """Begin with the first frame."""
        self._next = 0

    def read(self) -> NDArray[np.uint8] | None:
        """The next frame, None at the end."""
        return self.draw(self._next - 1) if self.skip() else None

    def skip(self) -> bool:
        """Pass over a frame without drawing it."""
        if self.options.frames and self._next >= self.options.frames:
            return False
        if self._metronome is not None:
            self._metronome.wait()
        self._next += 1
        return True

    def background(self) -> Image:
        """What does not move, (height, width, 3) uint8 BGR, a copy."""
        return self.scene.background()

    def draw(self, index: int) -> Image:
        """The frame of that number, (height, width, 3) uint8 BGR."""
        return self.scene.draw(index)

    def true_boxes(self, index: int) -> tuple[TrueBox, ...]:
        """What is to be found in the frame of that number: labels and boxes in pixels."""
        return self.scene.true_boxes(index)
