"""A view: what a stage looks at, the way back to the frame, and pixels on demand."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from edge_vision.data import geometry
from edge_vision.data.frame import Frame, Image, as_image
from edge_vision.data.warp import Colour, Warp, Window, reference_warp


@dataclass(frozen=True, slots=True, eq=False)
class View:
    """What a stage looks at. Geometry only composes matrices; pixels are warped when asked for.

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

    @classmethod
    def of(cls, frame: Frame, warp: Warp = reference_warp) -> View:
        """The whole frame, as captured."""
        size = (frame.width, frame.height)
        same = geometry.identity()
        return cls(frame, same, size, base=frame.image, base_to_frame=same, warp=warp)

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

        matrix  3x3 map from the new view's pixels to this view's pixels
        border  colour of what lies outside; left out, this view's own
        """
        return replace(
            self,
            to_frame=self.to_frame @ matrix,
            size=(int(size[0]), int(size[1])),
            border=self.border if border is None else border,
            window=self._window_with_own_edges(),
        )

    def resized(self, size: tuple[int, int]) -> View:
        """The same picture stretched to another size (width, height)."""
        if size == self.size:
            return self
        matrix = geometry.scaling(self.width / size[0], self.height / size[1])
        return self.mapped(matrix, size)

    def with_pixels(self, image: Image) -> View:
        """The same view with other pixels, (height, width, 3) uint8 of this view's size."""
        pixels = as_image(image)
        if pixels.shape[:2] != (self.height, self.width):
            raise ValueError(f"the pixels are {pixels.shape[:2]}, the view {self.size[::-1]}")
        return replace(self, base=pixels, base_to_frame=self.to_frame, window=None)

    def pixels(self, size: tuple[int, int] | None = None) -> Image:
        """The view's pixels, (height, width, 3) uint8 BGR, read-only, warped once from the base.

        size  (width, height) to stretch to; left out, the view's own
        """
        if size is not None and size != self.size:
            return self.resized(size).pixels()
        matrix = self._to_base()
        whole = self.size == (self.base.shape[1], self.base.shape[0])
        if whole and self.window is None and np.allclose(matrix, np.eye(3), atol=1e-9):
            return self.base
        return as_image(self.warp(self.base, matrix, self.size, self.border, self.window))

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
        if self.base is self.frame.image:
            return self.to_frame
        return np.asarray(geometry.inverse(self.base_to_frame) @ self.to_frame)

    def _window_with_own_edges(self) -> Window | None:
        """The window narrowed to what this view shows, None while it shows the whole base."""
        whole = geometry.corners(self.base.shape[1], self.base.shape[0])
        shown = geometry.map_points(self._to_base(), geometry.corners(*self.size))
        seen = whole if self.window is None else self.window
        narrowed = geometry.clip_polygon(seen, shown)
        if self.window is None and np.isclose(
            abs(geometry.signed_area(narrowed)) if len(narrowed) else 0.0,
            abs(geometry.signed_area(whole)),
            rtol=1e-9,
        ):
            return None
        return narrowed
