"""Texts: what a model reads, where it gives the text as a whole.

It adds the meaning `characters`: (1, n) whole numbers, the labels of the text one after the other; a
number that is no label's fills up the row. A classifier whose labels are texts gives `scores`.

The alphabet of a model is its labels, a character a line; `<space>` stands for a space, which a file of
labels cannot hold.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

import numpy as np

from edge_vision.adapters.layout import (
    Adapter,
    Layout,
    Meanings,
    NoDecoding,
    Outputs,
    holds_whole_numbers,
    only,
)
from edge_vision.adapters.values import class_labels, class_probabilities, told_activation
from edge_vision.contracts.model import ModelBundle
from edge_vision.contracts.tensors import TensorSpec
from edge_vision.data.errors import ModelError

_SPACES = ("<space>", "[space]")


@dataclass(frozen=True, slots=True)
class ReadText:
    """What a model reads.

    text   the text, empty where it reads nothing
    score  the probability of that text, 0 to 1
    """

    text: str
    score: float


def alphabet_of(labels: Sequence[str]) -> tuple[str, ...]:
    """What each label adds to a text."""
    return tuple(" " if label.lower() in _SPACES else label for label in labels)


def labels_of(bundle: ModelBundle) -> tuple[str, ...]:
    """The labels of a model that reads; raises ModelError where it has none."""
    if not bundle.labels:
        raise ModelError(
            f"{bundle.name}: reads, but which of its classes is which character is not known; give it a "
            "labels.txt with one a line, in the order of the classes (<space> for a space)"
        )
    return bundle.labels


def _recognise_whole(bundle: ModelBundle) -> Meanings | None:
    """One score a text, where it is declared that the model reads."""
    output = _only_row(bundle)
    return None if output is None or holds_whole_numbers(output) else {output.name: "scores"}


def _recognise_characters(bundle: ModelBundle) -> Meanings | None:
    """The text itself as numbers, where it is declared that the model reads."""
    output = _only_row(bundle)
    return {output.name: "characters"} if output is not None and holds_whole_numbers(output) else None


def _only_row(bundle: ModelBundle) -> TensorSpec | None:
    """The one output of a model that is declared to read, where it is a single row."""
    output = only(bundle)
    if output is None or bundle.task != "read":
        return None
    return output if sum(side != 1 for side in output.shape) == 1 else None


def _whole_adapter(bundle: ModelBundle, _options: NoDecoding) -> Adapter[ReadText]:
    """Reads the best label, as a text."""
    spec = bundle.output("scores")
    labels = class_labels(labels_of(bundle), prod(spec.shape), bundle.name)
    marks = alphabet_of(labels)
    activation = told_activation(bundle.facts.producer(spec.name), "softmax")

    def read(outputs: Outputs) -> ReadText:
        score = class_probabilities(spec, outputs[spec.name], activation)
        best = int(score.argmax())
        return ReadText(marks[best], float(score[best]))

    return Adapter(read, labels)


def _characters_adapter(bundle: ModelBundle, _options: NoDecoding) -> Adapter[ReadText]:
    """Reads the labels of the numbers. Such a model gives no score; its texts have the score 1."""
    spec, labels = bundle.output("characters"), labels_of(bundle)
    if not np.issubdtype(np.dtype(spec.dtype), np.integer):
        raise ModelError(f"{bundle.name}: the output {spec} does not hold whole numbers")
    marks = alphabet_of(labels)

    def read(outputs: Outputs) -> ReadText:
        numbers: list[int] = outputs[spec.name].reshape(-1).tolist()
        return ReadText("".join(marks[n] for n in numbers if 0 <= n < len(marks)), 1.0)

    return Adapter(read, labels)


CLASSES_AS_TEXT = Layout(
    name="classes-as-text",
    task="read",
    says="one score a text: the best label is what is read; only where task = read is declared",
    reading=ReadText,
    meanings=("scores",),
    recognise=_recognise_whole,
    adapter=_whole_adapter,
)
CHARACTERS = Layout(
    name="characters",
    task="read",
    says="the text itself, as numbers of labels; only where task = read is declared",
    reading=ReadText,
    meanings=("characters",),
    recognise=_recognise_characters,
    adapter=_characters_adapter,
)
