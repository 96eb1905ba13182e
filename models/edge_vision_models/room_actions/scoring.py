"""Scoring: how well actions are told in whole videos, with and without the frames near a change."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from edge_vision.adapters.classification import ClassScores
from edge_vision.adapters.runner import Runner
from edge_vision.contracts.model import Model
from edge_vision.data.view import View
from edge_vision.data.warp import Warp, reference_warp
from edge_vision.training.data.collection import Collection, Item
from edge_vision.training.evaluation.actions import frame_score, judged, label_at
from edge_vision.training.evaluation.classification import in_order_of
from edge_vision.training.exam import Exam
from edge_vision.training.score import Score
from edge_vision_models.room_actions.features import Take
from edge_vision_models.room_actions.sight import RATE
from edge_vision_models.room_actions.videos import away

AWAY = "macro_f1_away_from_changes"
"""The figure in which frames within 0.4 s of a change do not count."""


@dataclass(frozen=True, slots=True, eq=False)
class ActionsExam(Exam):
    """An exam of videos: the frames that are judged, and the segments that they are of.

    segments  of all its videos
    """

    segments: Collection = field(default_factory=lambda: Collection(()))


class _Said(NamedTuple):
    """What was said of one frame: of which video, at which second of it."""

    take: int
    seconds: float
    answer: ClassScores


def score_of_model(model: Model, segments: Collection, warp: Warp = reference_warp) -> Score:
    """How well any model tells actions, asked as the daemon asks it."""
    runner = Runner(model, ClassScores)
    said: list[_Said] = []

    def look(view: View) -> ClassScores:
        answer = runner(runner.view(view))
        said.append(_Said(view.frame.take, view.frame.monotonic, answer))
        return answer

    score = judged(look, segments, RATE, warp)
    return _with_inside(score, _inside(said, segments))


def _inside(said: Sequence[_Said], segments: Collection) -> Score:
    """The score of the frames that are not near a change."""
    videos: dict[Path, list[Item]] = {}
    for item in away(segments).items:
        videos.setdefault(item.file, []).append(item)
    shrunken = list(videos.values())
    labels = [label_at(shrunken[each.take], each.seconds) for each in said]
    table = np.stack([each.answer.score for each in said])
    told = np.array([-1 if label is None else label for label in labels], np.int64)
    kept = told >= 0
    ordered, names = in_order_of(
        table[kept], said[0].answer.labels, segments.labels, np.unique(told[kept])
    )
    return frame_score(ordered, told[kept], names)


def score_of_network(
    network: Any, takes: Sequence[Take], names: Sequence[str], inside: Sequence[NDArray[np.int64]]
) -> Score:
    """How well a network tells the actions of videos by their features, from their beginnings on.

    inside  of each video the labels (n,) without the frames near a change
    """
    longest = max(len(take.labels) for take in takes)
    filled = [np.pad(take.features, [(0, longest - len(take.labels)), (0, 0)]) for take in takes]
    logits = np.asarray(network({"features": np.stack(filled)})["scores"])
    said = np.concatenate([each[: len(take.labels)] for each, take in zip(logits, takes, strict=True)])
    all_labels = np.concatenate([take.labels for take in takes])
    scores = [_of(said, labels, names) for labels in (all_labels, np.concatenate(inside))]
    return _with_inside(*scores)


def _of(logits: NDArray[np.floating], labels: NDArray[np.int64], names: Sequence[str]) -> Score:
    told = labels >= 0
    shares = np.exp(logits[told] - logits[told].max(axis=1, keepdims=True))
    return frame_score(shares / shares.sum(axis=1, keepdims=True), labels[told], names)


def _with_inside(score: Score, inside: Score) -> Score:
    values = dict(score.values)
    first = {"macro_f1": values.pop("macro_f1"), AWAY: inside.values["macro_f1"]}
    return replace(score, values={**first, **values})
