"""Judging class maps: over the pictures' own pixels, void ones left out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from edge_vision.contracts.model import Wishes
from edge_vision.contracts.tensors import TensorSpec
from edge_vision.data.errors import TrainingError
from edge_vision.testing import FakeModel
from edge_vision.training.data.collection import VOID, Collection, Item
from edge_vision.training.evaluation.classification import OTHER
from edge_vision.training.evaluation.segmentation import evaluate_segmenter, segmentation_score
from edge_vision.training.examples import Examples

from .conftest import image_input, picture, write

NAMES = ("ground", "red")


def painter(labels: tuple[str, ...] = NAMES, size: int = 16) -> FakeModel:
    """A model that says class 1 where a picture is red, and class 2 where it is green."""

    def answer(inputs: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        image = inputs["image"]
        return {"map": ((image[..., 0] > 128) + 2 * (image[..., 1] > 128)).astype(np.int64)}

    outputs = [TensorSpec("map", (1, size, size), "int64", meaning="class-map")]
    return FakeModel([image_input(size, size)], outputs, answer, labels)


def example() -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """A picture of 32 x 16 with a red rectangle, and a mask in which half of it is void."""
    pixels, mask = picture((0, 0, 0), 32, 16), np.zeros((16, 32), np.uint8)
    pixels[4:12, 8:24] = (255, 0, 0)
    mask[4:12, 8:24] = 1
    mask[4:12, 16:24] = VOID
    return pixels, mask


def test_figures_of_known_counts() -> None:
    counts = np.array([[[6, 2], [1, 3]], [[4, 0], [0, 0]]])
    score = segmentation_score([*counts], NAMES)
    assert score.values["iou_ground"] == pytest.approx(10 / 13)
    assert score.values["iou_red"] == pytest.approx(3 / 6)
    assert score.chief == score.values["miou"] == pytest.approx((10 / 13 + 0.5) / 2)
    assert score.values["pixel_accuracy"] == pytest.approx(13 / 16)
    assert score.mistakes is not None
    assert score.mistakes.tolist() == pytest.approx([0.25, 0.0])


def test_void_pixels_count_for_nothing(tmp_path: Path) -> None:
    pixels, mask = example()
    file, where = write(tmp_path / "a.png", pixels), write(tmp_path / "mask.png", mask)
    data = Collection(
        (Item(file, "a.png", "a", mask=where),), NAMES, "mask", np.arange(256, dtype=np.uint8)
    )
    score = evaluate_segmenter(painter(), data)
    assert score.values["miou"] == 1.0
    assert score.confusion is not None
    assert score.confusion.sum() == 32 * 16 - 8 * 8


def test_a_table_says_what_a_masks_values_mean(tmp_path: Path) -> None:
    pixels, mask = example()
    table = np.full(256, VOID, np.uint8)
    table[[0, 7]] = (0, 1)
    file = write(tmp_path / "a.png", pixels)
    where = write(tmp_path / "mask.png", np.where(mask == 1, np.uint8(7), mask))
    data = Collection((Item(file, "a.png", "a", mask=where),), NAMES, "mask", table)
    assert evaluate_segmenter(painter(), data).chief == 1.0


def test_bars_beside_a_picture_are_not_part_of_it() -> None:
    pixels, mask = example()
    model = painter()
    model._bundle = replace(model.bundle, wishes=Wishes(fit="letterbox"))
    score = evaluate_segmenter(model, Examples(pixels[np.newaxis], {"mask": mask[np.newaxis]}), NAMES)
    assert score.values["miou"] == 1.0


def test_classes_are_found_by_name_and_others_are_told() -> None:
    pixels, mask = example()
    pixels[0, :] = (0, 255, 0)
    model = painter(("background", "Red", "grass"))
    names = ("red", "background")
    truth = np.where(mask == VOID, mask, 1 - np.minimum(mask, 1)).astype(np.uint8)
    score = evaluate_segmenter(model, Examples(pixels[np.newaxis], {"mask": truth[np.newaxis]}), names)
    assert score.labels == (*names, OTHER)
    assert score.values["iou_red"] == 1.0
    assert score.values["iou_background"] == pytest.approx(1.0 - 32 / (32 * 16 - 8 * 16))


def test_data_without_masks_or_names_are_refused() -> None:
    pixels, mask = example()
    with pytest.raises(TrainingError, match="have no masks"):
        evaluate_segmenter(painter(), Examples(pixels[np.newaxis]), NAMES)
    with pytest.raises(TrainingError, match="have no names"):
        evaluate_segmenter(painter(), Examples(pixels[np.newaxis], {"mask": mask[np.newaxis]}))


def test_masks_of_another_size_are_refused() -> None:
    pixels, mask = example()
    with pytest.raises(TrainingError, match=r"a mask is \(16, 16\) pixels, its picture \(32, 16\)"):
        evaluate_segmenter(
            painter(), Examples(pixels[np.newaxis], {"mask": mask[np.newaxis, :, :16]}), NAMES
        )


def test_masks_that_are_void_throughout_cannot_be_judged() -> None:
    pixels, mask = example()
    void = np.full_like(mask, VOID)
    with pytest.raises(TrainingError, match="no pixel of these masks has a class"):
        evaluate_segmenter(painter(), Examples(pixels[np.newaxis], {"mask": void[np.newaxis]}), NAMES)
