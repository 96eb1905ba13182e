"""Variants: one graph in several forms, each run by LiteRT and compared with Keras."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from edge_vision.data.errors import TrainingError
from edge_vision.training.export import flatbuffer
from edge_vision.training.export.conversion import SECONDS, Converted, convert_all
from edge_vision.training.export.device_graph import DeviceGraph, Sample
from edge_vision.training.export.forms import Form
from edge_vision.training.export.states import stacked
from edge_vision.training.whole_file import whole_file

TOLERANCES: Mapping[str, float] = {"float32": 2e-4, "float16": 2e-2}
"""By how much a form may differ from Keras, as a share of the largest value of an output."""

FEWEST_EQUAL = 0.99
"""Share of an output's whole numbers, such as classes, that a form in floats must have in common."""

_SMALLEST = 1e-3
"""Outputs whose values are all smaller than this are compared as if they reached it."""


@dataclass(frozen=True, slots=True)
class Deviation:
    """How far an output is from what Keras gives, over all samples.

    largest    difference of any value
    mean       of the differences' amounts
    agreement  share of rows (last axis) whose largest value is at the same place, 0 to 1; 1 where rows
               hold a single value. Of whole numbers, such as classes, the share that is equal
    """

    largest: float
    mean: float
    agreement: float

    @classmethod
    def between(cls, given: NDArray[Any], wanted: NDArray[Any]) -> Deviation:
        """Of arrays of one shape (n, ...)."""
        difference = np.abs(given.astype(np.float64) - wanted.astype(np.float64))
        if wanted.dtype.kind in "iu":
            same = given == wanted
        else:
            same = given.argmax(axis=-1) == wanted.argmax(axis=-1)
        return cls(float(difference.max()), float(difference.mean()), float(np.mean(same)))


@dataclass(frozen=True, slots=True)
class Variant:
    """A graph in one form.

    name       the form
    file       the .tflite file
    size       bytes of the file
    deviation  from Keras, by output name
    operators  how many of each kind it has
    """

    name: Form
    file: Path
    size: int
    deviation: Mapping[str, Deviation]
    operators: Mapping[str, int]


def make_variants(
    graph: keras.Model,
    forms: Sequence[Form],
    representative: Sequence[Sample],
    folder: Path,
    seconds: float = SECONDS,
) -> tuple[Variant, ...]:
    """Write a Keras graph in several forms into a folder, as <form>.tflite, and compare each with Keras.

    representative  what the device will see: arrays by input name, each with the batch of 1; they
                    calibrate int8, and all forms are compared on them

    Raises TrainingError where a form cannot be made, or one in floats differs by more than TOLERANCES;
    then no file is written.
    """
    made = convert_all(graph, forms, representative, seconds=seconds)
    device = DeviceGraph(graph)
    wanted = stacked([device.answers(sample) for sample in representative])
    variants = tuple(_variant(form, each, wanted, folder) for form, each in made.items())
    folder.mkdir(parents=True, exist_ok=True)
    for variant in variants:
        with whole_file(variant.file) as draft:
            draft.write_bytes(made[variant.name].content)
    return variants


def _variant(form: Form, made: Converted, wanted: Mapping[str, NDArray[Any]], folder: Path) -> Variant:
    deviation = {name: Deviation.between(made.answers[name], wanted[name]) for name in wanted}
    if form in TOLERANCES:
        for name, each in deviation.items():
            _check(form, name, each, wanted[name])
    operators = flatbuffer.operators(flatbuffer.parsed(made.content))
    return Variant(form, folder / f"{form}.tflite", len(made.content), deviation, operators)


def _check(form: Form, name: str, deviation: Deviation, wanted: NDArray[Any]) -> None:
    """Raise TrainingError where an output of a form in floats is not near what Keras gives."""
    if wanted.dtype.kind in "iu":
        if deviation.agreement >= FEWEST_EQUAL:
            return
        how = f"in {1.0 - deviation.agreement:.1%} of its values, more than {1.0 - FEWEST_EQUAL:.0%}"
    else:
        limit = TOLERANCES[form] * max(_SMALLEST, float(np.abs(wanted).max()))
        if deviation.largest <= limit:  # false for what is no number
            return
        how = f"by {deviation.largest:.2g}, more than {limit:.2g}"
    raise TrainingError(
        f"{form}: the output {name} differs from Keras {how}; the network does something that TFLite "
        "computes otherwise"
    )
