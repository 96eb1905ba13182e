"""Segmentation: how well the class of each pixel is told, at the pictures' own size."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from edge_vision.adapters.segmentation import ClassMap
from edge_vision.contracts.model import Model
from edge_vision.data import geometry
from edge_vision.data.errors import TrainingError
from edge_vision.data.view import View
from edge_vision.data.warp import Warp, reference_warp
from edge_vision.training.data.collection import VOID, Collection
from edge_vision.training.data.pictures import UnreadableError, read_mask
from edge_vision.training.drawing import with_classes
from edge_vision.training.evaluation.classification import OTHER, confusion_of
from edge_vision.training.evaluation.names import MISSING, data_classes, model_classes
from edge_vision.training.evaluation.sights import Source, look
from edge_vision.training.score import Score


def segmentation_score(confusions: Sequence[NDArray[np.int64]], names: Sequence[str]) -> Score:
    """How well the pixels of n pictures were told.

    confusions  of each picture (classes, classes) counts, a row for what it was, a column for what was
                said; pixels of no class are not in it

    miou is the mean over the classes that occur of intersection over union, of all pixels together
    (Everingham and others, The Pascal Visual Object Classes Challenge, 2015); iou_<name> that of each.
    """
    total = np.array(sum(confusions, np.zeros((len(names),) * 2, np.int64)))
    was, said, right = total.sum(axis=1), total.sum(axis=0), np.diag(total)
    if not was.sum():
        raise TrainingError("no pixel of these masks has a class; nothing can be judged")
    each = {
        names[i]: float(right[i] / (was[i] + said[i] - right[i])) for i in np.flatnonzero(was).tolist()
    }
    values = {
        "miou": float(np.mean(list(each.values()))),
        "pixel_accuracy": float(right.sum() / was.sum()),
        **{f"iou_{name}": figure for name, figure in each.items()},
    }
    shares = [float(np.trace(c) / max(1, c.sum())) if c.sum() else 1.0 for c in confusions]
    return Score(
        values,
        len(confusions),
        total,
        tuple(names),
        np.array([1.0 - share for share in shares], np.float32),
        tuple(f"{share:.0%} of its pixels right" for share in shares),
    )


def evaluate_segmenter(
    model: Model, source: Source, labels: Sequence[str] = (), warp: Warp = reference_warp
) -> Score:
    """How well any model tells the class of each pixel, asked as the daemon asks it.

    labels  names of the data's classes; a collection knows its own

    The model's map is laid over the picture, whose own pixels are judged; those of the class VOID count
    for nothing. Classes of the model that the data do not have count as OTHER.
    """
    names = tuple(labels) or (source.labels if isinstance(source, Collection) else ())
    if not names:
        raise TrainingError("the classes of these masks have no names; give their labels")
    confusions: list[NDArray[np.int64]] = []
    told: list[tuple[NDArray[np.uint8], View]] = []
    for row, seen in enumerate(look(model, ClassMap, source, warp=warp)):
        truth = mask_of(source, row)
        size = (seen.view.frame.width, seen.view.frame.height)
        if truth.shape != size[::-1]:
            raise TrainingError(f"a mask is {truth.shape[::-1]} pixels, its picture {size}")
        counted = truth != VOID
        numbers = _numbers(seen.labels, names, np.unique(truth[counted]))
        told.append((np.asarray(numbers[seen.reading.classes], np.uint8), seen.view))
        said = over_picture(*told[-1])[counted].astype(np.int64)
        said[said == VOID] = len(names)  # it was not seen, so nothing was said
        confusions.append(confusion_of(said, truth[counted], len(names) + 1))
    if not sum(int(each[:, -1].sum()) for each in confusions):
        score = segmentation_score([each[:-1, :-1] for each in confusions], names)
    else:
        score = segmentation_score(confusions, (*names, OTHER))
    return replace(score, drawing=lambda row, picture: with_classes(picture, over_picture(*told[row])))


def over_picture(classes: NDArray[np.uint8], view: View) -> NDArray[np.uint8]:
    """A class map over a view laid over the picture: (height, width) of the picture, nearest.

    VOID where the view did not see the picture.
    """
    height, width = classes.shape
    back = geometry.scaling(width / view.width, height / view.height) @ geometry.inverse(view.to_frame)
    columns = np.arange(view.frame.width) + 0.5
    rows = np.arange(view.frame.height) + 0.5
    # A model looks at a whole picture stretched or with bars: x depends on x only, y on y only.
    x = np.floor(back[0, 0] * columns + back[0, 2]).astype(np.intp)
    y = np.floor(back[1, 1] * rows + back[1, 2]).astype(np.intp)
    laid = classes[np.clip(y, 0, height - 1)[:, np.newaxis], np.clip(x, 0, width - 1)]
    inside = ((y >= 0) & (y < height))[:, np.newaxis] & ((x >= 0) & (x < width))
    return np.where(inside, laid, np.uint8(VOID))


def mask_of(source: Source, row: int) -> NDArray[np.uint8]:
    """The classes of a picture's pixels, (height, width) uint8, VOID where they count for nothing.

    Raises TrainingError where there is no mask, or it is unreadable.
    """
    if isinstance(source, Collection):
        file = source.items[row].mask
        if file is not None:
            try:
                values = read_mask(file)
            except UnreadableError as error:
                raise TrainingError(f"{file}: {error}") from None
            return values if source.mask_table is None else source.mask_table[values]
    elif "mask" in source.targets:
        return np.asarray(source.targets["mask"][row], np.uint8)
    raise TrainingError(
        "these data have no masks; a model that segments is judged on pictures with a mask each, whose "
        "pixels are the numbers of classes"
    )


def _numbers(
    model: Sequence[str], names: Sequence[str], needed: NDArray[np.integer]
) -> NDArray[np.int64]:
    """The data's class of each value of a model's map, (256,); OTHER comes behind the data's classes.

    A model without names has its classes in the data's order.
    """
    table = np.full(256, len(names), np.int64)
    if not model:
        table[: len(names)] = np.arange(len(names))
        return table
    known = data_classes(model_classes(model, names, needed.tolist()), len(model))
    table[: len(model)] = np.where(known == MISSING, len(names), known)
    return table
