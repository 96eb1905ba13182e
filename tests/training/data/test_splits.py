"""Splits: declared parts first, whole groups, classes in balance, and the same every time."""

from __future__ import annotations

from collections import Counter
from itertools import chain
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from edge_vision.data.errors import TrainingError
from edge_vision.training.data.collection import Collection, Item, Part
from edge_vision.training.data.folders import read_folders
from edge_vision.training.data.splits import Split, split
from tests.training.data.drawing import save


def item(name: str, label: int, group: str = "", part: Part = "") -> Item:
    return Item(Path(name), name, group or name, part, label)


def collection(items: list[Item], classes: int) -> Collection:
    return Collection(tuple(items), tuple("abcdefghij"[:classes]))


def names(made: Split) -> list[list[str]]:
    return [[each.name for each in part.items] for part in made]


def test_single_pictures_are_split_class_by_class() -> None:
    items = [item(f"{number}.png", number % 3 % 2) for number in range(150)]
    made = split(collection(items, 2), 0.2)
    assert Counter(each.label for each in made.validation.items) == {0: 20, 1: 10}
    assert len(made.training) == 120
    assert len(made.test) == 0
    assert sorted(chain.from_iterable(names(made))) == sorted(each.name for each in items)


def test_three_parts_have_their_shares() -> None:
    items = [item(f"{number}.png", number % 2) for number in range(200)]
    assert [len(part) for part in split(collection(items, 2), 0.2, test=0.1)] == [140, 40, 20]


def test_groups_stay_whole_and_classes_in_balance() -> None:
    random = np.random.default_rng(0)
    items = []
    for video in range(40):
        kinds = random.integers(0, 3, 30)
        items += [item(f"{video}/{n}.png", int(kind), f"v{video}") for n, kind in enumerate(kinds)]
    made = split(collection(items, 3), 0.25)
    training, validation = ({each.group for each in part.items} for part in made[:2])
    assert not training & validation
    counts = Counter(each.label for each in made.validation.items)
    totals = Counter(each.label for each in items)
    for label in range(3):
        assert counts[label] / totals[label] == pytest.approx(0.25, abs=0.02)


def test_few_uneven_groups_get_the_best_choice() -> None:
    sizes = {"a": 50, "b": 30, "c": 11, "d": 9}
    items = [item(f"{g}{n}", n % 2, g) for g, size in sizes.items() for n in range(size)]
    made = split(collection(items, 2), 0.2)
    assert {each.group for each in made.validation.items} == {"c", "d"}


def test_the_order_of_the_files_does_not_matter_and_the_seed_does() -> None:
    items = [item(f"{number}.png", number % 2) for number in range(60)]
    shuffled = [items[row] for row in np.random.default_rng(3).permutation(60)]
    first = split(collection(items, 2), seed=1)
    assert names(first) == names(split(collection(shuffled, 2), seed=1))
    assert names(first) != names(split(collection(items, 2), seed=2))


def test_declared_parts_come_first() -> None:
    items = [item(f"{number}.png", number % 2) for number in range(40)]
    items += [item(f"t{number}.png", number % 2, part="test") for number in range(10)]
    made = split(collection(items, 2), 0.25, test=0.5)
    assert [len(part) for part in made] == [30, 10, 10]
    items += [item(f"v{number}.png", 0, part="validation") for number in range(4)]
    made = split(collection(items, 2), 0.25)
    assert [len(part) for part in made] == [40, 4, 10]
    assert any("validation part has no b" in note for note in made.training.notes)


def test_groups_torn_by_declared_parts_are_told() -> None:
    items = [item(f"{n}.png", n % 2, "same", "training") for n in range(4)]
    items += [item(f"v{n}.png", n % 2, "same", "validation") for n in range(4)]
    assert any("1 groups are in more than one" in n for n in split(collection(items, 2)).training.notes)


def test_a_class_that_would_be_missing_is_an_error() -> None:
    items = [item(f"{n}.png", 0) for n in range(9)] + [item("b.png", 1)]
    with pytest.raises(TrainingError, match=r"'b' is only in 1 group \(b\.png\)"):
        split(collection(items, 2))
    declared = [item("a.png", 0, part="training"), item("b.png", 1, part="validation")]
    with pytest.raises(TrainingError, match="training part has not: b"):
        split(collection(declared, 2))
    with pytest.raises(TrainingError, match="all 4 items are of one group"):
        split(collection([item(str(n), n % 2, "one") for n in range(4)], 2))


def test_rare_classes_are_in_both_parts() -> None:
    items = [item(f"{n}.png", 0) for n in range(200)] + [item(f"b{n}.png", 1) for n in range(2)]
    made = split(collection(items, 2), 0.1)
    assert Counter(each.label for each in made.validation.items)[1] == 1


def test_boxes_of_rare_classes_are_no_error() -> None:
    items = [
        Item(
            Path(str(n)), str(n), str(n), boxes=np.zeros((1, 4), np.float32), classes=np.array([n // 9])
        )
        for n in range(10)
    ]
    made = split(Collection(tuple(items), ("a", "b"), "boxes"))
    assert [len(part) for part in made] == [8, 2, 0]


def test_names_make_groups() -> None:
    items = [item(f"{'ab'[c]}/cam{n // 5}_{n}.png", c) for n in range(50) for c in (0, 1)]
    made = split(collection(items, 2), group_by=r"(cam\d+)_")
    training, validation = ({each.group for each in part.items} for part in made[:2])
    assert validation == {each for each in (f"cam{n}" for n in range(10)) if each not in training}
    assert len(validation) == 2


@pytest.mark.parametrize(
    ("pattern", "problem"), [("(", "no regular"), ("cam", "has no group"), ("(x)", "matches no name")]
)
def test_bad_group_patterns_are_refused(pattern: str, problem: str) -> None:
    with pytest.raises(TrainingError, match=problem):
        split(collection([item("cam", 0), item("cam2", 1)], 2), group_by=pattern)


@pytest.mark.parametrize("share", [-0.1, 1.0, float("nan")])
def test_bad_shares_are_refused(share: float) -> None:
    with pytest.raises(TrainingError, match="share for validation"):
        split(collection([item("a", 0), item("b", 1)], 2), share)


def test_pictures_that_look_the_same_stay_together(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    for label in "ab":
        for number in range(6):
            image = random.integers(0, 256, (8, 8, 3), np.uint8).repeat(8, 0).repeat(8, 1)
            for copy, quality in (("png", 0), ("jpg", 1)):
                file = tmp_path / label / f"{copy}_{number}.{copy}"
                file.parent.mkdir(exist_ok=True)
                _write(file, image, 50 if quality else None)
    made = split(read_folders(tmp_path), 0.34, duplicates=True)
    numbers = [
        {each.name.replace("png", "").replace("jpg", "") for each in part.items} for part in made[:2]
    ]
    assert not numbers[0] & numbers[1]
    assert [len(part) for part in made[:2]] == [16, 8]
    assert any("12 of 24 groups look like another" in note for note in made.training.notes)


def _write(file: Path, image: NDArray[np.uint8], quality: int | None) -> None:
    assert cv2.imwrite(str(file), image, [cv2.IMWRITE_JPEG_QUALITY, quality] if quality else [])


def test_a_class_of_pictures_that_look_alike_is_told_what_to_do(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    stripes = random.integers(0, 256, (32, 32, 3), np.uint8)
    for number in range(20):
        save(tmp_path / "noise" / f"{number}.png", random.integers(0, 256, (32, 32, 3), np.uint8))
        save(tmp_path / "stripes" / f"{number}.png", stripes)
    collection = read_folders(tmp_path)
    with pytest.raises(TrainingError, match=r"look alike and stay together: duplicates=false") as told:
        split(collection, duplicates=True)
    assert "'stripes' is only in 1 group" in str(told.value)
    assert len(split(collection).validation) > 0
