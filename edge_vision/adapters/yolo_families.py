"""Families of YOLO with anchors: the sizes of boxes that each grid starts from, as published."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from edge_vision.contracts.file_facts import FileFacts

Anchors = tuple[tuple[tuple[float, float], ...], ...]
"""(width, height) in pixels of the input, some for each grid, the finest grid first."""

FamilyName = Literal["yolo-fastest", "yolov3-tiny", "yolov4-tiny", "yolov3", "yolov4"]


@dataclass(frozen=True, slots=True)
class Family:
    """What the configuration of a Darknet model says of its [yolo] layers.

    anchors   sizes a box starts from, the finest grid first
    scale_xy  how far a centre may leave its cell (Darknet's scale_x_y), one number a grid
    """

    anchors: Anchors
    scale_xy: tuple[float, ...]


FAMILIES: dict[FamilyName, Family] = {
    # yolo-fastest-1.1.cfg, masks 0,1,2 and 3,4,5
    "yolo-fastest": Family(
        (
            ((12, 18), (37, 49), (52, 132)),
            ((115, 73), (119, 199), (242, 238)),
        ),
        (1.0, 1.0),
    ),
    # yolov3-tiny.cfg, masks 0,1,2 and 3,4,5
    "yolov3-tiny": Family(
        (
            ((10, 14), (23, 27), (37, 58)),
            ((81, 82), (135, 169), (344, 319)),
        ),
        (1.0, 1.0),
    ),
    # yolov4-tiny.cfg, masks 1,2,3 and 3,4,5: the anchor of 81 x 82 serves both grids
    "yolov4-tiny": Family(
        (
            ((23, 27), (37, 58), (81, 82)),
            ((81, 82), (135, 169), (344, 319)),
        ),
        (1.05, 1.05),
    ),
    # yolov3.cfg
    "yolov3": Family(
        (
            ((10, 13), (16, 30), (33, 23)),
            ((30, 61), (62, 45), (59, 119)),
            ((116, 90), (156, 198), (373, 326)),
        ),
        (1.0, 1.0, 1.0),
    ),
    # yolov4.cfg
    "yolov4": Family(
        (
            ((12, 16), (19, 36), (40, 28)),
            ((36, 75), (76, 55), (72, 146)),
            ((142, 110), (192, 243), (459, 401)),
        ),
        (1.2, 1.1, 1.05),
    ),
}


def likely_family(heads: int, facts: FileFacts) -> FamilyName | None:
    """The family that a number of grids and the operators in the graph speak for.

    Of those with two grids only yolo-fastest convolves depthwise, and only yolov4-tiny takes halves of
    feature maps; of those with three only yolov4 has pooling (spatial pyramids). Where nothing was read
    of the graph: yolo-fastest, the one made for small computers, and yolov3. None for other numbers.
    """
    operators = facts.operators
    if heads == 3:
        return "yolov4" if "MAX_POOL_2D" in operators else "yolov3"
    if heads != 2:
        return None
    if not operators or "DEPTHWISE_CONV_2D" in operators:
        return "yolo-fastest"
    halves = {"SPLIT", "SPLIT_V", "SLICE", "STRIDED_SLICE"}
    return "yolov4-tiny" if halves & set(operators) else "yolov3-tiny"
