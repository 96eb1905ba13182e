"""YOLO in raw grids: the heads of YOLOv3, YOLOv4, their tiny versions and yolo-fastest.

Meaning: yolo-grid (1, h, w, a * (5 + c)), one for each grid: for each of a anchors tx, ty, tw, th,
objectness and a logit a class.

Redmon and Farhadi, "YOLOv3: An incremental improvement", 2018, section 2.1; scale_x_y is Darknet's,
of Bochkovskiy and others, "YOLOv4: Optimal speed and accuracy of object detection", 2020.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from edge_vision.adapters.candidates import Candidates, check_labels, check_numbers, corners_of
from edge_vision.adapters.layout import Adapter, Layout, Meanings, Outputs
from edge_vision.adapters.values import sigmoid
from edge_vision.adapters.yolo import PIXELS, input_size
from edge_vision.adapters.yolo_families import FAMILIES, Anchors, Family, FamilyName, likely_family
from edge_vision.contracts.model import ModelBundle
from edge_vision.contracts.options import Options, option
from edge_vision.contracts.tensors import TensorSpec
from edge_vision.data.errors import ModelError

MEANING = "yolo-grid"
CELLS = (8, 16, 32, 64)
"""Sides in pixels that the cells of a grid may have."""

_USUAL_ANCHORS = 3
_COCO_CLASSES = 80
_HIGHEST_GROWTH = 20.0
"""exp of more than it is no size of a box, and of much more no number."""

_COARSE_STEP = 0.3
"""Steps of a quantised logit above it: 256 of them span far more than a trained model's logits do."""


class Decoding(Options):
    """[decoding] of this layout."""

    anchors: FamilyName | Anchors | None = option(
        None,
        "Sizes that boxes start from: a family's name, or for each grid, the finest first, a list of "
        "[width, height] in pixels of the input; left out, those of the family it looks like.",
    )
    scale_xy: float | tuple[float, ...] | None = option(
        None, "Darknet's scale_x_y, one number or one a grid; left out, the family's own."
    )


class Head(NamedTuple):
    """One grid: its output, its anchors (a, 2) as fractions of the input, and its scale_x_y."""

    spec: TensorSpec
    anchors: NDArray[np.float32]
    scale: float


def _grids(bundle: ModelBundle) -> list[TensorSpec]:
    """The outputs, the finest grid first, where all are grids of one depth over the input; else none."""
    size = input_size(bundle)
    outputs = bundle.answers
    if size is None or any(len(spec.shape) != 4 or spec.shape[0] != 1 for spec in outputs):
        return []
    if len({spec.shape[3] for spec in outputs}) != 1:
        return []
    cells = [_cell(spec, size) for spec in outputs]
    if len(set(cells)) != len(cells) or any(cell not in CELLS for cell in cells):
        return []
    return sorted(outputs, key=lambda spec: -spec.shape[1])


def _cell(spec: TensorSpec, size: tuple[int, int]) -> int:
    """The side in pixels of a grid's cells, 0 where they are not square."""
    width, height = size
    _, rows, columns, _ = spec.shape
    square = columns * height == rows * width and width % max(columns, 1) == 0
    return width // columns if columns and square else 0


def _recognise(bundle: ModelBundle) -> Meanings | None:
    """Two or three grids over the input whose channels are three anchors of at least one class."""
    grids = _grids(bundle)
    if not (2 <= len(grids) <= 3 or (grids and bundle.layout == "yolo-grids")):
        return None
    channels = grids[0].shape[3]
    usual = channels % _USUAL_ANCHORS == 0 and channels // _USUAL_ANCHORS > 5
    return {spec.name: MEANING for spec in grids} if usual or bundle.layout == "yolo-grids" else None


def _adapter(bundle: ModelBundle, options: Decoding) -> Adapter[Candidates]:
    """Reads a box for each anchor of each cell: score = sigmoid(objectness) * sigmoid(best class)."""
    grids = _grids(bundle)
    if not grids:
        seen = ", ".join(str(spec) for spec in bundle.answers)
        raise ModelError(f"{bundle.name}: the outputs {seen} are not grids over its image")
    heads = _heads(bundle, grids, options)
    depths = {spec.shape[3] / len(sizes) for spec, sizes, _ in heads}
    depth = min(depths)
    if len(depths) > 1 or depth != int(depth) or depth < 6:
        raise ModelError(
            f"{bundle.name}: {grids[0].shape[3]} channels are not {len(heads[0].anchors)} anchors of 5 "
            "and a score a class each; say the anchors in its bundle.toml: [decoding] anchors = ..."
        )
    classes = int(depth) - 5
    check_labels(bundle.labels, classes, bundle.name)

    def read(outputs: Outputs) -> Candidates:
        parts = [_read_grid(head, outputs[head.spec.name], classes) for head in heads]
        boxes, score, class_id = (np.concatenate(column) for column in zip(*parts, strict=True))
        return Candidates(boxes, score, class_id)

    return Adapter(read, bundle.labels)


def _heads(bundle: ModelBundle, grids: list[TensorSpec], options: Decoding) -> list[Head]:
    """Each grid with its anchors; raises ModelError where they are not one list a grid."""
    family = _family(bundle, len(grids), options)
    if len(family.anchors) != len(grids):
        raise ModelError(
            f"{bundle.name}: anchors for {len(family.anchors)} grids, but it has {len(grids)}; "
            "say them in its bundle.toml: [decoding] anchors = ..."
        )
    if len(family.scale_xy) not in (1, len(grids)):
        raise ModelError(
            f"{bundle.name}: bundle.toml: decoding.scale_xy: write one number, or one a grid"
        )
    scales = family.scale_xy * len(grids) if len(family.scale_xy) == 1 else family.scale_xy
    size = np.array(bundle.image_input.size, dtype=np.float32)
    return [
        Head(spec, np.array(sizes, np.float32).reshape(-1, 2) / size, scale)
        for spec, sizes, scale in zip(grids, family.anchors, scales, strict=True)
    ]


def _family(bundle: ModelBundle, heads: int, options: Decoding) -> Family:
    """The anchors and scales that were declared, else those of the family it looks like."""
    if isinstance(options.anchors, tuple):
        family = Family(options.anchors, (1.0,))
    else:
        name = options.anchors or likely_family(heads, bundle.facts)
        family = FAMILIES[name] if name else Family((), (1.0,))
    if options.scale_xy is None:
        return family
    scales = options.scale_xy if isinstance(options.scale_xy, tuple) else (options.scale_xy,)
    return Family(family.anchors, scales)


def _read_grid(
    head: Head, array: NDArray[Any], classes: int
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.int32]]:
    """Boxes (n, 4) as fractions of the input, scores (n,) and classes (n,) of one grid."""
    spec, anchors, scale = head
    _, rows, columns, _ = spec.shape
    check_numbers(spec, array)
    table = array.reshape(rows * columns, len(anchors), 5 + classes)
    class_id = table[:, :, 5:].argmax(axis=2)
    best = np.take_along_axis(table, class_id[:, :, np.newaxis] + 5, axis=2)[:, :, 0]
    score = sigmoid(spec.real(table[:, :, 4])) * sigmoid(spec.real(best))
    y, x = np.divmod(np.arange(rows * columns, dtype=np.float32), np.float32(columns))
    cells = np.column_stack([x, y])[:, np.newaxis]
    place = sigmoid(spec.real(table[:, :, :2])) * np.float32(scale) - np.float32((scale - 1.0) / 2.0)
    centre = (place + cells) / np.array([columns, rows], dtype=np.float32)
    growth = np.minimum(spec.real(table[:, :, 2:4]), np.float32(_HIGHEST_GROWTH))
    centred = np.concatenate([centre, np.exp(growth) * anchors], axis=2).reshape(-1, 4)
    return corners_of(centred.T), score.reshape(-1), class_id.reshape(-1).astype(np.int32)


def _doubts(bundle: ModelBundle) -> tuple[str, ...]:
    """What looks wrong: a calibration that lost what the model says, anchors that are a guess.

    Darknet's models take pixels as 0 to 1. One that was quantised with pixels of 0 to 255 saw 255 times
    what it was trained on: its input spans 255 though the graph scales nothing, and its logits, which in
    use lie within some tens, are stored in steps too coarse to tell them apart. Raises ModelError for
    such a one, unless a bundle.toml declares it.
    """
    doubts = []
    if _is_miscalibrated(bundle):
        step = max(spec.quantisation.scale for spec in bundle.answers if spec.quantisation)
        said = (
            "looks mis-calibrated: its input was quantised for pixels of 0 to 255, which it is not made "
            f"for, and its outputs are in steps of {step:.2f}, so it finds nothing; convert it again "
            "with representative pictures divided by 255"
        )
        if not bundle.declared:
            raise ModelError(f"{bundle.name}: {said}")
        doubts.append(said)
    if not bundle.decoding.get("anchors") and _usual_classes(bundle) != _COCO_CLASSES:
        family = likely_family(len(bundle.answers), bundle.facts)
        doubts.append(
            f"its anchors are taken to be those of {family}; where it was trained with others, boxes "
            "have the wrong size: write them in a bundle.toml, [decoding] anchors = ..."
        )
    return tuple(doubts)


def _usual_classes(bundle: ModelBundle) -> int:
    return bundle.answers[0].shape[-1] // _USUAL_ANCHORS - 5


def _is_miscalibrated(bundle: ModelBundle) -> bool:
    images = [spec for spec in bundle.inputs if spec.is_image]
    quantised = [spec for spec in images if spec.quantisation is not None]
    spans = [
        abs(spec.quantisation.scale * 255.0 - 255.0) < 1.0 and spec.name not in bundle.facts.rescaled
        for spec in quantised
        if spec.quantisation is not None
    ]
    coarse = [
        spec.quantisation is not None and spec.quantisation.scale > _COARSE_STEP
        for spec in bundle.answers
    ]
    return bool(spans) and all(spans) and bool(coarse) and all(coarse)


YOLO_GRIDS: Layout[Candidates] = Layout(
    name="yolo-grids",
    task="detect",
    says="grids of boxes around anchors, decoded and suppressed here",
    reading=Candidates,
    meanings=(MEANING,),
    recognise=_recognise,
    adapter=_adapter,
    options=Decoding,
    pixels=PIXELS,
    doubts=_doubts,
)
