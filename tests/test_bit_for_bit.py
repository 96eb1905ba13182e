"""Results of quantised models equal those of a plain interpreter loop, bit for bit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from edge_vision import LiteRTModel, load_bundle

PICTURES = ("cat.bmp", "grace_hopper.bmp", "kite_and_cold.jpg")
QUANTISED = (
    "coco_ssd_mobilenet_v1_quant_metadata",
    "deeplabv3_mnv2_dm05_pascal_quant",
    "mlperf_tiny_resnet8_cifar10_int8",
    "mlperf_tiny_vww_96_int8",
    "mobilenet_v1_0.25_128_quant",
    "mobilenet_v1_0.25_224_quant_metadata",
    "mobilenet_v2_1.0_224_quant",
    "movenet_single_pose_lightning_ptq",
    "yolov5n320_int8",
)


def plain_loop(file: Path, pictures: list[NDArray[Any]]) -> list[list[NDArray[Any]]]:
    """What an interpreter gives, used as its own documentation says."""
    interpreter_module = pytest.importorskip("ai_edge_litert.interpreter")
    interpreter = interpreter_module.Interpreter(model_path=str(file), num_threads=1)
    interpreter.allocate_tensors()
    (taken,) = interpreter.get_input_details()
    answers = []
    for picture in pictures:
        interpreter.set_tensor(taken["index"], picture)
        interpreter.invoke()
        outputs = interpreter.get_output_details()
        answers.append([interpreter.get_tensor(output["index"]) for output in outputs])
    return answers


@pytest.mark.shared
@pytest.mark.parametrize("name", QUANTISED)
def test_quantised_models_give_what_a_plain_interpreter_gives(shared: Path, name: str) -> None:
    file = shared / "models" / f"{name}.tflite"
    model = LiteRTModel(load_bundle(file, name))
    (spec,) = model.bundle.inputs
    _, height, width, _ = spec.shape
    stored = []
    for picture in PICTURES:
        image = cv2.imread(str(shared / "images" / picture))
        assert image is not None
        rgb = cv2.cvtColor(cv2.resize(image, (width, height)), cv2.COLOR_BGR2RGB).astype(np.int16)
        stored.append((rgb - 128).astype(np.int8) if spec.dtype == "int8" else rgb.astype(np.uint8))
    batches = [array[np.newaxis] for array in stored]
    expected = plain_loop(file, batches)
    for batch, answers in zip(batches, expected, strict=True):
        found = model({spec.name: batch})
        assert [array.dtype for array in found.values()] == [array.dtype for array in answers]
        for mine, theirs in zip(found.values(), answers, strict=True):
            assert mine.shape == theirs.shape
            assert mine.tobytes() == theirs.tobytes()
    assert expected[0][0].tobytes() != expected[1][0].tobytes(), "the pictures must make a difference"
