"""An exam: what models are judged on, and what is told of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from edge_vision.training.evaluation.sights import Source


@dataclass(frozen=True, slots=True, eq=False)
class Exam:
    """Data that a model did not learn from.

    source  files, looked at in their own sizes, or pictures of one size
    labels  names of the classes; empty where there are none
    truths  for people, what each example really is; empty where that is not told in a word
    """

    source: Source
    labels: tuple[str, ...] = ()
    truths: Sequence[str] = ()
