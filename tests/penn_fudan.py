"""How well detectors find the people of the Penn-Fudan pictures, scored through the stage detect."""

from __future__ import annotations

import re
import time
import zipfile
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
from edge_vision_recognition import Detect
from numpy.typing import NDArray

from edge_vision import Image, LiteRTModel, ModelBundle, load_bundle
from edge_vision.contracts.model import Fit
from edge_vision.testing import make_stage, run
from edge_vision.training.average_precision import Found, Precision, Truth, precision

SHARED = Path(__file__).resolve().parents[2] / "shared" / "data"

DETECTORS = (
    "coco_ssd_mobilenet_v1_quant_metadata",
    "yolov8n_int8",
    "yolov5n320_int8",
    "yolo_fastest_coco_uint8",
)
"""The detectors of people among the shared models."""

PERSON = 0
"""The class of people: the first of COCO, and the only one of yolov5n320_int8, which has no labels."""

HEADINGS = ("model", "layout", "input", "AP50", "AP", "ms")

_BOX = re.compile(rb"\(Xmin, Ymin\) - \(Xmax, Ymax\) : \((\d+), (\d+)\) - \((\d+), (\d+)\)")


class Picture(NamedTuple):
    """A picture, (height, width, 3) uint8 BGR, and the boxes of its people, (m, 4) in pixels."""

    name: str
    image: Image
    people: NDArray[np.float32]


class Score(NamedTuple):
    """A detector, how well it finds people, and milliseconds from a picture to what it found."""

    bundle: ModelBundle
    precision: Precision
    milliseconds: float

    def row(self) -> tuple[str, ...]:
        """What HEADINGS name, as text."""
        width, height = self.bundle.image_input.size
        precision = (f"{figure:.3f}" for figure in (self.precision.ap50, self.precision.ap))
        size = f"{width} x {height}"
        return (
            self.bundle.name,
            self.bundle.layout,
            size,
            *precision,
            f"{self.milliseconds:.0f}",
        )


@cache
def pictures() -> tuple[Picture, ...]:
    """All pictures of the archive, in the order of their names."""
    with zipfile.ZipFile(SHARED / "datasets" / "penn-fudan.zip") as archive:
        names = sorted(name for name in archive.namelist() if "/images/" in name)
        return tuple(_picture(archive, name) for name in names)


def _picture(archive: zipfile.ZipFile, name: str) -> Picture:
    stored = np.frombuffer(archive.read(name), dtype=np.uint8)
    image = cv2.imdecode(stored, cv2.IMREAD_COLOR)
    assert image is not None, name
    said = archive.read(name.replace("/images/", "/boxes/").replace(".jpg", ".txt"))
    boxes = np.array([match.groups() for match in _BOX.finditer(said)], dtype=np.float32)
    boxes[:, :2] -= 1.0  # the first pixel is (1, 1), and the last one belongs to the box
    return Picture(Path(name).stem, image.astype(np.uint8), boxes)


@cache
def score(name: str, fit: Fit | None = None) -> Score:
    """Run a shared detector over all pictures; fit goes before the layout's own."""
    bundle = load_bundle(SHARED / "models" / f"{name}.tflite", name)
    # Declared, as a bundle.toml would do it: then what looks useless is opened all the same.
    bundle = replace(bundle, declared=True)
    if fit is not None:
        bundle = replace(bundle, wishes=replace(bundle.wishes, fit=fit))
    model = LiteRTModel(bundle)
    stage = make_stage(Detect, {name: model}, model=name, min_score=0.01, max_detections=100)
    found, passed = [], []
    for picture in pictures():
        started = time.perf_counter()
        (detections,) = run(stage, picture.image).detections
        passed.append(time.perf_counter() - started)
        people = detections[detections.class_id == PERSON]
        found.append(Found(people.xyxy, people.score))
    truth = [Truth(picture.people) for picture in pictures()]
    return Score(model.bundle, precision(found, truth), 1000.0 * float(np.median(passed)))


def table() -> list[tuple[str, ...]]:
    """A row for each detector, as HEADINGS say, the best first."""
    scores = sorted((score(name) for name in DETECTORS), key=lambda each: -each.precision.ap)
    return [each.row() for each in scores]
