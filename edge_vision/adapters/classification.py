"""Classification: one score a class, probabilities or logits, with or without a background class."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge_vision.adapters.layout import Adapter, Layout, Meanings, NoDecoding, Outputs, only
from edge_vision.adapters.values import class_labels, class_probabilities
from edge_vision.contracts.model import ModelBundle


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
        order = np.argsort(-self.score, kind="stable")[:most]
        return tuple((self.labels[i], float(self.score[i])) for i in order if self.score[i] >= min_score)


def _recognise(bundle: ModelBundle) -> Meanings | None:
    """One row of at least two scores."""
    output = only(bundle)
    if output is None or len(output.shape) != 2:
        return None
    rows, classes = output.shape
    return {output.name: "scores"} if rows == 1 and classes >= 2 else None


def _adapter(bundle: ModelBundle, _options: NoDecoding) -> Adapter[ClassScores]:
    """Reads probabilities; logits go through a softmax."""
    spec = bundle.output("scores")
    labels = class_labels(bundle.labels, int(np.prod(spec.shape)), bundle.name)

    def read(outputs: Outputs) -> ClassScores:
        return ClassScores(class_probabilities(spec, outputs[spec.name]), labels)

    return Adapter(read, labels)


SCORES = Layout(
    name="scores",
    task="classify",
    says="one score a class",
    reading=ClassScores,
    meanings=("scores",),
    recognise=_recognise,
    adapter=_adapter,
)
