"""Boxes as COCO, PASCAL VOC and YOLO write them: the same boxes come out of all of them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from edge_vision.data.errors import TrainingError
from edge_vision.training.data.coco import read_coco
from edge_vision.training.data.collection import Collection
from edge_vision.training.data.voc import read_voc
from edge_vision.training.data.yolo import read_yolo, yaml_names
from tests.training.data.drawing import coco, draw, voc, write

PASCAL = """# Compatible with PASCAL Annotation Version 1.00
Image filename : "Far/away/a.png"
Image size (X x Y x C) : 32 x 24 x 3
Objects with ground truth : 1 { "cat" }
Bounding box for object 1 "cat" (Xmin, Ymin) - (Xmax, Ymax) : (5, 7) - (12, 18)
"""


def as_coco(folder: Path) -> Collection:
    boxes = {"a.png": [(3, (4.0, 6.0, 8.0, 12.0))], "b.png": []}
    return read_coco(coco(folder / "boxes.json", boxes, {9: "dog", 3: "cat"}), folder)


def as_voc(folder: Path) -> Collection:
    voc(folder / "a.xml", [("cat", (5, 7, 12, 18))])
    voc(folder / "b.xml", [("dog", (99, 99, 99, 99))])
    return read_voc(folder)


def as_yolo(folder: Path) -> Collection:
    write(folder / "a.txt", "0 0.25 0.5 0.25 0.5\n\n")
    write(folder / "b.txt", "")
    write(folder / "classes.txt", "cat\ndog\n")
    return read_yolo(folder)


@pytest.mark.parametrize("read", [as_coco, as_voc, as_yolo])
def test_all_formats_give_the_same_box(tmp_path: Path, read: Callable[[Path], Collection]) -> None:
    draw(tmp_path / "a.png")
    draw(tmp_path / "b.png")
    collection = read(tmp_path)
    assert collection.truth == "boxes"
    assert collection.labels == ("cat", "dog")
    first, second = collection.items
    assert first.boxes is not None
    assert second.boxes is not None
    assert first.boxes.dtype == np.float32
    np.testing.assert_allclose(first.boxes, [[4, 6, 12, 18]], atol=1e-4)
    assert first.classes is not None
    assert first.classes.tolist() == [0]
    assert second.boxes.shape == (0, 4), "a picture without a box inside is background"


def test_the_text_of_pascal_1_00(tmp_path: Path) -> None:
    draw(tmp_path / "images" / "a.png")
    write(tmp_path / "boxes" / "a.txt", PASCAL)
    (item,) = read_voc(tmp_path).items
    assert item.boxes is not None
    assert item.boxes.tolist() == [[4, 6, 12, 18]]
    assert item.size == (32, 24)


def test_voc_lists_declare_parts(tmp_path: Path) -> None:
    for name in "abc":
        draw(tmp_path / "JPEGImages" / f"{name}.jpg")
        voc(tmp_path / "Annotations" / f"{name}.xml", [("cat", (1, 1, 9, 9))])
    write(tmp_path / "ImageSets" / "Main" / "train.txt", "a\n")
    write(tmp_path / "ImageSets" / "Main" / "val.txt", "b 1\n")
    assert [item.part for item in read_voc(tmp_path).items] == ["training", "validation", ""]


BOMB = '<?xml version="1.0"?>\n<!DOCTYPE a [<!ENTITY x "xxxxxxxx">]>\n<annotation>&x;</annotation>'


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (BOMB, "line 2: declares a document type"),
        ("<annotation>", "line 1: is no XML"),
        ("<annotation></annotation>", "has no <size><width>"),
        ("<image></image>", "<image>, not <annotation>"),
    ],
)
def test_bad_xml_is_refused(tmp_path: Path, text: str, problem: str) -> None:
    draw(tmp_path / "a.png")
    write(tmp_path / "a.xml", text)
    with pytest.raises(TrainingError, match=problem):
        read_voc(tmp_path)


@pytest.mark.parametrize(
    ("objects", "problem"),
    [([("cat", (9, 1, 3, 4))], "object 1: the box 9.* ends before"), ([], "holds an object")],
)
def test_bad_voc_boxes_are_refused(tmp_path: Path, objects: list[object], problem: str) -> None:
    draw(tmp_path / "a.png")
    voc(tmp_path / "a.xml", objects)  # type: ignore[arg-type]
    with pytest.raises(TrainingError, match=problem):
        read_voc(tmp_path)


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("2 .5 .5 .1 .1", "line 2: class 2, but there are 2 classes"),
        ("0 .5 .5 .1", "line 2: holds 3 numbers"),
        ("0 16 12 4 4", "fractions"),
        ("0 nan .5 .1 .1", "fractions"),
        ("cat .5 .5 .1 .1", "is no class and numbers"),
    ],
)
def test_bad_yolo_lines_are_named(tmp_path: Path, line: str, problem: str) -> None:
    draw(tmp_path / "images" / "a.png")
    write(tmp_path / "labels" / "a.txt", f"0 .5 .5 .1 .1\n{line}\n")
    write(tmp_path / "data.yaml", "names: [cat, dog]\n")
    with pytest.raises(TrainingError, match=problem):
        read_yolo(tmp_path)


def test_masks_beside_yolo_pictures_are_no_pictures(tmp_path: Path) -> None:
    draw(tmp_path / "images" / "a.png")
    draw(tmp_path / "masks" / "a.png")
    write(tmp_path / "labels" / "a.txt", "0 0.25 0.5 0.25 0.5\n")
    assert [item.name for item in read_yolo(tmp_path).items] == ["images/a.png"]


def test_yolo_polygons_give_upright_boxes_and_folders_parts(tmp_path: Path) -> None:
    draw(tmp_path / "train2017" / "images" / "a.png")
    draw(tmp_path / "val2017" / "images" / "a.png")
    write(tmp_path / "train2017" / "labels" / "a.txt", "0 .25 .25 .5 .5 .25 .75\n")
    first, second = read_yolo(tmp_path).items
    assert first.boxes is not None
    assert first.boxes.tolist() == [[8, 6, 16, 18]]
    assert (first.part, second.part) == ("training", "validation")
    assert second.boxes is not None
    assert len(second.boxes) == 0


@pytest.mark.parametrize(
    "text",
    [
        "names: [cat, 'big dog']\nnc: 2",
        'nc: 2\nnames:\n  0: cat  # the first\n  1: "big dog"\nother: x',
        "names:\n- cat\n- big dog\n",
        "names: {0: cat, 1: 'big dog'}",
        "names: [\n  cat,\n  'big dog'\n]\n",
    ],
)
def test_names_are_read_from_yaml(tmp_path: Path, text: str) -> None:
    assert yaml_names(write(tmp_path / "data.yaml", text)) == ("cat", "big dog")


def test_names_with_a_gap_are_refused(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="numbered 0, 2"):
        yaml_names(write(tmp_path / "data.yaml", "names:\n  0: a\n  2: b\n"))


def test_crowds_are_left_out_and_missing_pictures_told(tmp_path: Path) -> None:
    draw(tmp_path / "a.png")
    file = coco(tmp_path / "x.json", {"a.png": [(1, (0, 0, 9, 9))] * 2, "gone.png": []}, {1: "cat"})
    content = json.loads(file.read_text())
    content["annotations"][1]["iscrowd"] = 1
    collection = read_coco(write(file, json.dumps(content)), tmp_path, "test")
    (item,) = collection.items
    assert item.boxes is not None
    assert len(item.boxes) == 1
    assert item.part == "test"
    assert any("gone.png" in note for note in collection.notes)
    assert any("1 regions of crowds" in note for note in collection.notes)


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"images": None}, "has no list of images"),
        (
            {"annotations": [{"image_id": 7, "category_id": 5, "bbox": [0, 0, 1, 1]}]},
            "annotations.0.: names 5",
        ),
        (
            {"annotations": [{"image_id": 1, "category_id": 1, "bbox": [0, 0, 1, 1]}]},
            "names 1, .* images",
        ),
        ({"annotations": [{"image_id": 7, "category_id": 1, "bbox": [0, 0, -1, 1]}]}, "no such size"),
        ({"annotations": [{"image_id": 7, "category_id": 1, "bbox": "x"}]}, "not x, y, width"),
        ({"images": [{"id": 7, "file_name": "../a.png", "width": 1, "height": 1}]}, "no file inside"),
        ({"images": [{"id": 7, "file_name": "a.png", "width": 0, "height": 1}]}, "width is 0"),
        ({"categories": [{"id": 1}]}, "categories.0.: has no name"),
    ],
)
def test_bad_coco_files_are_refused(tmp_path: Path, change: dict[str, object], problem: str) -> None:
    draw(tmp_path / "a.png")
    file = coco(tmp_path / "x.json", {"a.png": []}, {1: "cat"})
    write(file, json.dumps({**json.loads(file.read_text()), **change}))
    with pytest.raises(TrainingError, match=problem):
        read_coco(file, tmp_path)
