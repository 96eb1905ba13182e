"""The setting of a drawn scene: how large it is, how fast its frames follow, and which of many it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from edge_vision.data.frame import Image

TrueBox = tuple[str, tuple[float, float, float, float]]
"""What is seen, and its box (x1, y1, x2, y2) in pixels."""


@dataclass(frozen=True, slots=True)
class Setting:
    """What a scene is drawn for.

    size  (width, height) of a frame in pixels
    fps   frames a second
    seed  another number, another scene of its kind
    """

    size: tuple[int, int]
    fps: float
    seed: int = 0

    def seconds(self, index: int) -> float:
        """When the frame of that number is seen, from the scene's beginning."""
        return index / self.fps


class Scene(Protocol):
    """Something drawn that moves; each frame follows from its number alone."""

    def background(self) -> Image:
        """What does not move, (height, width, 3) uint8 BGR, a copy."""

    def draw(self, index: int) -> Image:
        """The frame of that number, (height, width, 3) uint8 BGR."""

    def true_boxes(self, index: int) -> tuple[TrueBox, ...]:
        """What is to be found in the frame of that number, and where."""
