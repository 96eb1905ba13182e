"""The forms of a file: how each is made from a SavedModel, in the child process."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from edge_vision.training.export.flatbuffer import Content, renamed
from edge_vision.training.export.full_integer import full_integer
from edge_vision.training.export.states import stacked, unstacked
from edge_vision.training.export.weight_only import weight_only

Form = Literal["float32", "float16", "int8", "weight-int8"]
"""How numbers are stored and computed with.

float32      as trained
float16      kernels of half the size, computed in float32
int8         bytes throughout: fast on ARM and on accelerators
weight-int8  kernels of a quarter of the size, computed in float32
"""

FORMS: tuple[Form, ...] = get_args(Form)

SAVED, SAMPLES = "saved", "samples.npz"
"""The names of the SavedModel and of the representative data in the folder of a conversion."""


def file_of(folder: Path, form: str) -> Path:
    """The .tflite file of a form."""
    return folder / f"{form}.tflite"


def answers_of(folder: Path, form: str) -> Path:
    """What the file of a form answers to the representative data, arrays of all by output name."""
    return folder / f"{form}.npz"


def make(folder: Path, endpoint: str, form: str, runs: bool) -> None:
    """Make the file of a form, and where wanted what it answers."""
    with np.load(folder / SAMPLES) as held:
        samples = unstacked(dict(held))
    content = renamed(_content(folder / SAVED, endpoint, form, samples))
    file_of(folder, form).write_bytes(content)
    if runs:
        arrays: dict[str, Any] = stacked([*_answers(content, samples)])
        np.savez(answers_of(folder, form), **arrays)


def _content(saved: Path, endpoint: str, form: str, samples: list[dict[str, NDArray[Any]]]) -> Content:
    if form == "int8":
        return full_integer(saved, endpoint, samples)
    tf: Any = import_module("tensorflow")
    converter = tf.lite.TFLiteConverter.from_saved_model(str(saved), signature_keys=[endpoint])
    if form == "float16":
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.target_spec.supported_types = [tf.float16]
    content = bytes(converter.convert())
    return weight_only(content) if form == "weight-int8" else content


def _answers(content: Content, samples: list[dict[str, NDArray[Any]]]) -> list[dict[str, NDArray[Any]]]:
    """What a file answers in LiteRT to each sample."""
    runtime: Any = import_module("ai_edge_litert.interpreter")
    interpreter = runtime.Interpreter(model_content=content, num_threads=1)
    run = interpreter.get_signature_runner()
    return [{name: np.array(value) for name, value in run(**sample).items()} for sample in samples]
