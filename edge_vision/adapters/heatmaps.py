"""Heat maps: how likely each place of the image holds each key point.

The meanings this adds:

heatmaps  (1, h, w, k) one score a place and key point
offsets   (1, h, w, 2 k) from a place to the key point, in pixels of the input: y of all points, then x
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from edge_vision.adapters.keypoints import COCO_KEYPOINTS, Poses, names_and_label
from edge_vision.adapters.layout import Adapter, Layout, Meanings, Outputs, only
from edge_vision.adapters.values import (
    Activation,
    activated,
    are_fractions,
    real_values,
    told_activation,
)
from edge_vision.contracts.model import IGNORED, ModelBundle, Wishes
from edge_vision.contracts.options import Options, option
from edge_vision.contracts.tensors import TensorSpec
from edge_vision.data.errors import ModelError

FEWEST_POINTS = 5
"""Of fewer maps with twice as many beside them it cannot be told that they are of key points."""

LEAST_STRIDE = 4
"""Maps of key points are smaller than the picture by this or more; maps of classes mostly are not."""

_OVERSHOOT = 0.5


class HeatmapsDecoding(Options):
    """[decoding] of heat maps."""

    activation: Literal["auto", "sigmoid", "none"] = option(
        "auto", "What turns values into scores; auto: told from the graph, else from the values."
    )


def _is_heatmap(spec: TensorSpec) -> bool:
    return len(spec.shape) == 4 and spec.shape[0] == 1 and min(spec.shape[1:3]) > 1


def _recognise_heatmaps(bundle: ModelBundle) -> Meanings | None:
    """A score a place and point looks like one a place and class, so mostly it has to be declared."""
    output = only(bundle)
    if output is None or not _is_heatmap(output):
        return None
    declared = bundle.task == "keypoints" or bundle.layout == "heatmaps"
    return {output.name: "heatmaps"} if declared or _seem_points_of_people(bundle, output) else None


def _seem_points_of_people(bundle: ModelBundle, output: TensorSpec) -> bool:
    """True for 17 channels with a sigmoid each, much smaller than the picture, and no labels for them.

    Seventeen key points has a person in COCO; classes of a place exclude each other, and have a softmax.
    """
    height, width, count = output.shape[1:]
    if count != len(COCO_KEYPOINTS) or bundle.facts.producer(output.name) != "LOGISTIC":
        return False
    named = len(bundle.labels) <= 1 or bundle.labels == COCO_KEYPOINTS
    sizes = [spec.size for spec in bundle.inputs if spec.is_image]
    return (
        named
        and len(sizes) == 1
        and sizes[0][0] >= LEAST_STRIDE * width
        and sizes[0][1] >= LEAST_STRIDE * height
    )


def _doubts_of_heatmaps(bundle: ModelBundle) -> tuple[str, ...]:
    """Maps that nobody declared may be maps of classes after all."""
    output = only(bundle)
    if bundle.declared or output is None or not _is_heatmap(output):
        return ()
    if not _seem_points_of_people(bundle, output):
        return ()
    doubt = (
        "its 17 channels are taken for heat maps of the key points of a person; where they are classes, "
        'write task = "segment" in a bundle.toml, else task = "keypoints"'
    )
    return (doubt,)


def _heatmaps(bundle: ModelBundle, options: HeatmapsDecoding) -> Adapter[Poses]:
    """Reads the highest place of each map, and its score there.

    From its place a point moves a quarter of a step towards the higher neighbour, along each axis
    (Newell, Yang and Deng, Stacked Hourglass Networks for Human Pose Estimation, 2016, section 3.3).
    """
    spec = bundle.output("heatmaps")
    if not _is_heatmap(spec):
        raise ModelError(f"{bundle.name}: the output {spec} has not the shape (1, h, w, k) of heat maps")
    height, width, count = spec.shape[1:]
    names, label = names_and_label(bundle, count)
    told = _told(bundle, spec, options)

    def read(outputs: Outputs) -> Poses:
        maps = real_values(spec, outputs[spec.name])[0]
        rows, columns = _peaks(maps)
        y = rows + 0.5 + 0.25 * _slope(maps, rows, columns, axis=0)
        x = columns + 0.5 + 0.25 * _slope(maps, rows, columns, axis=1)
        score = activated(maps[rows, columns, np.arange(count)], told or _told_by_values(spec, maps))
        return _pose(x / width, y / height, score, names, label)

    return Adapter(read, names)


def _recognise_with_offsets(bundle: ModelBundle) -> Meanings | None:
    """Heat maps and twice as many offsets of the same size; PoseNet's further outputs are ignored.

    Those are known by their depth too: of k points joined by k - 1 edges it gives the way along each
    edge and back, in two outputs of 2 (k - 1) or one of 4 (k - 1), and perhaps a mask of the people.
    """
    outputs = [spec for spec in bundle.answers if _is_heatmap(spec)]
    pairs = [
        (maps, offsets)
        for maps in outputs
        for offsets in outputs
        if offsets.shape == (*maps.shape[:3], 2 * maps.shape[3])
        and (maps.shape[3] >= FEWEST_POINTS or "heat" in maps.name.lower())
    ]
    if len(pairs) > 1:
        pairs = [(maps, offsets) for maps, offsets in pairs if "heat" in maps.name.lower()]
    if len(pairs) != 1:
        return None
    maps, offsets = pairs[0]
    edges = maps.shape[3] - 1
    known = [(*maps.shape[:3], depth) for depth in (2 * edges, 4 * edges, 1)]
    others = [spec for spec in outputs if spec not in (maps, offsets)]
    if "heat" not in maps.name.lower() and any(spec.shape not in known for spec in others):
        return None
    told = {maps.name: "heatmaps", offsets.name: "offsets"}
    return {spec.name: told.get(spec.name, IGNORED) for spec in bundle.answers}


def _with_offsets(bundle: ModelBundle, options: HeatmapsDecoding) -> Adapter[Poses]:
    """Reads the highest place of each map and adds its offset there.

    point = place * stride + offset in pixels of the input, whose corners the places at the corners of
    the maps lie on, so that stride = (side of the input - 1) / (side of the maps - 1)
    (Papandreou et al., PersonLab, 2018; decodeSinglePose of TensorFlow's PoseNet).
    """
    spec, offsets = bundle.output("heatmaps"), bundle.output("offsets")
    if not _is_heatmap(spec) or offsets.shape != (*spec.shape[:3], 2 * spec.shape[3]):
        raise ModelError(
            f"{bundle.name}: heat maps and offsets do not belong together: {spec}, {offsets}"
        )
    height, width, count = spec.shape[1:]
    input_width, input_height = bundle.image_input.size
    stride_y, stride_x = (input_height - 1) / (height - 1), (input_width - 1) / (width - 1)
    names, label = names_and_label(bundle, count)
    told = _told(bundle, spec, options)
    each = np.arange(count)

    def read(outputs: Outputs) -> Poses:
        maps = real_values(spec, outputs[spec.name])[0]
        moves = real_values(offsets, outputs[offsets.name])[0]
        rows, columns = _peaks(maps)
        y = rows * stride_y + moves[rows, columns, each]
        x = columns * stride_x + moves[rows, columns, each + count]
        score = activated(maps[rows, columns, each], told or _told_by_values(spec, maps))
        # The middle of the pixel that is meant; pixel 0 covers 0 to 1.
        return _pose((x + 0.5) / input_width, (y + 0.5) / input_height, score, names, label)

    return Adapter(read, names)


def _told(bundle: ModelBundle, spec: TensorSpec, options: HeatmapsDecoding) -> Activation | None:
    """What the values still need; None where neither bundle.toml nor the graph says so.

    A convolution at the end does not tell: maps that are trained by their squared error end so, too.
    """
    if options.activation != "auto":
        return options.activation
    told = told_activation(bundle.facts.producer(spec.name), "sigmoid")
    return told if told == "none" else None


def _told_by_values(spec: TensorSpec, maps: NDArray[np.float32]) -> Activation:
    """Logits of places without a key point lie far below 0; scores only overshoot a little."""
    if spec.quantisation is not None and are_fractions(spec, maps.reshape(-1)):
        return "none"
    within = maps.min() >= -_OVERSHOOT and maps.max() <= 1.0 + _OVERSHOOT
    return "none" if within else "sigmoid"


def _peaks(maps: NDArray[np.float32]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Row and column of the highest place of each map, (k,) each, of maps (h, w, k)."""
    height, width, count = maps.shape
    best = maps.reshape(height * width, count).argmax(axis=0)
    return best // width, best % width


def _slope(
    maps: NDArray[np.float32], rows: NDArray[np.intp], columns: NDArray[np.intp], axis: int
) -> NDArray[np.float32]:
    """The side of the higher neighbour along an axis, (k,): 1, -1, or 0 where both are as high.

    A place at the edge has no second neighbour, and stays.
    """
    place, side = (rows, maps.shape[0]) if axis == 0 else (columns, maps.shape[1])
    each = np.arange(maps.shape[2])

    def beside(step: int) -> NDArray[np.float32]:
        moved = np.clip(place + step, 0, side - 1)
        index = (moved, columns) if axis == 0 else (rows, moved)
        return np.asarray(maps[index[0], index[1], each])

    inside = (place > 0) & (place < side - 1)
    return np.asarray(np.where(inside, np.sign(beside(1) - beside(-1)), 0.0), dtype=np.float32)


def _pose(
    x: NDArray[np.floating],
    y: NDArray[np.floating],
    score: NDArray[np.float32],
    names: tuple[str, ...],
    label: str,
) -> Poses:
    points = np.stack([x, y, score], axis=1).astype(np.float32)[np.newaxis]
    return Poses(points, points[:, :, 2].mean(axis=1), names, label)


HEATMAPS = Layout(
    name="heatmaps",
    task="keypoints",
    says="one score a place and key point; the highest place of each is the point",
    reading=Poses,
    meanings=("heatmaps",),
    recognise=_recognise_heatmaps,
    adapter=_heatmaps,
    options=HeatmapsDecoding,
    doubts=_doubts_of_heatmaps,
)
HEATMAPS_WITH_OFFSETS = Layout(
    name="heatmaps-with-offsets",
    task="keypoints",
    says="one score a place and key point, and the way from there to the point (PoseNet)",
    reading=Poses,
    meanings=("heatmaps", "offsets"),
    recognise=_recognise_with_offsets,
    adapter=_with_offsets,
    options=HeatmapsDecoding,
    pixels=Wishes(mean=127.5, std=127.5),
)
