"""SSD with its post-processing inside: four outputs, told in any order."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest

from edge_vision.adapters.candidates import Candidates
from edge_vision.adapters.catalogue import adapter_of
from edge_vision.adapters.ssd import OPERATOR, classes_and_scores
from edge_vision.contracts.file_facts import FileFacts, Producer, TensorNote
from edge_vision.contracts.model import ModelBundle
from edge_vision.contracts.tensors import TensorSpec
from edge_vision.data.errors import ModelError, StageError
from tests.adapters.detectors import detector, output, produced, read

ORDERS = list(permutations(range(4)))
CALL = "StatefulPartitionedCall"
MEANINGS = ("boxes", "classes", "scores", "count")


def four(names: tuple[str, str, str, str], boxes: int = 25) -> tuple[TensorSpec, ...]:
    """Outputs of these names for boxes, classes, scores and count."""
    shapes = ((1, boxes, 4), (1, boxes), (1, boxes), (1,))
    return tuple(output(*shape, name=name) for shape, name in zip(shapes, names, strict=True))


def told(bundle: ModelBundle) -> dict[str, str]:
    return {spec.name: spec.meaning for spec in bundle.outputs}


def check_reading(outputs: tuple[TensorSpec, ...], bundle: ModelBundle) -> None:
    """Read one box whose values could not be told apart: class 1 and score 1."""
    boxes = np.zeros((1, outputs[0].shape[1], 4))
    boxes[0, 0] = [0.1, 0.2, 0.3, 0.4]
    rows = np.zeros((1, outputs[0].shape[1]))
    classes, scores = rows.copy(), rows.copy()
    classes[0, :2], scores[0, :2] = [1.0, 0.0], [1.0, 1.0]
    values = dict(zip((spec.name for spec in outputs), (boxes, classes, scores, [2.0]), strict=True))
    found = read(bundle, *(np.asarray(values[spec.name]) for spec in bundle.outputs))
    assert found.suppressed
    assert found.boxes[0] == pytest.approx([0.2, 0.1, 0.4, 0.3])
    assert found.class_id.tolist() == [1, 0]
    assert found.score.tolist() == [1.0, 1.0]


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize(
    "names",
    [
        (f"{CALL}:3", f"{CALL}:2", f"{CALL}:1", f"{CALL}:0"),
        (f"{CALL}:31", f"{CALL}:32", f"{CALL}:33", f"{CALL}:34"),
        ("detection_boxes", "detection_classes", "detection_scores", "num_detections"),
    ],
)
def test_names_tell_in_any_order(names: tuple[str, str, str, str], order: tuple[int, ...]) -> None:
    outputs = four(names)
    bundle = detector(*(outputs[place] for place in order))
    assert bundle.layout == "ssd-postprocessed"
    assert told(bundle) == dict(zip(names, MEANINGS, strict=True))
    check_reading(outputs, bundle)


@pytest.mark.parametrize("order", ORDERS)
def test_the_operator_in_the_graph_goes_before_names(order: tuple[int, ...]) -> None:
    """Here names and numbers point elsewhere."""
    names = (f"{CALL}:0", f"{CALL}:2", f"{CALL}:1", f"{CALL}:3")
    outputs = four(names, boxes=100)
    facts = produced("TFLite_Detection_PostProcess", **{name: i for i, name in enumerate(names)})
    bundle = detector(*(outputs[place] for place in order), facts=facts)
    assert told(bundle) == dict(zip(names, MEANINGS, strict=True))
    check_reading(outputs, bundle)


@pytest.mark.parametrize("order", ORDERS)
def test_the_metadata_tells_in_any_order(order: tuple[int, ...]) -> None:
    outputs = four(("a", "b", "c", "d"))
    said = ("location", "category", "score", "number of detections")
    notes = {spec.name: TensorNote(name=name) for spec, name in zip(outputs, said, strict=True)}
    bundle = detector(*(outputs[place] for place in order), facts=FileFacts(notes=notes))
    assert told(bundle) == dict(zip("abcd", MEANINGS, strict=True))
    check_reading(outputs, bundle)


@pytest.mark.parametrize(
    "names",
    [
        ("a", "b", "c", "d"),
        (f"{CALL}:1", f"{CALL}:0", f"{CALL}:2", f"{CALL}:3"),
        ("x:3", "y:2", "x:1", "x:0"),
    ],
)
def test_what_nothing_tells_is_left_to_the_values(names: tuple[str, str, str, str]) -> None:
    outputs = four(names)
    bundle = detector(*outputs)
    assert [told(bundle)[name] for name in names[1:3]] == ["classes-or-scores"] * 2
    rows = np.zeros((2, 25))
    rows[0, :2], rows[1, :2] = [0.75, 0.5], [3.0, 1.0]
    found = read(bundle, np.zeros((25, 4)), *rows, np.array([2.0]))
    assert found.class_id.tolist() == [3, 1]
    assert found.score.tolist() == [0.75, 0.5]


@pytest.mark.parametrize("boxes", [1, 10, 25, 100])
@pytest.mark.parametrize("shape", [(1,), ()])
def test_any_number_of_boxes_and_a_count_of_one_number(boxes: int, shape: tuple[int, ...]) -> None:
    outputs = (*four(("boxes", "classes", "scores", "n"), boxes)[:3], output(*shape, name="n"))
    bundle = detector(*outputs)
    assert told(bundle)["n"] == "count"
    arrays = np.ones((boxes, 4)), np.zeros(boxes), np.full(boxes, 0.5), np.array(float(boxes))
    assert len(read(bundle, *arrays).score) == boxes


@pytest.mark.parametrize(
    ("scores", "classes"),
    [
        ([1.0, 1.0], [0.0, 0.0]),
        ([1.0, 1.0], [0.0, 1.0]),
        ([1.0, 1.0], [1.0, 0.0]),
        ([1.0, 0.0], [0.0, 1.0]),
        ([1.0, 0.0], [2.0, 0.0]),
        ([1.0], [7.0]),
        ([1.0, 0.0], [0.0, 0.0]),
    ],
)
def test_of_two_rows_of_whole_numbers_the_scores_are_those_sorted_best_first(
    scores: list[float], classes: list[float]
) -> None:
    rows = np.array(scores, np.float32), np.array(classes, np.float32)
    for given in (rows, rows[::-1]):
        found = classes_and_scores(*given)
        assert [row.tolist() for row in found] == [classes, scores]


@pytest.mark.parametrize("labels", [tuple("abc"), ("background", *"abc"), ("???", *"abc"), ()])
def test_labels_are_as_many_as_the_operator_has_classes(labels: tuple[str, ...]) -> None:
    assert adapter_of(of_three_classes(labels), Candidates).labels in [tuple("abc"), ()]


@pytest.mark.parametrize("labels", [tuple("ab"), tuple("abcd"), ("background", *"ab")])
def test_labels_that_do_not_fit_the_operator_are_refused(labels: tuple[str, ...]) -> None:
    count = len(labels) - (labels[0] == "background")
    with pytest.raises(ModelError, match=f"m: has scores for 3 classes but {count} labels; give it"):
        adapter_of(of_three_classes(labels), Candidates)


def of_three_classes(labels: tuple[str, ...]) -> ModelBundle:
    names = ("a", "b", "c", "d")
    producers = {name: Producer(OPERATOR, place, classes=3) for place, name in enumerate(names)}
    return detector(*four(names), labels=labels, facts=FileFacts(producers=producers))


def test_classes_beyond_the_labels_are_no_error() -> None:
    bundle = detector(*four(("boxes", "classes", "scores", "n"), 2), labels=("a", "b"))
    assert adapter_of(bundle, Candidates).labels == ("a", "b")
    arrays = np.ones((2, 4)), np.array([1.0, 7.0]), np.full(2, 0.5), np.array([2.0])
    assert read(bundle, *arrays).class_id.tolist() == [1, 7]


@pytest.mark.parametrize("place", range(4))
def test_values_that_are_no_numbers_name_the_output(place: int) -> None:
    names = ("boxes", "classes", "scores", "n")
    bundle = detector(*four(names, 2))
    arrays = [np.zeros((2, 4)), np.zeros(2), np.zeros(2), np.array([2.0])]
    arrays[place].flat[0] = np.inf
    with pytest.raises(StageError, match=f"output {names[place]} .* no numbers"):
        read(bundle, *arrays)
