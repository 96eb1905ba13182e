"""Classification: one score a class, probabilities or logits, with or without a background class."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from edge_vision.adapters.layout import Adapter, Layout, Meanings, Outputs, only
from edge_vision.adapters.values import (
    Activation,
    box_scores,
    class_labels,
    scores_reader,
    told_activation,
)
from edge_vision.contracts.model import ModelBundle
from edge_vision.contracts.options import Options, option
from edge_vision.contracts.tensors import TensorSpec
from edge_vision.data.errors import ModelError

IMAGENET = (1000, 1001)
"""So many classes ImageNet has, without and with a background: nobody embeds in so many values."""


@dataclass(frozen=True, slots=True)
class ClassScores:
    """What a whole image, or a sequence, is.

    score   (n,) float32, 0 to 1, one a class
    labels  n names of the classes, their numbers where they have none
    """

    score: NDArray[np.float32]
    labels: tuple[str, ...]

    def best(self, most: int, min_score: float = 0.0) -> tuple[tuple[str, float], ...]:
        """At most so many (label, score) rows, best first, those of lower score left out."""
        score = self.score
        if most < len(score):
            # Sorting a thousand to name five takes twice as long as finding the five first.
            sorted_around = score.copy()
            sorted_around.partition(-most)
            rows = (score >= sorted_around[-most]).nonzero()[0]
        else:
            rows = np.arange(len(score))
        named = sorted(zip(score[rows].tolist(), rows.tolist(), strict=True), key=_score, reverse=True)
        return tuple([(self.labels[row], value) for value, row in named[:most] if value >= min_score])


def _score(named: tuple[float, int]) -> float:
    return named[0]


class ScoresDecoding(Options):
    """[decoding] of a classifier."""

    activation: Literal["auto", "softmax", "sigmoid", "none"] = option(
        "auto",
        "What turns its values into scores: softmax where one class excludes the others, sigmoid where "
        "several may be, none where they are scores; auto: told from the graph, else from the values.",
    )
    background: Literal["auto"] | bool = option(
        "auto",
        "Whether its first class is the background; auto: where it has 1001 classes and 1000 labels.",
    )


def could_be_classes(bundle: ModelBundle, count: int) -> bool:
    """True where so many values are the classes of a model beyond doubt, whatever their shape."""
    labels = len(bundle.labels)
    return (
        bundle.task == "classify"
        or bundle.layout == "scores"
        or count in IMAGENET
        or (labels > 0 and abs(labels - count) <= 1)
    )


def _recognise(bundle: ModelBundle) -> Meanings | None:
    """One row of at least two scores, or the single score of a classifier of two classes."""
    output = only(bundle)
    if output is None or not output.shape or any(side != 1 for side in output.shape[:-1]):
        return None
    if output.quantisation is None and output.dtype in ("int32", "int64"):
        return None  # numbers of classes, not their scores
    count = output.shape[-1]
    scored = bundle.facts.producer(output.name) in ("SOFTMAX", "LOGISTIC")
    surely = could_be_classes(bundle, count)
    if count == 1:
        fits = len(output.shape) == 2 and (scored or surely)
    else:
        fits = len(output.shape) == 2 or scored or surely
    return {output.name: "scores"} if fits else None


def _adapter(bundle: ModelBundle, options: ScoresDecoding) -> Adapter[ClassScores]:
    """Reads one score a class."""
    spec = bundle.output("scores")
    if spec.dtype == "bool":
        raise ModelError(
            f"{bundle.name}: the output {spec} is of truth values, not of scores; convert it without "
            "the comparison at its end"
        )
    count = int(np.prod(spec.shape))
    chosen = None if options.activation == "auto" else options.activation
    producer = bundle.facts.producer(spec.name)
    if count == 1:
        return _single(bundle, spec, chosen or told_activation(producer, "sigmoid"))
    activation = chosen or told_activation(producer, "softmax")
    background = None if options.background == "auto" else options.background
    labels = class_labels(bundle.labels, count, bundle.name, background)

    scores = scores_reader(spec, activation, producer)
    name = spec.name

    def read(outputs: Outputs) -> ClassScores:
        return ClassScores(scores(outputs[name]), labels)

    return Adapter(read, labels)


def _single(
    bundle: ModelBundle, spec: TensorSpec, activation: Activation | None
) -> Adapter[ClassScores]:
    """Reads a single score: of the second of two classes, or of the one that has a label."""
    if activation == "softmax":
        raise ModelError(
            f"{bundle.name}: bundle.toml: decoding.activation: "
            'the softmax of a single score is always 1; write "sigmoid", or "none" for a score'
        )
    if len(bundle.labels) > 2:
        raise ModelError(
            f"{bundle.name}: has a single score, for 2 classes, but {len(bundle.labels)} labels"
        )
    labels = bundle.labels or ("0", "1")

    def read(outputs: Outputs) -> ClassScores:
        score = box_scores(spec, outputs[spec.name], activation).reshape(1)
        both = score if len(labels) == 1 else np.concatenate([1.0 - score, score])
        return ClassScores(both, labels)

    return Adapter(read, labels)


SCORES = Layout(
    name="scores",
    task="classify",
    says="one score a class",
    reading=ClassScores,
    meanings=("scores",),
    recognise=_recognise,
    adapter=_adapter,
    options=ScoresDecoding,
)
