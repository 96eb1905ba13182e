"""Overlays: which class each place belongs to, as translucent colours over the picture."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_vision import Detections, Segments, geometry
from edge_vision_annotate.canvas import FARTHEST, Canvas
from edge_vision_annotate.palette import Bgr, colour_of

UNCOLOURED = frozenset({"background", "still", "void", "unlabelled", "unlabeled"})
"""Classes that say where nothing is; colouring them would hide the picture."""

_HALF_LEFT = geometry.translation(-0.5, -0.5)
_HALF_RIGHT = geometry.translation(0.5, 0.5)


def is_coloured(label: str) -> bool:
    """True for a class that is worth colouring."""
    return label.strip("_ ").lower() not in UNCOLOURED


def draw_segments(canvas: Canvas, segments: Segments, opacity: float) -> None:
    """Colour each class of a class map, except those that mean nothing."""
    colours = {
        number: colour_of(number, segments.labels)
        for number in np.unique(segments.class_map).tolist()
        if is_coloured(segments.label_of(number))
    }
    _draw(canvas, segments.class_map, segments.to_frame, colours, opacity)


def draw_masks(canvas: Canvas, found: Detections, opacity: float) -> None:
    """Colour the pixels of each detection that comes with a mask; later ones lie on top."""
    if found.mask is None or not len(found):
        return
    numbered = np.zeros(found.mask.shape[1:], dtype=np.uint8)
    colours: dict[int, Bgr] = {}
    for number, (mask, class_id) in enumerate(zip(found.mask[:255], found.class_id, strict=False), 1):
        numbered[mask] = number
        colours[number] = colour_of(int(class_id), found.labels)
    _draw(canvas, numbered, geometry.identity(), colours, opacity)


def _draw(
    canvas: Canvas,
    class_map: NDArray[np.uint8],
    to_frame: geometry.Map,
    colours: dict[int, Bgr],
    opacity: float,
) -> None:
    """Lay colours over the canvas: canvas * (1 - alpha) + colour * alpha.

    The coloured map is stretched with its colours already multiplied by alpha, so the classes run
    into each other softly at the resolution of the map, and into nothing at its edges (Porter and
    Duff, "Compositing digital images", SIGGRAPH 1984).
    """
    if not colours or opacity <= 0.0:
        return
    table = np.zeros((256, 4), dtype=np.uint8)
    for number, colour in colours.items():
        table[number] = np.rint(np.array([*colour, 255]) * opacity)
    layer = _placed(table[class_map], canvas.from_frame @ to_frame, (canvas.width, canvas.height))
    clear = cv2.cvtColor(255 - cv2.extractChannel(layer, 3), cv2.COLOR_GRAY2BGR)
    cv2.multiply(canvas.image, clear, dst=canvas.image, scale=1 / 255)
    cv2.add(canvas.image, cv2.cvtColor(layer, cv2.COLOR_BGRA2BGR), dst=canvas.image)


def _placed(layer: NDArray[np.uint8], matrix: geometry.Map, size: tuple[int, int]) -> NDArray[np.uint8]:
    """A layer mapped onto the canvas, its edges sharp; nothing where it does not reach."""
    # OpenCV's coordinates are those of pixel centres, half a pixel from ours.
    centred = _HALF_LEFT @ matrix @ _HALF_RIGHT
    edge = cv2.BORDER_REPLICATE
    if geometry.is_affine(centred):
        placed = cv2.warpAffine(layer, centred[:2] / centred[2, 2], size, borderMode=edge)
    else:
        placed = cv2.warpPerspective(layer, centred, size, borderMode=edge)
    height, width = layer.shape[:2]
    corners = geometry.map_points(matrix, geometry.corners(width, height)) - 0.5
    reached = np.zeros(size[::-1], dtype=np.uint8)
    sixteenths = np.rint(np.clip(corners, -FARTHEST, FARTHEST) * 16).astype(np.int32)
    cv2.fillConvexPoly(reached, sixteenths, 1, shift=4)
    return np.asarray(cv2.copyTo(placed, reached, np.zeros_like(placed)), dtype=np.uint8)
