"""Sequences: texts that a model reads step by step (CTC), or place by place.

It adds these meanings:

step-scores  (1, steps, c) or (steps, 1, c), one score a step and class; one class is the blank of CTC
slot-scores  (1, slots, c) or (1, slots * c), one score a place of the text and class
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from edge_vision.adapters.ctc import Steps, decode
from edge_vision.adapters.layout import Adapter, Layout, Meanings, Outputs, holds_whole_numbers, only
from edge_vision.adapters.texts import ReadText, alphabet_of, labels_of
from edge_vision.adapters.values import (
    SUM_TOLERANCE,
    Activation,
    are_fractions,
    real_values,
    told_activation,
)
from edge_vision.contracts.model import ModelBundle
from edge_vision.contracts.options import Options, option
from edge_vision.contracts.tensors import TensorSpec
from edge_vision.data.errors import ModelError

MOST_STEPS = 512
"""Longer sequences are texts only where that is declared: they may be the boxes of a detector."""

_BLANKS = ("<blank>", "[blank]", "<ctc>", "[ctc]", "<ctc_blank>", "blank", "ε")
_BLANKS_AT_AN_END = ("-", "_", "~", "·", "<pad>", "[pad]", "<unk>", "[unk]")
_PADS = ("_", "<pad>", "[PAD]")
_MOSTLY = 0.9


class CtcDecoding(Options):
    """[decoding] of a model that says a class a step."""

    blank: Literal["last", "first"] | int | None = option(
        None, "Which class is the blank; left out, told from the labels, else the last."
    )
    beam: int = option(
        1,
        "So many beginnings of texts are followed; 1 takes the best class of each step.",
        ge=1,
        le=1000,
    )


class SlotDecoding(Options):
    """[decoding] of a model that says a class for each place of a text."""

    pad: str | None = option(
        None, "Label of a place without a character; left out, _ or <pad>, or the class without a label."
    )


def step_probabilities(
    spec: TensorSpec, table: NDArray[np.float32], activation: Activation | None = None
) -> Steps:
    """Probabilities, (steps, classes) float64 whose rows have the sum 1, from real values.

    activation  what the values still need, where that is known; else they tell: rows of 0 to 1 with
                the sum 1 are probabilities (of quantised ones the sum is not asked for)

    The softmax of logarithms of probabilities are these probabilities, so they are treated as logits.
    """
    values = table.astype(np.float64)
    if activation == "none" or (activation is None and _are_probabilities(spec, table)):
        # The least share for each class: a step whose classes are all stored as 0 says nothing.
        values = np.maximum(values, 0.0) + np.finfo(np.float64).tiny
    else:
        values = np.exp(values - values.max(axis=1, keepdims=True))
    return np.asarray(values / values.sum(axis=1, keepdims=True))


def _are_probabilities(spec: TensorSpec, table: NDArray[np.float32]) -> bool:
    if not are_fractions(spec, table.reshape(-1)):
        return False
    near_one = np.abs(table.sum(axis=1) - 1.0) <= SUM_TOLERANCE
    return spec.quantisation is not None or bool(near_one.all())


def _recognise_steps(bundle: ModelBundle) -> Meanings | None:
    """One score a step and class: where that is declared, or the labels are an alphabet that fits.

    The boxes of a detector (1, n, m) have the same form, but never one class more than it has labels.
    """
    output = only(bundle)
    if output is None or holds_whole_numbers(output) or len(_long_sides(output)) != 2:
        return None
    declared = bundle.task == "read" or bundle.layout == "ctc"
    return {output.name: "step-scores"} if declared or _has_alphabet(bundle, output) else None


def _long_sides(spec: TensorSpec) -> tuple[int, ...]:
    return tuple(side for side in spec.shape if side != 1)


def _has_alphabet(bundle: ModelBundle, output: TensorSpec) -> bool:
    """True where a model's labels are mostly single characters, one for each class but the blank."""
    labels, (steps, classes) = bundle.labels, _long_sides(output)
    single = sum(len(mark) == 1 for mark in alphabet_of(labels))
    if not labels or single < _MOSTLY * len(labels):
        return False
    if len(output.shape) != 3 or 1 not in output.shape[:2] or steps > MOST_STEPS:
        return False
    return classes == len(labels) + 1 or (classes == len(labels) and _blank_label(labels) is not None)


def _blank_label(labels: Sequence[str]) -> int | None:
    """Which of the labels, one a class, is the blank of CTC; None where none looks like it."""
    named = [i for i, label in enumerate(labels) if label.lower() in _BLANKS]
    at_an_end = [i for i in (0, len(labels) - 1) if labels[i].lower() in _BLANKS_AT_AN_END]
    found = named or at_an_end
    return found[0] if len(found) == 1 else None


def _ctc_adapter(bundle: ModelBundle, options: CtcDecoding) -> Adapter[ReadText]:
    """Reads the text that the steps say, and its probability."""
    spec, labels = bundle.output("step-scores"), labels_of(bundle)
    sides = _long_sides(spec)
    if len(sides) != 2:
        raise ModelError(f"{bundle.name}: the output {spec} has not the shape (1, steps, classes)")
    fitting = (len(labels), len(labels) + 1)
    turned = sides[1] not in fitting and sides[0] in fitting  # (1, classes, steps)
    classes = sides[0] if turned else sides[1]
    if classes not in fitting:
        raise ModelError(
            f"{bundle.name}: has {classes} classes but {len(labels)} labels; it needs one for each "
            "class, only the blank may go without (a file of labels ends at its first empty line; "
            "write <space> for a space)"
        )
    blank = _blank(bundle, options.blank, classes)
    marks = list(alphabet_of(labels))
    if len(marks) < classes:
        marks.insert(blank, "")
    activation = told_activation(bundle.facts.producer(spec.name), "softmax")

    def read(outputs: Outputs) -> ReadText:
        values = real_values(spec, outputs[spec.name]).reshape(sides)
        steps = step_probabilities(spec, values.T if turned else values, activation)
        codes, score = decode(steps, blank, options.beam)
        return ReadText("".join(marks[code] for code in codes), score)

    return Adapter(read, labels)


def _blank(bundle: ModelBundle, declared: str | int | None, classes: int) -> int:
    """The class that is the blank; raises ModelError where there is no such class, or none is told."""
    where = f"{bundle.name}: bundle.toml: decoding.blank"
    if isinstance(declared, int):
        if not 0 <= declared < classes:
            raise ModelError(f"{where}: should be 0 to {classes - 1}, not {declared}")
        return declared
    if declared == "first":
        return 0
    if declared == "last" or len(bundle.labels) < classes:
        return classes - 1
    told = _blank_label(bundle.labels)
    if told is None:
        raise ModelError(
            f"{where}: as many labels as classes, {classes}, so one of them is the blank; say which: "
            'blank = "first", "last" or its number'
        )
    return told


def _recognise_slots(bundle: ModelBundle) -> Meanings | None:
    """One score a place and class, only where it is declared: steps of CTC have the same form."""
    output = only(bundle)
    if output is None or bundle.layout != "slots" or len(_long_sides(output)) > 2:
        return None
    return {output.name: "slot-scores"}


def _slots_adapter(bundle: ModelBundle, options: SlotDecoding) -> Adapter[ReadText]:
    """Reads the best class of each place; the score is the product of theirs."""
    spec, labels = bundle.output("slot-scores"), labels_of(bundle)
    fitting = [count for count in (len(labels), len(labels) + 1) if spec.shape[-1] == count]
    fitting += [count for count in (len(labels), len(labels) + 1) if prod(spec.shape) % count == 0]
    if not fitting:
        raise ModelError(f"{bundle.name}: {len(labels)} labels do not fit the output {spec}")
    if options.pad is not None and options.pad not in labels:
        raise ModelError(f"{bundle.name}: bundle.toml: decoding.pad: no label is called {options.pad!r}")
    classes = fitting[0]
    pads = _PADS if options.pad is None else (options.pad,)
    marks = [
        "" if label in pads else mark for label, mark in zip(labels, alphabet_of(labels), strict=True)
    ]
    marks += [""] * (classes - len(labels))
    activation = told_activation(bundle.facts.producer(spec.name), "softmax")

    def read(outputs: Outputs) -> ReadText:
        values = real_values(spec, outputs[spec.name]).reshape(-1, classes)
        slots = step_probabilities(spec, values, activation)
        text = "".join(marks[code] for code in slots.argmax(axis=1).tolist())
        return ReadText(text, float(slots.max(axis=1).prod()))

    return Adapter(read, labels)


CTC = Layout(
    name="ctc",
    task="read",
    says="one score a step and character, read by CTC: repeats are merged, blanks left out",
    reading=ReadText,
    meanings=("step-scores",),
    recognise=_recognise_steps,
    adapter=_ctc_adapter,
    options=CtcDecoding,
)
SLOTS = Layout(
    name="slots",
    task="read",
    says="one score a place of the text and character; only where layout = slots is declared",
    reading=ReadText,
    meanings=("slot-scores",),
    recognise=_recognise_slots,
    adapter=_slots_adapter,
    options=SlotDecoding,
)
