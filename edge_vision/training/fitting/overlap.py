"""Losses over overlaps: of maps of classes, and of boxes.

Each gives one figure an example, (n,) float32, from 0 for a perfect overlap.
"""

from __future__ import annotations

from typing import Any

from keras import ops

from edge_vision.training.fitting.losses import IGNORED, ExampleLoss

TINY = 1e-7


class Dice(ExampleLoss):
    """One less the Dice coefficient of each class that is there, the mean over those classes.

    Milletari and others, "V-Net", 2016: 2 sum(p t) / (sum(p^2) + sum(t^2)), over the map.

    truth   (n, height, width) whole numbers, `ignored` where it is not told
    logits  (n, height, width, classes); with one channel, of class 1 against class 0
    """

    def __init__(self, smooth: float = 1.0, ignored: int = IGNORED, name: str = "dice") -> None:
        super().__init__(name=name)
        self.smooth = smooth
        self.ignored = ignored

    def call(self, truth: Any, logits: Any) -> Any:
        """The loss of each example, (n,)."""
        said, there = _maps(truth, logits, self.ignored)
        both = ops.sum(said * there, axis=1)
        sizes = ops.sum(ops.square(said) + ops.square(there), axis=1)
        return _mean_of_present(1.0 - (2.0 * both + self.smooth) / (sizes + self.smooth), there)


class SoftIoU(ExampleLoss):
    """One less the intersection over union of each class that is there, the mean over those classes.

    Rahman and Wang, "Optimizing intersection-over-union in deep neural networks for image
    segmentation", 2016: sum(p t) / sum(p + t - p t), over the map.

    truth   (n, height, width) whole numbers, `ignored` where it is not told
    logits  (n, height, width, classes); with one channel, of class 1 against class 0
    """

    def __init__(self, smooth: float = 1.0, ignored: int = IGNORED, name: str = "soft_iou") -> None:
        super().__init__(name=name)
        self.smooth = smooth
        self.ignored = ignored

    def call(self, truth: Any, logits: Any) -> Any:
        """The loss of each example, (n,)."""
        said, there = _maps(truth, logits, self.ignored)
        both = ops.sum(said * there, axis=1)
        either = ops.sum(said + there - said * there, axis=1)
        return _mean_of_present(1.0 - (both + self.smooth) / (either + self.smooth), there)


class BoxIoU(ExampleLoss):
    """One less the overlap of each box with its truth, the mean over an example's boxes.

    Rezatofighi and others, "Generalized intersection over union", 2019: the generalised one takes away
    the share of the smallest box around both that neither fills, so that boxes apart learn too. Plain
    intersection over union gives 0 to 1, the generalised one 0 to 2.

    truth  (n, ..., 4) x1, y1, x2, y2 in any unit; a box without an area is not told
    boxes  (n, ..., 4) in the same unit; corners in the wrong order make an empty box
    """

    def __init__(self, generalised: bool = True, name: str = "box_iou") -> None:
        super().__init__(name=name)
        self.generalised = generalised

    def call(self, truth: Any, boxes: Any) -> Any:
        """The loss of each example, (n,)."""
        truth = ops.reshape(truth, (ops.shape(truth)[0], -1, 4))
        boxes = ops.reshape(boxes, (ops.shape(boxes)[0], -1, 4))
        low, high = (
            ops.maximum(truth[..., :2], boxes[..., :2]),
            ops.minimum(truth[..., 2:], boxes[..., 2:]),
        )
        both = _area(low, high)
        either = _area(truth[..., :2], truth[..., 2:]) + _area(boxes[..., :2], boxes[..., 2:]) - both
        loss = 1.0 - both / ops.maximum(either, TINY)
        if self.generalised:
            around = _area(
                ops.minimum(truth[..., :2], ops.minimum(boxes[..., :2], boxes[..., 2:])),
                ops.maximum(truth[..., 2:], ops.maximum(boxes[..., 2:], boxes[..., :2])),
            )
            loss = loss + (around - either) / ops.maximum(around, TINY)
        told = ops.cast(_area(truth[..., :2], truth[..., 2:]) > 0, loss.dtype)
        return ops.sum(loss * told, axis=1) / ops.maximum(ops.sum(told, axis=1), 1.0)


def _area(low: Any, high: Any) -> Any:
    """Area of boxes, (n, k), from their corners, each (n, k, 2)."""
    sides = ops.maximum(high - low, 0.0)
    return sides[..., 0] * sides[..., 1]


def _maps(truth: Any, logits: Any, ignored: int) -> tuple[Any, Any]:
    """Probabilities said and truth, both (n, places, classes), 0 where the truth is not told."""
    if logits.shape[-1] == 1:
        logits = ops.concatenate([ops.zeros_like(logits), logits], axis=-1)
    classes = logits.shape[-1]
    label = ops.cast(ops.round(ops.reshape(truth, (ops.shape(truth)[0], -1))), "int32")
    told = ops.not_equal(label, ignored)
    there = ops.one_hot(ops.where(told, label, ops.zeros_like(label)), classes, dtype=logits.dtype)
    said = ops.reshape(ops.softmax(logits, axis=-1), (ops.shape(logits)[0], -1, classes))
    counted = ops.expand_dims(ops.cast(told, logits.dtype), -1)
    return said * counted, there * counted


def _mean_of_present(losses: Any, there: Any) -> Any:
    """Mean of losses (n, classes) over the classes of which some place is there, (n,).

    What a network says of a class that is absent is missing from those that are there, so it still pays.
    """
    present = ops.cast(ops.any(there > 0, axis=1), losses.dtype)
    return ops.sum(losses * present, axis=1) / ops.maximum(ops.sum(present, axis=1), 1.0)
