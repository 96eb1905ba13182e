"""Masks: how much each place of an image is foreground.

It adds the meaning `mask`: (1, height, width, 1) or (1, height, width), the probability of the
foreground, or its logit. A segmentation of two classes is often trained so; MediaPipe's selfie
segmentation is one.
"""

from __future__ import annotations

import re
from math import log
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from edge_vision.adapters.layout import SMALLEST_MAP
from edge_vision.adapters.values import are_fractions, real_values, told_activation
from edge_vision.contracts.model import ModelBundle
from edge_vision.contracts.options import Options, option
from edge_vision.contracts.tensors import TensorSpec
from edge_vision.data.errors import ModelError

Needs: TypeAlias = Literal["auto", "sigmoid", "none"]
"""What values still need to be probabilities; auto: told from the graph, else from the values."""

_LABELS = ("background", "foreground")
_WORD = re.compile(r"segment|matte|matting|(?<![a-z])masks?(?![a-z])")


class MaskDecoding(Options):
    """[decoding] of a mask."""

    threshold: float = option(0.5, "Places whose probability is greater are the foreground.", gt=0, lt=1)
    activation: Needs = option(
        "auto",
        "Whether values go through a sigmoid; auto: told from the graph, else where any leaves 0 to 1.",
    )


def is_plane(spec: TensorSpec) -> bool:
    """True for one value a place: (1, height, width, 1), (1, 1, height, width) or (1, height, width)."""
    sides = plane_of(spec)
    return sides is not None and min(sides) >= SMALLEST_MAP


def plane_of(spec: TensorSpec) -> tuple[int, int] | None:
    """(height, width) of an output with one value a place, None of others."""
    shape = spec.shape
    if len(shape) == 3 and shape[0] == 1:
        return shape[1], shape[2]
    if len(shape) == 4 and shape[0] == 1 and shape[3] == 1:
        return shape[1], shape[2]
    if len(shape) == 4 and shape[:2] == (1, 1):
        return shape[2], shape[3]
    return None


def is_called_segmentation(bundle: ModelBundle, output: TensorSpec) -> bool:
    """True where a name or a note of an output speaks of a mask or a segmentation."""
    said = [output.name]
    if note := bundle.facts.notes.get(output.name):
        said += [note.name, note.description]
    for signature in bundle.facts.signatures:
        said += [caller for caller, tensor in signature.outputs.items() if tensor == output.name]
    return _WORD.search(" ".join(said).lower()) is not None


def seems_mask(bundle: ModelBundle, output: TensorSpec) -> bool:
    """True where one value a place is how much it is foreground, and not a grey picture.

    Declared, by its name, by labels for two classes, or a sigmoid that makes one channel of a picture
    in colour: a picture that is made of a colour picture has its colours.
    """
    if bundle.task == "segment" or bundle.layout == "mask":
        return True
    if not bundle.takes_image:
        return False
    if is_called_segmentation(bundle, output) or len(bundle.labels) in (1, 2):
        return True
    coloured = any(spec.is_image and spec.channels == 3 for spec in bundle.inputs)
    return coloured and bundle.facts.producer(output.name) == "LOGISTIC"


def mask_labels(bundle: ModelBundle) -> tuple[str, str]:
    """The labels of background and foreground; raises ModelError where there are more."""
    labels = bundle.labels
    if len(labels) > 2:
        raise ModelError(
            f"{bundle.name}: gives a mask, which has a background and a foreground, "
            f"but {len(labels)} labels"
        )
    if not labels:
        return _LABELS
    if len(labels) == 1:
        return _LABELS[0], labels[0]
    first, second = labels
    swapped = second.lower() == _LABELS[0] and first.lower() != _LABELS[0]
    return (second, first) if swapped else (first, second)


class Foreground:
    """Which places of a mask are foreground, told from its values."""

    def __init__(self, bundle: ModelBundle, spec: TensorSpec, options: MaskDecoding) -> None:
        self._spec = spec
        self._threshold = options.threshold
        self._logit = log(options.threshold / (1.0 - options.threshold))
        told = told_activation(bundle.facts.producer(spec.name), "sigmoid")
        self._activation = told if options.activation == "auto" else options.activation

    def __call__(self, array: NDArray[Any]) -> NDArray[np.uint8]:
        """1 for foreground, 0 for background, uint8 of the array's shape.

        A sigmoid only ever grows, so logits are compared with the threshold's logit.
        """
        values = real_values(self._spec, array)
        if self._activation is None:
            probable = are_fractions(self._spec, values.reshape(-1))
        else:
            probable = self._activation == "none"
        return (values > np.float32(self._threshold if probable else self._logit)).view(np.uint8)
