"""The main job on real input: real videos and pictures, real models, a real broker, the real daemon."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from edge_vision import geometry
from tests.brokers import Listener, Mosquitto
from tests.conftest import Listen
from tests.service.process import daemon

pytestmark = pytest.mark.shared

PEOPLE = "one-by-one-person-detection.mp4"
PERSON_AT_300 = (372.0, 2.0, 543.0, 376.0)
"""Where the man stands in frame 300, measured by hand."""


def results(listener: Listener, camera: str) -> list[Any]:
    return [heard.json for heard in listener.on(f"edge-vision/bench/{camera}/results")]


def run(config: Path, text: str) -> None:
    """Run the daemon over recordings until it leaves by itself."""
    config.write_text(text)
    with daemon(config) as process:
        assert process.wait(100) == 0, process.log


@pytest.mark.mosquitto
@pytest.mark.parametrize("protocol", ["5", pytest.param("3.1.1", marks=pytest.mark.slow)])
def test_people_in_a_video_arrive_over_mqtt_with_boxes_that_fit(
    shared: Path, tmp_path: Path, broker: Mosquitto, listen: Listen, protocol: str
) -> None:
    listener = listen(broker.port, five=protocol == "5")
    run(
        tmp_path / "config.toml",
        f"""
node = "bench"
[mqtt]
port = {broker.port}
protocol = "{protocol}"
[models.people]
bundle = "{shared}/models/coco_ssd_mobilenet_v1_quant_metadata.tflite"
labels = "{shared}/models/coco_labels.txt"
[cameras.porch]
source = "{shared}/video/{PEOPLE}"
stages = [{{ uses = "detect", model = "people", min_score = 0.5 }}, {{ uses = "annotate", fps = 0.2 }}]
""",
    )
    listener.wait_for_end("bench")
    heard = results(listener, "porch")
    assert [result["frame"]["index"] for result in heard] == list(range(1394))
    assert [result["seq"] for result in heard] == list(range(1, 1395))
    people = [d for d in heard[300]["detections"] if d["label"] == "person"]
    assert len(people) == 1
    assert float(geometry.iou([people[0]["box"]], [PERSON_AT_300])[0, 0]) > 0.85
    seen = sum(any(d["label"] == "person" for d in r.get("detections", ())) for r in heard)
    assert 900 < seen < 1200, "people are in some three quarters of the frames"
    counts = listener.on("edge-vision/bench/stats")[-1].json["cameras"]["porch"]
    assert counts["captured"] == counts["delivered"] == 1394
    assert counts["dropped"] == counts["failed"] == counts["in_flight"] == 0
    pictures = listener.on("edge-vision/bench/porch/images/annotate")
    assert len(pictures) == 28
    image = cv2.imdecode(np.frombuffer(pictures[0].payload, np.uint8), cv2.IMREAD_COLOR)
    assert image is not None
    assert image.shape == (432, 768, 3)


@pytest.mark.mosquitto
def test_pictures_are_classified_and_segmented_as_the_models_can(
    shared: Path, tmp_path: Path, broker: Mosquitto, listen: Listen
) -> None:
    listener = listen(broker.port)
    models, images = shared / "models", shared / "images"
    cameras = "".join(
        f'[cameras.{name}]\nsource = "{images}/{file}"\n'
        'stages = [{ uses = "classify", model = "imagenet", top = 3 }]\n'
        for name, file in (("parrot", "parrot.jpg"), ("cat", "cat.bmp"), ("hopper", "grace_hopper.bmp"))
    )
    run(
        tmp_path / "config.toml",
        f"""
node = "bench"
[mqtt]
port = {broker.port}
[models.imagenet]
bundle = "{models}/mobilenet_v2_1.0_224_quant.tflite"
labels = "{models}/imagenet_labels.txt"
[models.pascal]
bundle = "{models}/deeplabv3_mnv2_dm05_pascal_quant.tflite"
labels = "{models}/pascal_voc_segmentation_labels.txt"
{cameras}
[cameras.bird]
source = "{images}/bird_segmentation.bmp"
stages = [{{ uses = "segment", model = "pascal", mask = true }}]
""",
    )
    listener.wait_for_end("bench")
    first = {c: results(listener, c)[0]["labels"][0]["label"] for c in ("parrot", "cat", "hopper")}
    assert first == {"parrot": "macaw", "cat": "Egyptian cat", "hopper": "military uniform"}
    shares = {fact["label"]: fact["share"] for fact in results(listener, "bird")[0]["segments"]}
    assert shares["bird"] == pytest.approx(0.195, abs=0.03)
    (sent,) = listener.on("edge-vision/bench/bird/images/segment")
    mask = cv2.imdecode(np.frombuffer(sent.payload, np.uint8), cv2.IMREAD_UNCHANGED)
    truth = cv2.imread(str(images / "bird_segmentation_mask.bmp"), cv2.IMREAD_GRAYSCALE)
    assert mask is not None
    assert truth is not None
    assert mask.shape == truth.shape
    found, real = mask == 3, truth == 3
    assert np.count_nonzero(found & real) / np.count_nonzero(found | real) >= 0.8


def test_a_video_gives_the_same_findings_with_one_worker_and_with_two(
    shared: Path, tmp_path: Path
) -> None:
    found = []
    for number, workers in enumerate((1, 2, 2)):
        out = tmp_path / f"{number}.jsonl"
        run(
            tmp_path / "config.toml",
            f"""
workers = {workers}
[models.people]
bundle = "{shared}/models/coco_ssd_mobilenet_v1_quant_metadata.tflite"
[cameras.road]
source = "{shared}/video/car-detection.mp4"
stages = [
  {{ uses = "motion", gate = false }},
  {{ uses = "detect", model = "people", min_score = 0.2 }},
]
[sinks.out]
uses = "jsonl"
path = "{out}"
""",
        )
        lines = [json.loads(line) for line in out.read_text().splitlines()]
        assert [line["frame"]["index"] for line in lines] == list(range(377))
        found.append([line.get("detections") for line in lines])
    assert found[0] == found[1] == found[2]
    assert sum(len(detections or ()) for detections in found[0]) > 300
