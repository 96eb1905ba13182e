"""Distillation: a network learns from what another model says, beside what people say.

Hinton et al., Distilling the Knowledge in a Neural Network, 2015. The teacher is any model that can be
opened; it is asked once for each picture, and its answers are kept.
"""

from __future__ import annotations

import hashlib
from importlib import import_module
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_vision.adapters.catalogue import adapter_of, describe
from edge_vision.adapters.classification import ClassScores
from edge_vision.contracts.model import Model, ModelBundle
from edge_vision.contracts.options import Options, option
from edge_vision.contracts.regular_file import open_model_file
from edge_vision.contracts.tensors import TensorSpec
from edge_vision.data.errors import TrainingError
from edge_vision.data.frame import Image
from edge_vision.training.transfer.rows import Progress, Rows, digest_of

TEACHER = "teacher"
"""The output of a network that answers as its teacher does."""

Pictures = NDArray[np.uint8]
"""(n, height, width, 3) red, green, blue, or (n, height, width, 1) grey."""

_SMALLEST = 1e-7
"""Probabilities below this are taken for it, as float32 has no smaller ones beside 1."""


class TeacherOptions(Options):
    """How a network learns from a teacher."""

    teacher: str = option("", "Model to learn from: a bundle's name, its folder, or a .tflite file.")
    teacher_weight: float = option(2.0, "Weight of its answers beside the data's labels.", ge=0)
    temperature: float = option(
        2.0, "Softens its answers: more shows what else a picture is like.", ge=0.1, le=20
    )


def teacher_answers(
    model: Model, pictures: Pictures, folder: Path, progress: Progress | None = None
) -> NDArray[np.float32]:
    """Logits of a classifier for each picture, (n, classes) float32: their softmax is what it said.

    pictures  stretched to what the model takes
    folder    keeps the answers, by a digest of the model and the pictures; who was interrupted goes on
    progress  is told how many are done

    Of a model that gives probabilities their logarithms are taken, of several sigmoids their logits.
    Raises ModelError where it is no classifier of pictures, TrainingError where it has no file.
    """
    bundle = _described(model)
    adapter_of(bundle, ClassScores)
    image, scores = _only_image(bundle), bundle.output("scores")

    def answer(row: int) -> NDArray[np.float32]:
        given = model({image.name: image.from_pixels(_fitted(pictures[row], image.size))})
        values = scores.real(given[scores.name]).reshape(-1)
        if not np.isfinite(values).all():
            raise TrainingError(f"{bundle.name}: gives no numbers for picture {row}; it cannot teach")
        return values

    facts = ("scores", model_digest(bundle), str(image), image.mean, image.std, image.order)
    rows = Rows(folder, digest_of(*facts, arrays=(pictures,)), int(np.prod(scores.shape)), answer)
    return _logits(rows.all(len(pictures), progress), scores, bundle)


def with_teacher_head(network: Any, classes: int) -> Any:
    """The network with one more output, "teacher": logits for a teacher's classes, which are others.

    It begins with the features that the output "scores" is computed from, else with "embedding".
    """
    keras: Any = import_module("keras")
    outputs = network.output
    features = _features(outputs)
    taught = keras.layers.Dense(classes, name=TEACHER)(features)
    return keras.Model(network.input, {**outputs, TEACHER: taught}, name=network.name)


def without_teacher_head(network: Any) -> Any:
    """The network as it was, with what it learnt."""
    keras: Any = import_module("keras")
    kept = {name: tensor for name, tensor in network.output.items() if name != TEACHER}
    return keras.Model(network.input, kept, name=network.name)


def _features(outputs: Any) -> Any:
    """What a head for a teacher begins with; raises TrainingError where a network has no such thing."""
    for name in ("scores", "embedding"):
        if name in outputs:
            operation = outputs[name]._keras_history.operation
            return operation.input if name == "scores" else outputs[name]
    raise TrainingError(
        f"a network with scores or an embedding can have a teacher, not {', '.join(outputs)}"
    )


def _described(model: Model) -> ModelBundle:
    return model.bundle if model.bundle.layout else describe(model.bundle)


def _only_image(bundle: ModelBundle) -> TensorSpec:
    """The image input of a model that takes nothing else; raises TrainingError where it does."""
    image = bundle.image_input
    if len(bundle.inputs) > 1:
        others = ", ".join(spec.name for spec in bundle.inputs if spec is not image)
        raise TrainingError(
            f"{bundle.name}: takes {others} beside a picture; it cannot teach of pictures alone"
        )
    return image


def model_digest(bundle: ModelBundle) -> str:
    """The digest of a model's file; raises TrainingError where there is none."""
    if bundle.facts.sha256:
        return bundle.facts.sha256
    try:
        with open_model_file(bundle.file) as opened:
            return hashlib.file_digest(opened, "sha256").hexdigest()
    except OSError as error:
        raise TrainingError(
            f"{bundle.name}: has no file to know its answers by ({error.strerror}); export it first"
        ) from None


def _blue_first(picture: NDArray[np.uint8]) -> Image:
    """(height, width, 3) uint8 blue, green, red of a picture in colours or grey."""
    if picture.shape[2] == 1:
        return np.repeat(picture, 3, axis=2)
    return np.ascontiguousarray(picture[:, :, ::-1])


def _fitted(picture: NDArray[np.uint8], size: tuple[int, int]) -> Image:
    """A picture stretched to (width, height), BGR: averaged where it shrinks, cubic where it grows."""
    pixels = _blue_first(picture)
    if pixels.shape[1::-1] == size:
        return pixels
    shrinks = size[0] * size[1] < pixels.shape[0] * pixels.shape[1]
    mode = cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(pixels, size, interpolation=mode), np.uint8)


def _logits(values: NDArray[np.float32], scores: TensorSpec, bundle: ModelBundle) -> NDArray[np.float32]:
    """Logits from what a classifier gives, by the operator it comes from, else by all its values."""
    producer = bundle.facts.producer(scores.name)
    fractions = float(values.min(initial=0.0)) >= 0 and float(values.max(initial=0.0)) <= 1.0 + 1e-3
    # What is stored as 0 is less than half a step.
    step = 0.0 if scores.quantisation is None else scores.quantisation.scale / 2
    floor = max(_SMALLEST, step)
    if producer == "LOGISTIC" or (values.shape[1] == 1 and fractions):
        bounded = np.clip(values, floor, 1 - floor)
        return np.asarray(np.log(bounded / (1 - bounded)), np.float32)
    adds_up = fractions and bool((np.abs(values.sum(axis=1) - 1) < 0.1).all())
    return np.log(np.maximum(values, floor)) if producer == "SOFTMAX" or adds_up else values
