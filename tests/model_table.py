"""Real models on real pictures, each through its stage: what models/README.md shows that they answer.

`python tests/model_table.py` writes all tables of the manual anew.
"""

from __future__ import annotations

import sys
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

if __name__ == "__main__":  # the tests' own helpers are found from the checkout
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from edge_vision.builtin.litert import LiteRTModel
from edge_vision.builtin.warp import opencv_warp
from edge_vision.contracts.bundles import load_bundle
from edge_vision.contracts.labels import read_labels
from edge_vision.contracts.model import ModelBundle
from edge_vision.data import geometry
from edge_vision.data.errors import ModelError
from edge_vision.data.findings import Detections, Labels, Segments
from edge_vision.data.frame import Image
from edge_vision.data.result import Result
from edge_vision.service.plugins import load_plugins
from edge_vision.testing import make_frame, make_stage
from tests import models_page, penn_fudan

SHARED = Path(__file__).resolve().parents[2] / "shared" / "data"
HEADINGS = ("model", "task", "layout", "input -> output", "picture or video", "expected", "obtained")
CIFAR = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
CARS = np.array([[51, 150, 123, 198], [210, 144, 256, 191], [235, 180, 256, 221]], dtype=np.float32)
"""Where the cars stand in 0001.bmp, read from the picture."""
TENTHS = tuple(f"{number / 10:.1f}" for number in range(100))

Answer = Callable[[Result], str]


@dataclass(frozen=True, slots=True)
class Row:
    """A model, what it is shown, and what a person sees there.

    model     the file's name without its ending
    picture   a file of images/, a member of an archive (archive.zip/member), or `video.mp4, frame 300`
    expected  what is to be seen
    answer    what the findings say, rounded so that it is the same everywhere
    labels    a file of models/, or the names of the classes, where the model carries none
    options   of the stage
    """

    model: str
    picture: str
    expected: str
    answer: Answer
    labels: str | tuple[str, ...] = ()
    options: dict[str, Any] = field(default_factory=dict)

    def bundle(self) -> ModelBundle:
        """The model's file and labels."""
        file = SHARED / "models" / f"{self.model}.tflite"
        if isinstance(self.labels, str):
            return replace(
                load_bundle(file, self.model), labels=read_labels(file.with_name(self.labels))
            )
        bundle = load_bundle(file, self.model)
        return replace(bundle, labels=self.labels) if self.labels else bundle

    def cells(self) -> tuple[str, ...]:
        """Run the model and give the cells of its row."""
        model = LiteRTModel(self.bundle())
        bundle = model.bundle
        kind = load_plugins().registry.stages.find(bundle.task)
        stage = make_stage(kind, {"model": model}, model="model", **self.options)
        result = stage(Result.of(make_frame(picture(self.picture)), opencv_warp))
        assert result is not None
        model.close()
        stored = (bundle.inputs[0].dtype, bundle.answers[0].dtype)
        return (
            self.model,
            bundle.task,
            bundle.layout,
            " -> ".join(stored),
            self.picture,
            self.expected,
            self.answer(result),
        )


def picture(name: str) -> Image:
    """The picture of that name, (height, width, 3) uint8 BGR."""
    video, counted, number = name.partition(", frame ")
    if counted:
        return _video_frame(video, int(number))
    archive, packed, member = name.partition(".zip/")
    if packed:
        with zipfile.ZipFile(SHARED / "datasets" / f"{archive}.zip") as opened:
            content = opened.read(f"{archive}/{member}")
    else:
        content = (SHARED / "images" / name).read_bytes()
    image = cv2.imdecode(np.frombuffer(content, dtype=np.uint8), cv2.IMREAD_COLOR)
    assert image is not None, name
    return np.asarray(image, dtype=np.uint8)


def _video_frame(name: str, number: int) -> Image:
    video = cv2.VideoCapture(str(SHARED / "video" / name))
    for _ in range(number):
        assert video.grab()
    read, image = video.read()
    video.release()
    assert read
    return np.asarray(image, dtype=np.uint8)


def best_label(result: Result) -> str:
    """The best label and its score."""
    label, score = next(result.all(Labels)).rows[0]
    return f"{label} {score:.1f}"


def objects(result: Result) -> str:
    """How many there are of each label."""
    (found,) = result.detections
    names = [each.label for each in found]
    return ", ".join(f"{names.count(name)} x {name}" for name in sorted(set(names))) or "nothing"


def on_the_cars(result: Result) -> str:
    """How many of the boxes found stand on one of the cars."""
    (found,) = result.detections
    standing = (geometry.iou(found.xyxy, CARS) >= 0.5).any(axis=0)
    return f"{np.count_nonzero(standing)} of them at IoU 0.5, {len(found)} boxes"


def bird_overlap(result: Result) -> str:
    """How well the bird's mask is met."""
    truth = cv2.imread(str(SHARED / "images" / "bird_segmentation_mask.bmp"), cv2.IMREAD_GRAYSCALE)
    assert truth is not None
    (segments,) = result.all(Segments)
    bird = segments.labels.index("bird")
    found = _in_frame(segments, truth.shape) == bird
    real = truth == bird
    overlap = np.count_nonzero(found & real) / np.count_nonzero(found | real)
    return f"bird, IoU {overlap:.2f}"


def _in_frame(segments: Segments, shape: tuple[int, ...]) -> NDArray[np.uint8]:
    """The class map over the frame."""
    height, width = shape
    affine = segments.to_frame[:2]
    warped = cv2.warpAffine(segments.class_map, affine, (width, height), flags=cv2.INTER_NEAREST)
    return np.asarray(warped, dtype=np.uint8)


def squat_distance(result: Result) -> str:
    """How far the key points are from those of the reference."""
    rows = (SHARED / "images" / "squat_movenet_reference.csv").read_text().splitlines()
    names = rows[0].split(",")
    x, y = names.index("keypoint_x"), names.index("keypoint_y")
    cells = [row.split(",") for row in rows[1:]]
    wanted = np.array([[float(row[x]), float(row[y])] for row in cells])
    (found,) = result.all(Detections)
    assert found.keypoints is not None
    frame = result.frame
    placed = found.keypoints[0, :, :2] / [frame.width, frame.height]
    return f"17 points, at most {np.abs(placed - wanted).max():.3f} of the picture away"


ROWS = (
    Row(
        "coco_ssd_mobilenet_v1_quant_metadata",
        "dog_bike_car.jpg",
        "a dog, a bicycle, a car",
        objects,
        options={"min_score": 0.6},
    ),
    Row(
        "coco_ssd_mobilenet_v1_quant_metadata",
        "one-by-one-person-detection.mp4, frame 300",
        "one person",
        objects,
    ),
    Row(
        "yolov8n_int8",
        "dog_bike_car.jpg",
        "a dog, a bicycle, a car",
        objects,
        options={"min_score": 0.3},
    ),
    Row("yolov8n_int8", "squat.bmp", "one person", objects),
    Row("yolov5n320_int8", "squat.bmp", "one person", objects, ("person",)),
    Row("face_detection_short_range", "face.jpg", "two faces in front", objects),
    Row(
        "automl_video_traffic_model_lstm",
        "0001.bmp",
        "two cars, and half of a third",
        on_the_cars,
        options={"min_score": 0.3},
    ),
    Row("mobilenet_v2_1.0_224_quant", "parrot.jpg", "macaw", best_label, "imagenet_labels.txt"),
    Row("mobilenet_v2_1.0_224_quant", "cat.bmp", "Egyptian cat", best_label, "imagenet_labels.txt"),
    Row("mobilenet_v1_0.25_224_quant_metadata", "parrot.jpg", "macaw", best_label),
    Row("mobilenet_v1_0.25_128_quant", "parrot.jpg", "macaw", best_label),
    Row("mlperf_tiny_vww_96_int8", "squat.bmp", "person", best_label, ("no person", "person")),
    Row("mlperf_tiny_vww_96_int8", "cat.bmp", "no person", best_label, ("no person", "person")),
    Row("mlperf_tiny_resnet8_cifar10_int8", "cat.bmp", "cat", best_label, CIFAR),
    Row(
        "deeplabv3_mnv2_dm05_pascal_quant",
        "bird_segmentation.bmp",
        "a bird",
        bird_overlap,
        "pascal_voc_segmentation_labels.txt",
    ),
    Row(
        "movenet_single_pose_lightning_ptq",
        "squat.bmp",
        "the points of its reference",
        squat_distance,
        options={"min_score": 0.0},
    ),
    Row("tflm_mnist_lstm_float", "mnist_nine.bmp", "9", best_label),
    Row(
        "dig-class100-0180-s2_q",
        "meter-digits.zip/4.7/4.7_10_dig4_20220531-152722.jpg",
        "a 4 that rolls on to a 5",
        best_label,
        TENTHS,
    ),
)
"""The shared models, each with a picture that shows what it knows."""

REFUSED = ("tflm_person_detect", "yolo_fastest_coco_uint8")


def answers() -> str:
    """The table of what models answer."""
    return models_page.markdown(HEADINGS, (row.cells() for row in ROWS))


def refusals() -> str:
    """The table of models that are refused, and why."""
    return models_page.markdown(("model", "answer"), ((name, refusal(name)) for name in REFUSED))


def refusal(name: str) -> str:
    """What is said of a model that cannot be used, without the path of its file."""
    file = SHARED / "models" / f"{name}.tflite"
    try:
        LiteRTModel(load_bundle(file, file.name)).close()
    except ModelError as error:
        return str(error).replace(str(file), file.name)
    raise AssertionError(f"{name} was not refused")


def people() -> str:
    """The table of detectors on the Penn-Fudan pictures, without times, which differ."""
    rows = ((*row[:3], *(f"{float(cell):.2f}" for cell in row[3:5])) for row in penn_fudan.table())
    return models_page.markdown(penn_fudan.HEADINGS[:5], rows)


TABLES: dict[str, Callable[[], str]] = {
    "layouts": models_page.layouts,
    "decoding": models_page.decoding,
    "bundle.toml": models_page.bundle_toml,
    "classify": models_page.classify,
    "detect": models_page.detect,
    "segment": models_page.segment,
    "shipped": models_page.shipped,
    "pictures": models_page.pictures,
    "answers": answers,
    "people": people,
    "refused": refusals,
}

if __name__ == "__main__":
    for table_name, make in TABLES.items():
        if table_name in sys.argv[1:] or not sys.argv[1:]:
            models_page.put_section(table_name, make())
