"""Files whose weights are kept behind their objects are read as all others."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("ai_edge_litert")

import edge_vision_models
from ai_edge_litert.interpreter import Interpreter

from edge_vision.training.export.flatbuffer import Content, parsed, renamed
from tests.weights_behind import with_weights_behind

FILE = Path(edge_vision_models.__path__[0]) / "meter_digits" / "model.tflite"


def answer(content: Content) -> np.ndarray:
    interpreter = Interpreter(model_content=content, num_threads=1)
    image = np.random.default_rng(1).integers(0, 256, (1, 32, 20, 3), np.uint8)
    return next(iter(interpreter.get_signature_runner()(image=image).values()))


def test_weights_behind_the_objects_are_found_and_written_back() -> None:
    plain = FILE.read_bytes()
    behind = with_weights_behind(plain)
    held = [each.data for each in parsed(behind).buffers if each.data is not None]
    assert max(len(each) for each in held) > 1000
    assert all(each.offset == 0 for each in parsed(behind).buffers)
    assert np.array_equal(answer(renamed(behind)), answer(plain))
