"""Judging detectors: boxes in pixels of the pictures, classes by name, as the stage detect chooses."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from edge_vision.adapters.candidates import Candidates
from edge_vision.builtin.litert import LiteRTModel
from edge_vision.contracts.bundles import load_bundle
from edge_vision.contracts.tensors import TensorSpec
from edge_vision.data.errors import TrainingError
from edge_vision.data.view import View
from edge_vision.testing import FakeModel, make_frame, make_stage, run, still
from edge_vision.training.average_precision import Found, Truth, precision
from edge_vision.training.data.collection import Collection, Item
from edge_vision.training.evaluation.detection import (
    boxes_in_picture,
    detection_score,
    evaluate_detector,
)
from edge_vision.training.examples import Examples

from .conftest import image_input, picture, write

NAMES = ("red thing", "green thing")


def finder(labels: tuple[str, ...] = NAMES) -> FakeModel:
    """A detector of one red and one green thing, in the form that TensorFlow's post-processing has."""

    def answer(inputs: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        image = inputs["image"][0]
        height, width = image.shape[:2]
        boxes, scores = np.zeros((1, 2, 4), np.float32), np.zeros((1, 2), np.float32)
        for channel in (0, 1):
            rows, columns = np.nonzero(image[..., channel] > 128)
            if len(rows):
                boxes[0, channel] = (
                    rows.min() / height,
                    columns.min() / width,
                    (rows.max() + 1) / height,
                    (columns.max() + 1) / width,
                )
                scores[0, channel] = 0.9 - 0.1 * channel
        return {
            "boxes": boxes,
            "classes": np.array([[0.0, 1.0]], np.float32),
            "scores": scores,
            "count": np.array([2.0], np.float32),
        }

    outputs = [
        TensorSpec("boxes", (1, 2, 4), "float32", meaning="boxes"),
        TensorSpec("classes", (1, 2), "float32", meaning="classes"),
        TensorSpec("scores", (1, 2), "float32", meaning="scores"),
        TensorSpec("count", (1,), "float32", meaning="count"),
    ]
    return FakeModel([image_input(16, 16)], outputs, answer, labels)


@pytest.fixture
def things(tmp_path: Path) -> Collection:
    """Two pictures of 32 x 16: a red and a green thing; a red one, and a green one that none finds."""
    both, one = picture((0, 0, 0), 32, 16), picture((0, 0, 0), 32, 16)
    both[2:8, 4:12] = (255, 0, 0)
    both[8:12, 20:28] = (0, 255, 0)
    one[4:12, 8:16] = (255, 0, 0)
    rows = [
        (both, [[4, 2, 12, 8], [20, 8, 28, 12]], [0, 1]),
        (one, [[8, 4, 16, 12], [24, 0, 32, 4]], [0, 1]),
    ]
    items = tuple(
        Item(
            write(tmp_path / f"{i}.png", pixels),
            f"{i}.png",
            f"{i}",
            boxes=np.array(boxes, np.float32),
            classes=np.array(classes, np.int64),
        )
        for i, (pixels, boxes, classes) in enumerate(rows)
    )
    return Collection(items, NAMES, "boxes")


def test_boxes_are_judged_in_pixels_of_the_pictures(things: Collection) -> None:
    score = evaluate_detector(finder(), things)
    assert list(score.values) == ["ap", "ap50", "ap50_red thing", "ap50_green thing"]
    assert score.values["ap50_red thing"] == 1.0
    assert score.values["ap50_green thing"] == pytest.approx(51 / 101)
    assert score.said == ("2 of 2 found", "1 of 2 found")
    assert score.mistakes is not None
    assert score.mistakes.tolist() == pytest.approx([0.0, 1 / 3])


def test_classes_are_found_by_name_and_others_are_left_out(things: Collection) -> None:
    turned = replace(things, labels=("Green Thing", "red_thing"))
    items = (replace(item, classes=1 - np.asarray(item.classes)) for item in turned.items)
    again = evaluate_detector(finder(), turned.of(items))
    assert again.chief == evaluate_detector(finder(), things).chief
    reds = (
        replace(item, boxes=np.asarray(item.boxes)[:1], classes=np.zeros(1, np.int64))
        for item in things.items
    )
    assert evaluate_detector(finder(), replace(things.of(reds), labels=("red thing",))).chief == 1.0


def test_a_model_without_names_has_the_datas_order(things: Collection) -> None:
    assert evaluate_detector(finder(()), things).values["ap50_red thing"] == 1.0


def test_a_class_that_the_model_does_not_know_is_told(things: Collection) -> None:
    with pytest.raises(TrainingError, match="does not know 1 of the data's classes: green"):
        evaluate_detector(finder(("red thing", "cat")), things)


def test_examples_with_boxes_are_judged_alike() -> None:
    pixels = np.zeros((1, 16, 16, 3), np.uint8)
    pixels[0, 4:8, 4:8] = (255, 0, 0)
    truth = [np.array([[4, 4, 8, 8]], np.float32)]
    score = evaluate_detector(finder(), Examples(pixels, {"boxes": truth}), NAMES)
    assert score.chief == 1.0


def test_data_without_boxes_are_refused(things: Collection) -> None:
    bare = things.of(replace(item, boxes=None) for item in things.items)
    with pytest.raises(TrainingError, match="have no boxes; a detector is judged on"):
        evaluate_detector(finder(), bare)


def test_pictures_without_any_object_cannot_be_judged() -> None:
    none = np.zeros((0, 4), np.float32)
    with pytest.raises(TrainingError, match="no object in these pictures"):
        detection_score([Found(none, [], [])], [Truth(none, [])], NAMES)


def test_boxes_that_say_the_same_are_dropped_unless_the_model_did() -> None:
    boxes = np.array([[0.0, 0.0, 0.5, 0.5], [0.0, 0.0, 0.5, 0.45]], np.float32)
    proposed = Candidates(boxes, np.array([0.5, 0.9], np.float32), np.zeros(2, np.int32))
    view = View.of(make_frame(still(0, 64, 48)))
    found = boxes_in_picture(proposed, view)
    assert np.asarray(found.boxes).tolist() == pytest.approx(np.array([[0, 0, 32, 21.6]]), rel=1e-5)
    kept = boxes_in_picture(replace(proposed, suppressed=True), view)
    assert np.asarray(kept.score).tolist() == pytest.approx([0.9, 0.5])


@pytest.mark.shared
def test_a_real_detector_scores_as_through_its_stage(shared: Path, tmp_path: Path) -> None:
    from edge_vision_recognition import Detect  # noqa: PLC0415 - only beside the shared pictures

    from tests import penn_fudan  # noqa: PLC0415

    name = "coco_ssd_mobilenet_v1_quant_metadata"
    model = LiteRTModel(load_bundle(shared / "models" / f"{name}.tflite", name))
    chosen = penn_fudan.pictures()[:8]
    items = tuple(
        Item(
            write(tmp_path / f"{each.name}.png", each.image[:, :, ::-1]),
            each.name,
            each.name,
            boxes=each.people,
            classes=np.zeros(len(each.people), np.int64),
        )
        for each in chosen
    )
    score = evaluate_detector(model, Collection(items, ("Person",), "boxes"))
    stage = make_stage(Detect, {name: model}, model=name, min_score=0.01, max_detections=100)
    found = []
    for each in chosen:
        (detections,) = run(stage, each.image).detections
        people = detections[detections.class_id == penn_fudan.PERSON]
        found.append(Found(people.xyxy, people.score))
    expected = precision(found, [Truth(each.people) for each in chosen])
    assert (score.values["ap"], score.values["ap50"]) == pytest.approx((expected.ap, expected.ap50))
    assert score.values["ap50"] > 0.5
