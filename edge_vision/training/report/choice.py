"""The choice of examples that are shown: those that a model gets wrong most, and those it is sure of."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Sequence

import numpy as np

from edge_vision.training.score import Score

MOST = 18


def hardest(score: Score, most: int = MOST) -> list[int]:
    """The rows of the worst mistakes, worst first; those that were right are left out."""
    if score.mistakes is None:
        return []
    order = np.argsort(-score.mistakes, kind="stable")[:most]
    return [row for row in order.tolist() if score.mistakes[row] > 0]


def easiest(score: Score, kinds: Sequence[Hashable] = (), most: int = MOST) -> list[int]:
    """The rows that were right and surest, of each kind in turn, so that all kinds are seen.

    kinds  of each example what it is, such as its class; empty where all are of one kind
    """
    if score.mistakes is None:
        return []
    waiting: defaultdict[Hashable, list[int]] = defaultdict(list)
    for row in np.argsort(score.mistakes, kind="stable").tolist():
        waiting[kinds[row] if len(kinds) else 0].append(row)
    queues = [waiting[kind] for kind in dict.fromkeys(kinds if len(kinds) else (0,))]
    longest = max(map(len, queues), default=0)
    turns = (queue[turn] for turn in range(longest) for queue in queues if turn < len(queue))
    return [row for row in turns if score.mistakes[row] < LEAST_WRONG][:most]


LEAST_WRONG = 0.5
"""From here on a mistake is no good example."""
