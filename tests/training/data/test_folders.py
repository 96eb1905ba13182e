"""A folder for each class."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge_vision.data.errors import TrainingError
from edge_vision.training.data.folders import read_folders
from tests.training.data.drawing import draw, draw_classes, write


def test_classes_are_numbered_naturally(tmp_path: Path) -> None:
    draw_classes(tmp_path, {"class_10": 1, "class_2": 2, "class_1": 1})
    collection = read_folders(tmp_path)
    assert collection.labels == ("class_1", "class_2", "class_10")
    assert [item.label for item in collection.items] == [0, 1, 1, 2]
    assert [item.name for item in collection.items][1] == "class_2/picture_0.png"
    assert all(item.group == item.name and item.part == "" for item in collection.items)


def test_tenths_are_in_the_order_of_their_values(tmp_path: Path) -> None:
    tenths = [f"{whole}.{tenth}" for whole in range(11) for tenth in range(10)]
    draw_classes(tmp_path, dict.fromkeys(reversed(tenths), 1))
    assert read_folders(tmp_path).labels == tuple(tenths)


def test_parts_are_declared_by_folders(tmp_path: Path) -> None:
    draw_classes(tmp_path / "train", {"a": 2, "b": 1})
    draw_classes(tmp_path / "valid", {"a": 1, "b": 1})
    draw_classes(tmp_path / "Test", {"c": 1, "a": 1})
    collection = read_folders(tmp_path)
    assert collection.labels == ("a", "b", "c")
    assert [len(collection.part(part)) for part in ("training", "validation", "test", "")] == [
        3,
        2,
        2,
        0,
    ]


def test_a_class_may_be_called_train(tmp_path: Path) -> None:
    draw_classes(tmp_path, {"train": 1, "bus": 1})
    collection = read_folders(tmp_path)
    assert collection.labels == ("bus", "train")
    assert {item.part for item in collection.items} == {""}


def test_deeper_pictures_belong_to_their_class(tmp_path: Path) -> None:
    draw_classes(tmp_path, {"a/day/1": 1, "b": 1})
    assert [item.label for item in read_folders(tmp_path).items] == [0, 1]


def test_what_is_passed_over_is_told_once(tmp_path: Path) -> None:
    draw_classes(tmp_path, {"a": 2, "b": 2})
    draw(tmp_path / "lost.png")
    write(tmp_path / "a" / "notes.txt", "x")
    draw(tmp_path / "a" / ".hidden.png")
    write(tmp_path / ".git" / "config", "x")
    (tmp_path / "empty").mkdir()
    notes = read_folders(tmp_path).notes
    assert sum("lost.png" in note and "notes.txt" in note and "(2)" in note for note in notes) == 1
    assert sum("hidden" in note and "(2)" in note for note in notes) == 1
    assert sum("no picture in 1 folders: empty" in note for note in notes) == 1


@pytest.mark.parametrize(
    ("files", "problem"),
    [
        (["a/1.png", "a/2.png"], "there is only a"),
        (["1.png", "2.png"], "lie in no folder of a class"),
        (["a/1.txt"], "there is no picture"),
        ([], "there are no files"),
    ],
)
def test_what_is_no_such_data_set_is_refused(tmp_path: Path, files: list[str], problem: str) -> None:
    for name in files:
        draw(tmp_path / name) if name.endswith("png") else write(tmp_path / name, "x")
    with pytest.raises(TrainingError, match=problem):
        read_folders(tmp_path)


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="nowhere: does not exist"):
        read_folders(tmp_path / "nowhere")


def test_a_link_that_leads_back_ends(tmp_path: Path) -> None:
    draw_classes(tmp_path, {"a": 1, "b": 1})
    (tmp_path / "a" / "again").symlink_to(tmp_path)
    assert len(read_folders(tmp_path)) == 2


@pytest.mark.parametrize("name", ["two\nlines", "a\x07bell", "cut\u2028line", "\udcff", "space "])
def test_a_class_whose_name_could_be_no_label_is_refused(tmp_path: Path, name: str) -> None:
    draw_classes(tmp_path, {"cat": 1, "dog": 1})
    (tmp_path / "dog").rename(tmp_path / name)
    with pytest.raises(TrainingError, match="rename its folder") as told:
        read_folders(tmp_path)
    assert repr(name) in str(told.value)


def test_classes_that_differ_by_case_only_are_noted(tmp_path: Path) -> None:
    collection = read_folders(draw_classes(tmp_path, {"Cat": 1, "cat": 1, "dog": 1}))
    assert "classes that differ by small and capital letters only: Cat and cat" in collection.notes


def test_links_in_a_circle_and_those_that_lead_nowhere_do_not_stop_it(tmp_path: Path) -> None:
    draw_classes(tmp_path, {"cat": 1, "dog": 1})
    (tmp_path / "cat" / "loop").symlink_to("..")
    (tmp_path / "bird").symlink_to("bird")
    (tmp_path / "dog" / "gone.png").symlink_to("nowhere.png")
    collection = read_folders(tmp_path)
    assert len(collection) == 2
    assert "links that lead nowhere (2): bird, dog/gone.png" in collection.notes
