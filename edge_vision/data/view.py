"""A view: what a stage looks at, the way back to the frame, and pixels on demand."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

from edge_vision.data import geometry
from edge_vision.data.errors import StageError
from edge_vision.data.frame import Frame, Image, as_image, read_only
from edge_vision.data.warp import Colour, Warp, Window, reference_warp

SAME = read_only(geometry.identity())
"""The map from a frame's own pixels to frame pixels."""

TOLERANCE = 1e-6
"""Pixels of the view by which rounding may move an edge, and nothing counts as cut away."""


@dataclass(frozen=True, slots=True, eq=False)
class View:
    """What a stage looks at. Geometry only composes matrices; pixels are warped when asked for.

    What they show is what warping step by step would, sampled once instead of at each step, and with
    one difference: whatever sees nothing has one colour, that of the last step which gave one.

    frame          the captured frame behind it
    to_frame       3x3 map from view pixels to frame pixels (affine but for perspective)
    size           (width, height) of the view in pixels
    border         colour (blue, green, red) of view pixels that see nothing
    base           the image pixels are taken from: the frame's own, or what a photometric stage made
    base_to_frame  3x3 map from base pixels to frame pixels
    window         convex polygon (k, 2) in base pixels outside of which earlier steps cut away, or None
    warp           the function that takes pixels from the base (see data/warp.py)
    """

    frame: Frame
    to_frame: geometry.Map
    size: tuple[int, int]
    base: Image
    base_to_frame: geometry.Map
    border: Colour = (0, 0, 0)
    window: Window | None = None
    warp: Warp = field(default=reference_warp, repr=False)

    def __post_init__(self) -> None:
        if min(self.size) < 1:
            raise StageError(f"a view is at least one pixel wide and high, not {self.size}")
        object.__setattr__(self, "to_frame", read_only(self.to_frame))
        if self.base is not self.frame.image:
            object.__setattr__(self, "base", as_image(self.base))
        object.__setattr__(self, "base_to_frame", read_only(self.base_to_frame))

    @classmethod
    def of(cls, frame: Frame, warp: Warp = reference_warp) -> View:
        """The whole frame, as captured."""
        size = (frame.width, frame.height)
        return cls(frame, SAME, size, base=frame.image, base_to_frame=SAME, warp=warp)

    @property
    def width(self) -> int:
        """Width in pixels."""
        return self.size[0]

    @property
    def height(self) -> int:
        """Height in pixels."""
        return self.size[1]

    def mapped(self, matrix: geometry.Map, size: tuple[int, int], border: Colour | None = None) -> View:
        """A new view of `size` whose pixels are found in this one through `matrix`.

        matrix  3x3 map from the new view's pixels to this view's pixels; it can be undone
        border  colour of what sees nothing, now or because of earlier steps; left out, this view's own
        """
        kept = self.to_frame is SAME and not matrix.flags.writeable
        return View(
            self.frame,
            matrix if kept else self.to_frame @ matrix,
            (int(size[0]), int(size[1])),
            base=self.base,
            base_to_frame=self.base_to_frame,
            border=self.border if border is None else border,
            window=self._narrowed_window(),
            warp=self.warp,
        )

    def resized(self, size: tuple[int, int]) -> View:
        """The same picture stretched to another size (width, height)."""
        if size == self.size:
            return self
        return self.mapped(_stretch(self.size, size), size)

    def with_pixels(self, image: Image) -> View:
        """The same view with other pixels, (height, width, 3) uint8 of this view's size.

        What saw nothing before has become pixels of the picture: its border is seen from now on.
        """
        pixels = as_image(image)
        if pixels.shape[:2] != (self.height, self.width):
            raise StageError(f"the pixels are {pixels.shape[:2]}, the view {self.size[::-1]}")
        return replace(self, base=pixels, base_to_frame=self.to_frame, window=None)

    def pixels(self, size: tuple[int, int] | None = None) -> Image:
        """The view's pixels, (height, width, 3) uint8 BGR, read-only, warped once from the base.

        size  (width, height) to stretch to; left out, the view's own
        """
        if size is not None and size != self.size:
            return self.resized(size).pixels()
        if self.is_base:
            return self.base
        matrix = self._to_base()
        return as_image(self.warp(self.base, matrix, self.size, self.border, self.window))

    @property
    def is_base(self) -> bool:
        """True where its pixels are those of the base, so that asking for them costs nothing."""
        whole = self.size == (self.base.shape[1], self.base.shape[0])
        return whole and self.window is None and _changes_nothing(self._to_base())

    def boxes_to_frame(self, boxes: ArrayLike) -> geometry.Boxes:
        """Map boxes (n, 4) of view pixels to the upright boxes around them in frame pixels."""
        return geometry.map_boxes(self.to_frame, boxes)

    def boxes_from_frame(self, boxes: ArrayLike) -> geometry.Boxes:
        """Map boxes (n, 4) of frame pixels to the upright boxes around them in view pixels."""
        return geometry.map_boxes(geometry.inverse(self.to_frame), boxes)

    def points_to_frame(self, points: ArrayLike) -> NDArray[np.float64]:
        """Map points (n, 2) of view pixels to frame pixels."""
        return geometry.map_points(self.to_frame, points)

    def _to_base(self) -> geometry.Map:
        """The 3x3 map from view pixels to base pixels."""
        if self.to_frame is self.base_to_frame:
            return SAME
        if self.base_to_frame is SAME:
            return self.to_frame
        return np.asarray(geometry.inverse(self.base_to_frame) @ self.to_frame)

    def _narrowed_window(self) -> Window | None:
        """The window narrowed to what this view shows; as it is where the view shows all of it.

        The view's sides are lines (a, b, c) of the view; as row vectors times the map from the base
        they are lines of the base (Hartley and Zisserman, Multiple View Geometry, 2nd ed., 2.3).
        """
        seen = self.window
        if seen is None:
            if self._to_base() is SAME and self.size == (self.base.shape[1], self.base.shape[0]):
                return None  # the most frequent case, and nothing to compute
            seen = geometry.corners(self.base.shape[1], self.base.shape[0])
        if not len(seen):
            return seen
        from_base = geometry.inverse(self._to_base())
        points = np.column_stack([seen, np.ones(len(seen))])
        lines = _edges(*self.size) @ from_base
        if (points @ from_base[2]).max() < 0.0:  # behind the horizon of a perspective signs turn round
            lines = -lines
        levels = points @ lines.T
        cutting = (levels < -TOLERANCE).any(axis=0)
        return geometry.cut_polygon(seen, lines[cutting]) if cutting.any() else self.window


@lru_cache(maxsize=64)
def _stretch(size: tuple[int, int], to: tuple[int, int]) -> geometry.Map:
    """The map from a view of the size `to` to one of another size, stretched."""
    return read_only(geometry.scaling(size[0] / to[0], size[1] / to[1]))


def _changes_nothing(matrix: geometry.Map) -> bool:
    return matrix is SAME or bool(np.abs(matrix - SAME).max() < 1e-9)


def _edges(width: int, height: int) -> NDArray[np.float64]:
    """The lines along a view's sides, (4, 3), positive inside."""
    return np.array([[1.0, 0.0, 0.0], [-1.0, 0.0, width], [0.0, 1.0, 0.0], [0.0, -1.0, height]])
