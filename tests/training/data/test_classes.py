"""Classes under other names: patterns, what is left out, and what fits nothing."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from edge_vision.data.errors import TrainingError
from edge_vision.training.data.classes import renamed
from edge_vision.training.data.collection import Collection, Item

BOXES = np.arange(16, dtype=np.float32).reshape(4, 4)


def collection() -> Collection:
    items = (
        Item(Path("a.png"), "a.png", "a.png", boxes=BOXES, classes=np.array([0, 1, 2, 1])),
        Item(Path("b.png"), "b.png", "b.png", boxes=BOXES[:1], classes=np.array([2])),
    )
    return Collection(items, ("PersonStanding", "person", "dog"), "boxes")


def test_names_that_fit_a_pattern_become_one_class_and_others_are_left_out() -> None:
    made = renamed(collection(), {"people": ("person*",)})
    assert made.labels == ("people",)
    first, second = made.items
    assert first.boxes is not None
    assert first.boxes.tolist() == BOXES[[0, 1, 3]].tolist()
    assert first.classes is not None
    assert first.classes.tolist() == [0, 0, 0]
    assert second.boxes is not None
    assert second.boxes.shape == (0, 4)
    assert made.notes[-1] == "boxes of 1 names are left out: dog"


def test_classes_are_in_the_order_that_was_said_and_the_first_that_fits_counts() -> None:
    made = renamed(collection(), {"animal": ("dog", "cat"), "standing": ("*standing",), "any": ("*",)})
    assert made.labels == ("animal", "standing", "any")
    first = made.items[0].classes
    assert first is not None
    assert first.tolist() == [1, 2, 0, 2]


def test_names_that_nothing_has_are_refused() -> None:
    with pytest.raises(TrainingError, match="none of the data's names is among those of car; the data"):
        renamed(collection(), {"car": ("car", "van*")})
