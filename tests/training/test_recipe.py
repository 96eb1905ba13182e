"""Recipes: what the one for pictures of one's own does before anything is learnt."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edge_vision.data.errors import ConfigError, TrainingError
from edge_vision.training.data.collection import Collection
from edge_vision.training.examples import Examples, Parts
from edge_vision.training.recipes.classify import EPOCHS, STEPS, Classify, ClassifyOptions
from tests.shapes import draw_shapes


@pytest.fixture(scope="module")
def shapes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return draw_shapes(tmp_path_factory.mktemp("shapes"), each=10)


def recipe(**options: Any) -> Classify:
    return Classify(ClassifyOptions.parse({"size": 32, **options}))


def some(count: int) -> Parts:
    labels = np.arange(count, dtype=np.int64) % 2
    part = Examples(np.zeros((count, 4, 4, 3), np.uint8), {"label": labels})
    return Parts(part, part, ("a", "b"))


def test_pictures_are_read_in_two_parts_of_all_classes(shapes: Path, tmp_path: Path) -> None:
    parts = recipe().read(shapes, tmp_path)
    assert parts.labels == ("circle", "square", "triangle")
    assert parts.training.size == (32, 32)
    assert len(parts.training) + len(parts.validation) == 30
    assert not set(parts.training.names) & set(parts.validation.names)
    assert set(parts.validation.targets["label"]) == {0, 1, 2}


def test_an_exam_is_of_the_files_that_the_validation_part_has(shapes: Path, tmp_path: Path) -> None:
    made = recipe()
    parts, exam = made.read(shapes, tmp_path), made.exam(shapes, tmp_path, "validation")
    assert isinstance(exam.source, Collection)
    assert {item.name for item in exam.source.items} == set(parts.validation.names)
    assert all(
        name.startswith(truth)
        for name, truth in zip((item.name for item in exam.source.items), exam.truths, strict=True)
    )
    assert len(made.exam(shapes, tmp_path, "all").source) == 30
    with pytest.raises(TrainingError, match="has no test part"):
        made.exam(shapes, tmp_path, "test")


@pytest.mark.parametrize(
    ("pictures", "epochs"), [(20, EPOCHS[1]), (800, EPOCHS[1]), (3000, 20), (50_000, EPOCHS[0])]
)
def test_the_more_pictures_there_are_the_fewer_epochs_it_takes(pictures: int, epochs: int) -> None:
    assert recipe().fit_settings(some(pictures)).epochs == epochs
    assert recipe(epochs=3).fit_settings(some(pictures)).epochs == 3


def test_few_pictures_are_gone_through_so_often_that_an_epoch_has_some_steps() -> None:
    few = recipe(batch=4).epoch(some(5), np.random.default_rng(1), 0)
    assert len(few) >= STEPS * 4
    assert len(recipe(batch=4).epoch(some(50), np.random.default_rng(1), 0)) == 50


def test_an_epoch_follows_from_its_number_alone(shapes: Path, tmp_path: Path) -> None:
    made = recipe()
    parts = made.read(shapes, tmp_path)
    first, again, other = (
        made.epoch(parts, np.random.default_rng((1, number)), number) for number in (3, 3, 4)
    )
    assert np.array_equal(first.inputs["image"], again.inputs["image"])
    assert not np.array_equal(first.inputs["image"], other.inputs["image"])
    assert np.allclose(first.targets["scores"].sum(axis=1), 1.0)


def test_typical_inputs_are_of_all_classes_in_turn(shapes: Path, tmp_path: Path) -> None:
    made = recipe()
    part = made.read(shapes, tmp_path).validation
    shown = made.representative(part)
    assert [len(sequence) for sequence in shown] == [1] * len(part)
    rows = [
        next(r for r in range(len(part)) if np.array_equal(part.pictures[r], each[0]["image"][0]))
        for each in shown[:3]
    ]
    assert sorted(np.asarray(part.targets["label"])[rows]) == [0, 1, 2]


def test_an_option_that_does_not_exist_is_told_with_a_near_one() -> None:
    with pytest.raises(ConfigError, match="did you mean mixup"):
        recipe(mixupp=0.1)
