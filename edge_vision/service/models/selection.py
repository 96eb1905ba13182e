"""Selection: the golden cases of a model, those it answers surely and differently."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import NamedTuple

from edge_vision.contracts.model import Model, ModelBundle
from edge_vision.service.models.golden import Case, made_case
from edge_vision.service.models.stimuli import USUAL, Stimulus
from edge_vision.service.models.tolerance import LEAST_SHARE, Tolerance, tolerances
from edge_vision.service.models.verification import (
    CLEARLY,
    Run,
    answered,
    apart,
    measured,
    proves_little,
    tried,
)

SHAKES = 3
"""So many times each case is run with its pixels changed a little."""
SURELY = 8.0
"""Cases so far apart, in what rounding moves them by, are good enough: no others are tried."""


LEAST_EQUAL = 0.95
"""Of numbers that count, such as a map of classes, this share has to be the same at least."""


class Selection(NamedTuple):
    """The cases of a bundle, how far outputs may be from them, and whether they prove little."""

    cases: tuple[Case, ...]
    allowed: Mapping[str, Tolerance]
    proves_little: bool


@dataclass(frozen=True, eq=False)
class _Candidate:
    """A case, and its runs."""

    case: Case
    runs: tuple[Run, ...]


def all_of(model: Model, stimuli: Iterable[Stimulus]) -> Selection:
    """A case of each stimulus."""
    return _selection(model.bundle, [_candidate(model, stimulus) for stimulus in stimuli])


def best_of(model: Model, stimuli: Iterable[Stimulus]) -> Selection:
    """Cases of those stimuli that a model answers surely and differently.

    Stimuli are tried until enough of them do, so few are where a model is sure of the first.
    """
    search = _Search(model.bundle)
    for stimulus in stimuli:
        search.add(_candidate(model, stimulus))
        if search.is_done:
            break
    return _selection(model.bundle, search.chosen)


def _candidate(model: Model, stimulus: Stimulus) -> _Candidate:
    case = made_case(model, stimulus)
    return _Candidate(case, tried(model, [case], SHAKES))


class _Search:
    """Finds the candidates that are furthest apart, in what rounding moves them by.

    chosen   the best of those that were added
    is_done  True where they are good enough
    """

    def __init__(self, bundle: ModelBundle) -> None:
        self._bundle = bundle
        self._steady: list[_Candidate] = []
        self._others: list[_Candidate] = []
        self._usual: Mapping[str, Tolerance] = {}
        self._ways: dict[tuple[str, str], float] = {}
        self.chosen: Sequence[_Candidate] = ()
        self.is_done = False

    def add(self, candidate: _Candidate) -> None:
        """Take one more into account."""
        known = [*self._steady, *self._others]
        if len(known) < USUAL:  # what is usual is told by the first, so that distances stay comparable
            known.append(candidate)
            self._usual = tolerances(self._bundle, [each.case for each in known])
            self._ways.clear()
        (self._steady if self._is_steady(candidate) else self._others).append(candidate)
        if len(known) >= USUAL:
            self._choose()

    def _is_steady(self, candidate: _Candidate) -> bool:
        """True where a little change of the pixels leaves most values where they are."""
        allowed = measured(candidate.runs, self._bundle, self._usual)
        return all(
            each.share >= (LEAST_SHARE if each.within else LEAST_EQUAL) or not each.share
            for each in answered(self._bundle, allowed).values()
        )

    def _choose(self) -> None:
        """Choose among the steady ones, or among all where too few of those are clearly apart."""
        picked, least = self._furthest(self._steady)
        surely = least >= SURELY
        if least < CLEARLY:
            others, further = self._furthest([*self._steady, *self._others])
            picked = others if further > least or len(picked) < USUAL else picked
        self.chosen = picked
        self.is_done = surely and not _selection(self._bundle, picked).proves_little

    def _furthest(self, among: Sequence[_Candidate]) -> tuple[Sequence[_Candidate], float]:
        """As many as are wanted, the furthest apart, and how far the nearest two of them are.

        Found one by one: the two that are furthest apart, then what is furthest from all chosen.
        """
        if len(among) < USUAL:
            return among, 0.0
        _, first, second = max(
            ((self._apart(*pair), *pair) for pair in combinations(among, 2)), key=lambda way: way[0]
        )
        picked = [first, second]
        while len(picked) < USUAL:
            rest = [each for each in among if each not in picked]
            picked.append(max(rest, key=lambda each: min(self._apart(each, one) for one in picked)))
        least = min(self._apart(*pair) for pair in combinations(picked, 2))
        return [each for each in among if each in picked], least

    def _apart(self, one: _Candidate, other: _Candidate) -> float:
        low, high = sorted((one, other), key=lambda each: each.case.name)
        key = (low.case.name, high.case.name)
        if key not in self._ways:
            allowed = measured([*low.runs, *high.runs], self._bundle, self._usual)
            pairs = zip(low.runs, high.runs, strict=True)
            self._ways[key] = min(apart(self._bundle, *pair, allowed) for pair in pairs)
        return self._ways[key]


def _selection(bundle: ModelBundle, chosen: Sequence[_Candidate]) -> Selection:
    cases, runs = tuple(each.case for each in chosen), [run for each in chosen for run in each.runs]
    allowed = measured(runs, bundle, tolerances(bundle, cases))
    steps = len(cases) == 1  # a single case of several steps has only those to tell apart
    firsts = runs if steps else [each.runs[0] for each in chosen]
    return Selection(cases, allowed, proves_little(bundle, firsts, allowed))
