"""Detectors that say where middles are, and how far the sides of boxes are from them."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from edge_vision.adapters.candidates import Candidates
from edge_vision.adapters.catalogue import adapter_of
from edge_vision.contracts.model import ModelBundle
from edge_vision.data.errors import ModelError, StageError
from tests.adapters.detectors import detector, output, produced, read, stored

ROWS, COLUMNS = 4, 8


def bundle_of(classes: int = 2, labels: tuple[str, ...] = (), **known: float) -> ModelBundle:
    scores = output(1, ROWS, COLUMNS, classes, name="centres")
    sides = output(1, ROWS, COLUMNS, 4, name="sides")
    return detector(scores, sides, labels=labels, decoding=known, facts=produced("LOGISTIC", centres=0))


def maps(*objects: tuple[int, int, int, float]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Maps with objects at (row, column) of a class, with a score; all boxes are of one size."""
    scores = np.zeros((ROWS, COLUMNS, 2), np.float32)
    for row, column, number, score in objects:
        scores[row, column, number] = score
    return scores, np.broadcast_to(np.array([0.1, 0.2, 0.3, 0.25], np.float32), (ROWS, COLUMNS, 4))


def test_it_is_told_by_its_names_and_shapes() -> None:
    bundle = bundle_of()
    assert (bundle.task, bundle.layout) == ("detect", "centres")
    strange = detector(output(1, 4, 8, 2, name="centres"), output(1, 4, 8, 6, name="sides"))
    assert strange.layout != "centres"


def test_a_middle_becomes_a_box_round_the_middle_of_its_cell() -> None:
    found = read(bundle_of(), *maps((1, 5, 1, 0.9)))
    assert not found.suppressed
    x, y = 5.5 / COLUMNS, 1.5 / ROWS
    np.testing.assert_allclose(found.boxes, [[x - 0.1, y - 0.2, x + 0.3, y + 0.25]], atol=1e-6)
    assert found.score == pytest.approx([0.9])
    assert found.class_id.tolist() == [1]


def test_of_neighbours_the_surest_counts_also_at_the_edge() -> None:
    found = read(bundle_of(), *maps((0, 0, 0, 0.8), (1, 1, 1, 0.7), (3, 7, 0, 0.6), (3, 5, 0, 0.5)))
    assert found.score.tolist() == pytest.approx([0.8, 0.5, 0.6])


def test_what_is_below_the_least_score_is_no_middle() -> None:
    found = read(bundle_of(least=0.4), *maps((0, 0, 0, 0.39), (3, 7, 0, 0.41)))
    assert found.score == pytest.approx([0.41])
    assert len(read(bundle_of(), *maps()).score) == 0


def test_logits_go_through_a_sigmoid() -> None:
    logits = output(1, ROWS, COLUMNS, 1, name="centres")
    sides = output(1, ROWS, COLUMNS, 4, name="sides")
    bundle = detector(logits, sides, facts=produced("CONV_2D", centres=0))
    values = np.full((ROWS, COLUMNS, 1), -9.0)
    values[2, 2] = 2.0
    found = read(bundle, values, np.full((ROWS, COLUMNS, 4), 0.1))
    assert found.score == pytest.approx([1 / (1 + np.exp(-2.0))])


def test_quantised_maps_are_read_by_their_real_values() -> None:
    scores = output(1, ROWS, COLUMNS, 1, name="centres", dtype="int8", scale=1 / 256, zero=-128)
    sides = output(1, ROWS, COLUMNS, 4, name="sides", dtype="int8", scale=1 / 255, zero=-128)
    bundle = detector(scores, sides)
    values = np.zeros((ROWS, COLUMNS, 1))
    values[1, 1] = 0.75
    found = read(bundle, stored(scores, values), stored(sides, np.full((ROWS, COLUMNS, 4), 51 / 255)))
    assert found.score == pytest.approx([0.75])
    x, y = 1.5 / COLUMNS, 1.5 / ROWS
    np.testing.assert_allclose(found.boxes, [[x - 0.2, y - 0.2, x + 0.2, y + 0.2]], atol=1e-6)


def test_labels_have_to_be_as_many_as_classes() -> None:
    with pytest.raises(ModelError, match="2 classes but 1 labels"):
        adapter_of(bundle_of(labels=("person",)), Candidates)


@pytest.mark.parametrize("which", [0, 1])
def test_what_is_no_number_is_an_error(which: int) -> None:
    arrays = [np.array(each) for each in maps((1, 1, 0, 0.9))]
    arrays[which][1, 1] = np.nan
    with pytest.raises(StageError, match="no numbers"):
        read(bundle_of(), *arrays)
