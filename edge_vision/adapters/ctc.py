"""CTC: which text a recogniser means by what it says at each step.

Connectionist temporal classification lets a model say one class a step, or the blank. A text is read
from such a path by merging what is repeated, then leaving out the blanks, so many paths say the same
text, and the probability of a text is the sum over its paths (Graves et al., "Connectionist Temporal
Classification", ICML 2006).

Here `steps` are probabilities, (steps, classes) float64, each row with the sum 1; `blank` is the class
that says nothing; a text is a tuple of classes without blanks.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import exp, inf, log
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Steps: TypeAlias = NDArray[np.float64]
Codes: TypeAlias = tuple[int, ...]


def decode(steps: Steps, blank: int, beam: int = 1) -> tuple[Codes, float]:
    """The text that steps say and its probability, 0 to 1.

    beam  how many beginnings of texts are followed; 1 takes the best class of each step

    Gives never a text of lower probability than that of the best classes.
    """
    codes = greedy(steps, blank)
    found = log_probability(steps, codes, blank)
    if beam > 1:
        other = beam_search(steps, blank, beam)
        better = log_probability(steps, other, blank)
        if better > found:
            codes, found = other, better
    return codes, min(1.0, exp(found))


def greedy(steps: Steps, blank: int) -> Codes:
    """The text of the best path: the best class of each step (Graves et al. 2006, section 3.2)."""
    best = steps.argmax(axis=1)
    begins = np.flatnonzero(np.diff(best, prepend=-1))
    return tuple(code for code in best[begins].tolist() if code != blank)


def log_probability(steps: Steps, codes: Codes, blank: int) -> float:
    """The logarithm of a text's probability over all its paths; -inf where it cannot be said.

    The forward algorithm of Graves et al. 2006, section 4.1, over the text with a blank before, between
    and after its classes. Each step is scaled to the sum 1 so that nothing underflows.
    """
    spread = np.full(2 * len(codes) + 1, blank)
    spread[1::2] = codes
    # A blank may be passed over, but not between two equal classes: they would merge.
    may_skip = np.zeros(len(spread))
    may_skip[3::2] = spread[3::2] != spread[1:-2:2]
    padded = np.zeros(len(spread) + 2)  # two places in front, so that every place has two before it
    padded[2] = 1.0
    total = 0.0
    for said in steps[:, spread]:
        padded[2:] = (padded[2:] + padded[1:-1] + may_skip * padded[:-2]) * said
        amount = float(padded[2:].sum())
        if amount <= 0.0:
            return -inf
        padded /= amount
        total += log(amount)
    ends = float(padded[-2:].sum())
    return total + log(ends) if ends > 0.0 else -inf


def beam_search(steps: Steps, blank: int, width: int) -> Codes:
    """The most probable text among `width` beginnings that are followed through the steps.

    Prefix beam search without a language model: Hannun et al., "First-Pass Large Vocabulary Continuous
    Speech Recognition using Bi-Directional Recurrent DNNs", 2014, algorithm 1. With a width that drops
    no beginning it is exact.
    """
    beginnings: Sequence[Codes] = [()]
    ends = np.array([[1.0], [0.0]])
    for said in steps:
        beginnings, ends = _followed(beginnings, ends, said, blank, width)
    return beginnings[int(ends.sum(axis=0).argmax())]


def _followed(
    beginnings: Sequence[Codes], ends: Steps, said: NDArray[np.float64], blank: int, width: int
) -> tuple[Sequence[Codes], Steps]:
    """The best beginnings after one more step.

    ends  (2, n): the probability of each beginning where its last step said the blank, and where it
          said the beginning's last class; scaled to the sum 1
    """
    after_blank, after_class = ends
    total = after_blank + after_class
    rows = np.arange(len(beginnings))
    last = np.array([codes[-1] if codes else blank for codes in beginnings])
    # One class longer. The same class again makes it longer only where a blank lies between.
    longer = np.outer(total, said)
    longer[rows, last] = after_blank * said[last]
    longer[:, blank] = 0.0
    by_blank = total * said[blank]
    by_class = after_class * said[last]
    places = {codes: row for row, codes in enumerate(beginnings)}
    for codes, row in places.items():
        shorter = places.get(codes[:-1]) if codes else None
        if shorter is not None:  # what is a class longer than one is another that is followed already
            by_class[row] += longer[shorter, codes[-1]]
            longer[shorter, codes[-1]] = 0.0

    amounts = np.concatenate([by_blank + by_class, longer.ravel()])
    best = (
        np.argpartition(-amounts, width - 1)[:width] if len(amounts) > width else np.arange(len(amounts))
    )
    best = best[amounts[best] > 0.0]
    kept, grown = best[best < len(rows)], best[best >= len(rows)] - len(rows)
    parents, codes_added = np.divmod(grown, len(said))
    followed = [beginnings[row] for row in kept]
    followed += [
        (*beginnings[p], c) for p, c in zip(parents.tolist(), codes_added.tolist(), strict=True)
    ]
    after = np.zeros((2, len(followed)))
    after[0, : len(kept)] = by_blank[kept]
    after[1, : len(kept)] = by_class[kept]
    after[1, len(kept) :] = longer[parents, codes_added]
    return followed, after / after.sum()
