"""Any data set: the right reader is found, or it is told what was seen."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import pytest

from edge_vision.data.errors import TrainingError
from edge_vision.training.data.collection import VOID, Collection
from edge_vision.training.data.readers import Reading, read_any, tells
from tests.training.data.drawing import coco, draw, draw_classes, save, video, voc, write


def test_a_folder_for_each_class_inside_another_folder(tmp_path: Path) -> None:
    draw_classes(tmp_path / "archive" / "data", {"a": 1, "b": 1})
    collection = read_any(tmp_path)
    assert collection.truth == "label"
    assert "a folder for each" in collection.notes[0]
    assert collection.items[0].name == "a/picture_0.png"


def test_coco_files_of_two_parts(tmp_path: Path) -> None:
    box = (1.0, 2.0, 3.0, 4.0)
    for part, names in (("train2017", {2: "cat"}), ("val2017", {1: "dog", 2: "cat"})):
        draw(tmp_path / "images" / part / "a.jpg")
        coco(tmp_path / "annotations" / f"instances_{part}.json", {"a.jpg": [(2, box)]}, names)
    first, second = read_any(tmp_path).items
    assert (first.part, second.part) == ("training", "validation")
    assert (first.name, second.name) == ("images/train2017/a.jpg", "images/val2017/a.jpg")
    assert first.classes is not None
    assert second.classes is not None
    assert first.classes.tolist() == second.classes.tolist() == [0]


def test_voc_yolo_masks_and_segments_are_told_apart(tmp_path: Path) -> None:
    draw(tmp_path / "voc" / "a.jpg")
    voc(tmp_path / "voc" / "a.xml", [("cat", (1, 1, 9, 9))])
    draw(tmp_path / "yolo" / "images" / "a.jpg")
    write(tmp_path / "yolo" / "labels" / "a.txt", "0 .5 .5 .1 .1")
    draw(tmp_path / "masks" / "images" / "a.jpg")
    save(tmp_path / "masks" / "masks" / "a.png", np.full((24, 32), 255, np.uint8))
    video(tmp_path / "segments" / "videos" / "a.avi", 2.0)
    write(tmp_path / "segments" / "labels.csv", "a.csv,0,10,walk,10,20,sit,\n")
    kinds = {
        name: read_any(tmp_path / name, Reading(time_scale=0.1))
        for name in ("voc", "yolo", "masks", "segments")
    }
    assert [each.truth for each in kinds.values()] == ["boxes", "boxes", "mask", "segments"]
    assert "PASCAL VOC" in kinds["voc"].notes[0]
    assert "YOLO" in kinds["yolo"].notes[0]


def test_links_that_lead_nowhere_are_passed_over_in_every_format(tmp_path: Path) -> None:
    draw(tmp_path / "voc" / "a.jpg")
    voc(tmp_path / "voc" / "a.xml", [("cat", (1, 1, 9, 9))])
    draw(tmp_path / "yolo" / "images" / "a.jpg")
    write(tmp_path / "yolo" / "labels" / "a.txt", "0 0.5 0.5 0.5 0.5\n")
    write(tmp_path / "yolo" / "classes.txt", "cat\n")
    draw(tmp_path / "masks" / "images" / "a.jpg")
    save(tmp_path / "masks" / "masks" / "a.png", np.full((24, 32), 255, np.uint8))
    for path in (
        "voc/b.jpg",
        "voc/b.xml",
        "yolo/images/b.jpg",
        "yolo/labels/b.txt",
        "masks/images/b.jpg",
    ):
        (tmp_path / path).symlink_to("nowhere")
    for name in ("voc", "yolo", "masks"):
        collection = read_any(tmp_path / name)
        assert len(collection) == 1, name
        assert any("links that lead nowhere" in note for note in collection.notes), name


def test_boxes_and_masks_of_the_same_pictures(tmp_path: Path) -> None:
    draw(tmp_path / "images" / "a.jpg")
    voc(tmp_path / "annotations" / "a.xml", [("cat", (1, 1, 9, 9))])
    save(tmp_path / "masks" / "a.png", np.full((24, 32), 255, np.uint8))
    boxes = read_any(tmp_path)
    assert boxes.truth == "boxes"
    assert boxes.notes[-1] == "it also tells: mask"
    assert read_any(tmp_path, Reading(truth="mask")).truth == "mask"
    with pytest.raises(TrainingError, match="it tells boxes, mask, not label"):
        read_any(tmp_path, Reading(truth="label"))


def test_what_a_folder_tells_is_known_before_it_is_read(tmp_path: Path) -> None:
    draw(tmp_path / "plain" / "a.png")
    assert not tells(tmp_path / "plain", "boxes")
    draw(tmp_path / "boxed" / "images" / "a.png")
    write(tmp_path / "boxed" / "labels" / "a.txt", "0 0.5 0.5 0.2 0.2\n")
    assert tells(tmp_path / "boxed", "boxes")
    assert not tells(tmp_path / "boxed", "mask")


def test_stray_files_do_not_mislead(tmp_path: Path) -> None:
    draw_classes(tmp_path, {"a": 1, "b": 1})
    write(tmp_path / "project.xml", "<project/>")
    write(tmp_path / "notes.json", '{"images": 3}')
    write(tmp_path / "list.csv", "a,1,2,b")
    assert read_any(tmp_path).truth == "label"


def test_what_is_unknown_is_described(tmp_path: Path) -> None:
    write(tmp_path / "a.wav", "x")
    write(tmp_path / "README", "x")
    with pytest.raises(TrainingError) as caught:
        read_any(tmp_path)
    assert "1 .wav" in str(caught.value)
    assert "what is accepted" in str(caught.value)
    assert "val/; or pictures and COCO" in str(caught.value)  # also where it is told in one line
    assert "\n" not in str(caught.value)


def extracted(archive: Path, folder: Path, endings: tuple[str, ...]) -> Path:
    """Those files of an archive whose names end so."""
    with zipfile.ZipFile(archive) as opened:
        opened.extractall(folder, [name for name in opened.namelist() if name.endswith(endings)])
    return folder


@pytest.mark.shared
def test_the_shared_data_sets_are_read(shared: Path, tmp_path: Path) -> None:
    def read(name: str, reading: Reading | None = None, ends: tuple[str, ...] = ("",)) -> Path:
        folder = extracted(shared / "datasets" / f"{name}.zip", tmp_path / name, ends)
        collections[name] = read_any(folder, reading)
        return folder

    collections: dict[str, Collection] = {}
    read("penn-fudan")
    read("coco128", ends=(".txt", "1.jpg", "config.yaml"))
    read("camvid", ends=("0.png", "0.jpg", "9.png", "9.jpg", "labels.txt"))
    read("scene15", ends=("_0001.jpg", "_0002.jpg", "_0003.jpg"))
    read("meter-digits", ends=("1.jpg",))
    videos = read("room-actions", Reading(time_scale=3.27 / 25))
    people = collections["penn-fudan"]
    assert (len(people), people.truth) == (120, "boxes")
    assert all(item.boxes is not None and len(item.boxes) for item in people.items)
    assert read_any(tmp_path / "penn-fudan", Reading(truth="mask")).labels == ("background", "object")
    assert len(collections["coco128"].labels) == 80
    road = collections["camvid"]
    assert road.mask_table is not None
    assert (len(road.labels), road.mask_table[11]) == (11, VOID)
    assert {item.part for item in road.items} == {"training", "validation"}
    assert len(collections["scene15"].labels) == 15
    tenths = tuple(f"{whole}.{tenth}" for whole in range(10) for tenth in range(10))
    assert collections["meter-digits"].labels == tenths
    assert len({item.group for item in collections["room-actions"].items}) == 17
    with pytest.raises(TrainingError, match="give time_scale"):
        read_any(videos)
