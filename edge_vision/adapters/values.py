"""Values: from what a model stores to numbers between 0 and 1, and which label each belongs to."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from edge_vision.contracts.tensors import TensorSpec
from edge_vision.data.errors import ModelError, StageError

Activation: TypeAlias = Literal["softmax", "sigmoid", "none"]
"""What turns stored values into scores of 0 to 1."""

SUM_TOLERANCE = 0.02
"""By how much the probabilities of a float model may miss 1 in sum."""

IMAGENET_WITH_BACKGROUND = 1001
"""Classes of ImageNet with a background before them; its files of labels mostly leave that out."""

_SLACK = 1e-3
_EXPONENTS = 60.0
"""Logits no further apart give powers of e that float32 tells from 0."""
_ARRANGE = (
    *("CONCATENATION", "GATHER", "PACK", "PAD", "SLICE", "SPLIT", "STRIDED_SLICE", "TRANSPOSE"),
    *("MAXIMUM", "MINIMUM", "RELU_0_TO_1"),
)
"""Operators that pick, join or bound values, and compute none."""

_GIVE_SCORES = ("SOFTMAX", "LOGISTIC")
_GIVE_LOGITS = (
    *("FULLY_CONNECTED", "CONV_2D", "DEPTHWISE_CONV_2D", "TRANSPOSE_CONV", "BATCH_MATMUL"),
    "LOG_SOFTMAX",
)
_BACKGROUND = ("background", "__background__", "???")


def real_values(spec: TensorSpec, array: NDArray[Any]) -> NDArray[np.float32]:
    """The real values of an output, float32; raises StageError where one is infinite or no number."""
    values = spec.real(array)
    if array.dtype.kind == "f" and not np.isfinite(values).all():
        raise StageError(
            f"the model's output {spec.name} ({spec.meaning}) holds values that are no numbers"
        )
    return values


def are_fractions(spec: TensorSpec, values: NDArray[np.float32]) -> bool:
    """True where an output holds values of 0 to 1 only.

    A quantised output is judged by what it can store: a softmax or a sigmoid at the end of a
    quantised graph always has the scale 1/256 and starts at 0 (TFLite's quantisation specification).
    An output in floats is judged by its values.
    """
    if spec.quantisation is not None and np.dtype(spec.dtype).kind in "iu":
        return _stores_fractions(spec)
    return _within(values)


@lru_cache(maxsize=256)
def _stores_fractions(spec: TensorSpec) -> bool:
    limits = np.iinfo(spec.dtype)
    return _within(spec.real(np.array([limits.min, limits.max], dtype=spec.dtype)))


def _within(values: NDArray[np.float32]) -> bool:
    return bool(len(values) and values.min() >= -_SLACK and values.max() <= 1.0 + _SLACK)


def stores_plain_bytes(spec: TensorSpec) -> bool:
    """True for bytes 0 to 255 without a scale: as logits they would make no sense."""
    return spec.dtype == "uint8" and spec.quantisation is None


def told_activation(producer: str, of_logits: Activation) -> Activation | None:
    """What an output still needs, by the operator it comes from; None where that does not tell.

    of_logits  what logits need: "softmax" where classes exclude each other, else "sigmoid"

    What a frame's values look like may change from frame to frame, so an operator that tells goes first:
    a layer with weights gives logits. Arithmetic (ADD, MUL, MEAN, ...) tells nothing: it adds a bias to
    logits as well as it averages probabilities.
    """
    if producer in _GIVE_SCORES:
        return "none"
    return of_logits if producer in _GIVE_LOGITS else None


def class_probabilities(
    spec: TensorSpec, array: NDArray[Any], activation: Activation | None = None, producer: str = ""
) -> NDArray[np.float32]:
    """Scores of the classes, (n,) float32, from an output of any shape.

    Without an activation the values of this one run tell: those of 0 to 1 that sum to 1 are taken as
    they are; others are logits, and go through a softmax. The sum is not asked for of quantised ones (a
    thousand classes of less than 1/512 each are all stored as 0), nor where the producer only picks,
    joins or bounds values: a softmax less its background, several sigmoids side by side. Bytes without
    a scale are scores of 0 to 255.
    """
    values = real_values(spec, array).reshape(-1)
    if stores_plain_bytes(spec) and activation in (None, "none"):
        return values / np.float32(255.0)
    if activation is not None:
        return activated(values, activation)
    any_sum = spec.quantisation is not None or producer in _ARRANGE
    if are_fractions(spec, values) and (any_sum or abs(float(values.sum()) - 1.0) <= SUM_TOLERANCE):
        return np.clip(values, 0.0, 1.0)
    return softmax(values)


def scores_reader(
    spec: TensorSpec, activation: Activation | None = None, producer: str = ""
) -> Callable[[NDArray[Any]], NDArray[np.float32]]:
    """`class_probabilities` of an output, made ready for many runs.

    What each of 256 stored values stands for is looked up.
    """
    if spec.quantisation is None or np.dtype(spec.dtype).itemsize > 1:
        return lambda array: class_probabilities(spec, array, activation, producer)
    stored = np.arange(256, dtype=np.uint8).view(spec.dtype)
    if activation in ("none", "sigmoid") or (activation is None and _stores_fractions(spec)):
        table = class_probabilities(spec, stored, activation, producer)
        return lambda array: table[array.view(np.uint8).reshape(-1)]
    real = real_values(spec, stored)
    if float(real.max() - real.min()) > _EXPONENTS:
        return lambda array: softmax(real[array.view(np.uint8).reshape(-1)])
    powers = np.exp(real - real.max())
    return lambda array: _shares(powers[array.view(np.uint8).reshape(-1)])


def activated(values: NDArray[np.float32], activation: Activation) -> NDArray[np.float32]:
    """Scores of 0 to 1 from real values; a softmax goes over all of them."""
    if activation == "softmax":
        return softmax(values)
    return sigmoid(values) if activation == "sigmoid" else np.clip(values, 0.0, 1.0)


def box_scores(
    spec: TensorSpec, array: NDArray[Any], activation: Activation | None = None
) -> NDArray[np.float32]:
    """Scores of 0 to 1 from an output of any shape, each by itself.

    Without an activation the values of this one run tell: where any is outside of 0 to 1 they are
    logits, and go through a sigmoid. Bytes without a scale are scores of 0 to 255.
    """
    values = real_values(spec, array)
    if stores_plain_bytes(spec) and activation in (None, "none"):
        return values / np.float32(255.0)
    if activation is not None:
        return activated(values, activation)
    return np.clip(values, 0.0, 1.0) if are_fractions(spec, values.reshape(-1)) else sigmoid(values)


def softmax(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    """exp(x) / sum(exp(x)) over one axis, (n,), shifted so that nothing overflows."""
    return _shares(np.exp(logits - np.maximum.reduce(logits)))


def _shares(powers: NDArray[np.float32]) -> NDArray[np.float32]:
    """What each is of their sum."""
    return np.asarray(powers / np.add.reduce(powers), dtype=np.float32)


def sigmoid(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    """1 / (1 + exp(-x)), any shape, written so that nothing overflows."""
    powers = np.exp(-np.abs(logits))
    return np.asarray(np.where(logits >= 0, 1.0, powers) / (1.0 + powers), dtype=np.float32)


def is_background(label: str) -> bool:
    """True for the names that label files give to "none of the classes"."""
    return label.lower() in _BACKGROUND


def class_labels(
    labels: tuple[str, ...], classes: int, model: str, background: bool | None = None
) -> tuple[str, ...]:
    """A label for each of a model's classes; numbers where it has no labels.

    background  whether the model's first class is the background; None where the labels tell

    Classifiers trained on ImageNet often count the background as their first class, and label files
    come with and without it. So a file one longer than the model has classes is taken without its
    first label where that is the background. A file one shorter gets a background in front where the
    model is said to have one, or has the 1001 classes of such a classifier; elsewhere it may as well
    have lost its last line. Every other difference raises ModelError.
    """
    if not labels:
        numbers = [str(number) for number in range(classes)]
        return ("background", *numbers[1:]) if background else tuple(numbers)
    if len(labels) == classes:
        return labels
    if len(labels) == classes + 1 and is_background(labels[0]) and not background:
        return labels[1:]
    one_short = len(labels) == classes - 1 and not is_background(labels[0])
    has_background = classes == IMAGENET_WITH_BACKGROUND if background is None else background
    if one_short and has_background:
        return ("background", *labels)
    hint = "; where its first class is the background, write background as the first label"
    raise ModelError(
        f"{model}: has {classes} classes but {len(labels)} labels; give it those it was trained with"
        + (hint if one_short and background is None else "")
    )
