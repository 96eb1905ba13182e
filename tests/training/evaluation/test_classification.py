"""Judging classifiers: right figures, classes found by name, pictures seen as the daemon sees them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from edge_vision.builtin.warp import opencv_warp
from edge_vision.data.errors import ModelError, TrainingError
from edge_vision.training.data.collection import Collection
from edge_vision.training.evaluation.classification import OTHER, evaluate_classifier, scores_of
from edge_vision.training.evaluation.names import data_classes, model_classes
from edge_vision.training.examples import Examples

from .conftest import LABELS, colour_model, picture


def test_figures_of_known_answers() -> None:
    probabilities = np.array([[0.7, 0.2, 0.1], [0.6, 0.3, 0.1], [0.1, 0.8, 0.1], [0.3, 0.3, 0.4]])
    score = scores_of(probabilities, np.array([0, 1, 1, 2]), LABELS)
    assert list(score.values) == ["accuracy", "macro_f1"]
    assert score.chief == 0.75
    assert score.values["macro_f1"] == pytest.approx((2 / 3 + 2 / 3 + 1) / 3)
    assert score.confusion is not None
    assert score.confusion.tolist() == [[1, 0, 0], [1, 1, 0], [0, 0, 1]]
    assert score.mistakes is not None
    assert score.mistakes.tolist() == pytest.approx([0.3, 0.7, 0.2, 0.6])
    assert score.said == ("red 70%", "red 60%", "green 80%", "blue 40%")


def test_a_class_that_does_not_occur_has_no_part_in_the_f1() -> None:
    score = scores_of(np.eye(3)[[0, 1]], np.array([0, 1]), LABELS)
    assert score.values["macro_f1"] == 1.0


def test_the_best_five_are_told_where_there_are_more_classes() -> None:
    probabilities = np.tile(np.arange(8, 0, -1) / 36.0, (2, 1))
    score = scores_of(probabilities, np.array([4, 5]), tuple("abcdefgh"))
    assert score.values["accuracy"] == 0.0
    assert score.values["top5"] == 0.5


@pytest.mark.parametrize("bad", [np.full((1, 3), np.nan), np.ones((2, 3)), np.ones((1, 2))])
def test_scores_that_cannot_be_judged_are_refused(
    bad: NDArray[np.float64],
) -> None:
    with pytest.raises(TrainingError):
        scores_of(bad, np.array([0]), LABELS)


def test_a_collection_of_files_is_judged_through_the_runner(colours: Collection) -> None:
    model = colour_model()
    score = evaluate_classifier(model, colours, warp=opencv_warp)
    assert score.values["accuracy"] == pytest.approx(0.8)
    assert score.examples == 5
    assert score.labels == LABELS
    assert score.mistakes is not None
    assert int(score.mistakes.argmax()) == 3
    assert score.said[3].startswith("green")
    assert {call["image"].shape for call in model.calls} == {(1, 6, 8, 3)}


def test_examples_are_judged_alike_and_grey_ones_too(colours: Collection) -> None:
    pictures = np.stack([picture((250, 0, 0), 8, 6), picture((0, 250, 0), 8, 6)])
    examples = Examples(pictures, {"label": np.array([0, 1])})
    assert evaluate_classifier(colour_model(), examples, LABELS).chief == 1.0
    grey = Examples(pictures[..., :1], {"label": np.array([0, 0])})
    assert evaluate_classifier(colour_model(), grey, LABELS).examples == 2


def test_classes_are_found_by_name_whatever_their_order_and_capitals(colours: Collection) -> None:
    turned = replace(colours, labels=("Blue", "green", "RED"))
    items = (replace(item, label=2 - (item.label or 0)) for item in turned.items)
    score = evaluate_classifier(colour_model(), turned.of(items))
    assert score.values["accuracy"] == pytest.approx(0.8)
    assert score.labels == ("Blue", "green", "RED")


def test_a_model_without_names_has_the_datas_order(colours: Collection) -> None:
    assert evaluate_classifier(colour_model(()), colours).values["accuracy"] == pytest.approx(0.8)


def test_a_class_that_the_model_does_not_know_is_told_with_what_is_near(colours: Collection) -> None:
    renamed = replace(colours, labels=("redd", "green", "blue"))
    with pytest.raises(TrainingError, match=r"does not know 1 of .* classes: redd, did you mean red"):
        evaluate_classifier(colour_model(), renamed)


def test_a_class_without_a_picture_need_not_be_known(colours: Collection) -> None:
    more = replace(colours, labels=(*LABELS, "yellow"))
    score = evaluate_classifier(colour_model(), more)
    assert score.values["accuracy"] == pytest.approx(0.8)
    assert score.confusion is not None
    assert score.confusion.shape == (4, 4)


def test_what_the_model_knows_beyond_the_data_counts_as_wrong_where_it_is_said(
    colours: Collection,
) -> None:
    score = evaluate_classifier(colour_model((*LABELS, "cat"), extra=100.0), colours)
    assert score.labels == (*LABELS, OTHER)
    assert score.confusion is not None
    assert score.confusion[:, 3].sum() == 1
    assert score.values["accuracy"] == pytest.approx(0.6)


def test_a_model_of_another_task_is_refused(colours: Collection) -> None:
    model = colour_model()
    model._bundle = replace(model.bundle, task="embed")
    with pytest.raises(ModelError):
        evaluate_classifier(model, colours)


def test_data_without_labels_are_refused(colours: Collection) -> None:
    bare = colours.of(replace(item, label=None) for item in colours.items)
    with pytest.raises(TrainingError, match="have no labels; a classifier is judged on"):
        evaluate_classifier(colour_model(), bare)


def test_no_data_are_refused(colours: Collection) -> None:
    with pytest.raises(TrainingError, match="nothing to judge"):
        evaluate_classifier(colour_model(), colours.take([]))


def test_a_picture_that_cannot_be_read_is_named(colours: Collection) -> None:
    colours.items[2].file.write_bytes(b"no picture")
    with pytest.raises(TrainingError, match=r"2\.png: cannot be decoded"):
        evaluate_classifier(colour_model(), colours)


def test_tables_of_classes_go_both_ways() -> None:
    table = model_classes(
        ("background", "Traffic Light", "car"), ("car", "bus", "traffic_light"), [0, 2]
    )
    assert table.tolist() == [2, -1, 1]
    assert data_classes(table, 3).tolist() == [-1, 2, 0]


def test_numbers_of_another_count_are_refused() -> None:
    with pytest.raises(TrainingError, match="2 classes without names, the data have 3"):
        model_classes(("0", "1"), LABELS)
