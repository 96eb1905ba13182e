"""Backbones: classifiers that also give the vector that their scores are computed from.

One file serves the stages `classify` and `embed`; each reads the output that is for it.
"""

from __future__ import annotations

from dataclasses import replace

from edge_vision.adapters.classification import SCORES, ClassScores, ScoresDecoding
from edge_vision.adapters.embeddings import EMBEDDING, EmbeddingDecoding
from edge_vision.adapters.layout import Layout, Meanings
from edge_vision.contracts.model import ModelBundle

_GIVE_SCORES = ("SOFTMAX", "LOGISTIC")


class BackboneDecoding(ScoresDecoding, EmbeddingDecoding):
    """[decoding] of a classifier with an embedding: what either may be told."""


def _recognise(bundle: ModelBundle) -> Meanings | None:
    """Two outputs: one ends in a softmax or sigmoids, the other by itself would be an embedding."""
    if len(bundle.answers) != 2:
        return None
    scored = [s for s in bundle.answers if bundle.facts.producer(s.name) in _GIVE_SCORES]
    others = [s for s in bundle.answers if s not in scored]
    if len(scored) != 1 or len(others) != 1:
        return None
    scores = SCORES.recognise(replace(bundle, task="", layout="", outputs=(scored[0],)))
    vector = EMBEDDING.recognise(
        replace(bundle, task="", layout="", labels=(), outputs=(others[0],))
    )  # labels are of the scores
    return None if scores is None or vector is None else {**scores, **vector}


SCORES_AND_EMBEDDING = Layout(
    name="scores-and-embedding",
    task="classify",
    says="one score a class, and a vector that stands for the whole picture: for classify and embed",
    reading=ClassScores,
    meanings=("scores", "embedding"),
    recognise=_recognise,
    adapter=SCORES.adapter,
    options=BackboneDecoding,
    also=(EMBEDDING,),
)
