from itertools import groupby, product
from math import exp, inf

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_vision.adapters.ctc import Codes, Steps, beam_search, decode, greedy, log_probability


def steps_of(path: list[int], classes: int, sure: float = 0.9) -> Steps:
    """Steps that say a path, each with this probability."""
    steps = np.full((len(path), classes), (1.0 - sure) / (classes - 1))
    steps[np.arange(len(path)), path] = sure
    return steps


def merged(path: tuple[int, ...], blank: int) -> Codes:
    return tuple(code for code, _ in groupby(path) if code != blank)


def brute_force(steps: Steps, blank: int) -> dict[Codes, float]:
    """The probability of every text, as the sum over all paths."""
    texts: dict[Codes, float] = {}
    for path in product(range(steps.shape[1]), repeat=len(steps)):
        text = merged(path, blank)
        texts[text] = texts.get(text, 0.0) + float(np.prod(steps[np.arange(len(steps)), path]))
    return texts


@st.composite
def tiny_cases(draw: st.DrawFn) -> tuple[Steps, int]:
    classes = draw(st.integers(2, 4))
    count = draw(st.integers(1, 5))
    numbers = st.lists(st.integers(0, 20), min_size=classes, max_size=classes).filter(any)
    rows = np.array([draw(numbers) for _ in range(count)], dtype=np.float64)
    return rows / rows.sum(axis=1, keepdims=True), draw(st.sampled_from([0, classes - 1]))


@pytest.mark.parametrize(
    ("path", "blank", "text"),
    [
        ([1, 1, 0, 1, 2, 2], 0, (1, 1, 2)),
        ([1, 1, 1], 0, (1,)),
        ([3, 0, 3, 0, 0, 3, 3, 1], 3, (0, 0, 1)),
        ([0, 0, 0], 0, ()),
        ([2], 0, (2,)),
    ],
)
def test_repeats_are_merged_and_blanks_left_out(path: list[int], blank: int, text: Codes) -> None:
    assert greedy(steps_of(path, 4), blank) == text
    assert decode(steps_of(path, 4), blank)[0] == text
    assert decode(steps_of(path, 4), blank, beam=8)[0] == text


def test_a_text_that_many_paths_say_beats_the_best_path() -> None:
    # Graves et al. 2006, figure 2: the best path is all blanks, and yet "0" is more probable.
    steps = np.array([[0.4, 0.6], [0.4, 0.6]])
    assert greedy(steps, 1) == ()
    plain, plain_probability = decode(steps, 1)
    found, probability = decode(steps, 1, beam=2)
    assert (plain, found) == ((), (0,))
    assert plain_probability == pytest.approx(0.36)
    assert probability == pytest.approx(0.64)


@given(tiny_cases())
def test_probabilities_of_texts_are_sums_over_their_paths(case: tuple[Steps, int]) -> None:
    steps, blank = case
    texts = brute_force(steps, blank)
    assert sum(texts.values()) == pytest.approx(1.0)
    for text, probability in texts.items():
        assert exp(log_probability(steps, text, blank)) == pytest.approx(probability, abs=1e-12)


@given(tiny_cases())
def test_a_beam_that_drops_nothing_finds_the_most_probable_text(case: tuple[Steps, int]) -> None:
    steps, blank = case
    texts = brute_force(steps, blank)
    best = max(texts.values())
    assert texts[beam_search(steps, blank, 5000)] == pytest.approx(best)
    codes, probability = decode(steps, blank, beam=5000)
    assert probability == pytest.approx(best)
    assert texts[codes] == pytest.approx(best)


@given(tiny_cases(), st.integers(1, 6))
def test_a_beam_is_never_worse_than_the_best_path(case: tuple[Steps, int], beam: int) -> None:
    steps, blank = case
    plain, plain_probability = decode(steps, blank)
    found, probability = decode(steps, blank, beam)
    assert probability >= plain_probability
    assert brute_force(steps, blank)[found] == pytest.approx(probability)
    assert plain == greedy(steps, blank)


def test_a_text_that_does_not_fit_into_the_steps_has_no_probability() -> None:
    steps = steps_of([1, 1, 1], 3)
    assert log_probability(steps, (1, 1, 1), 0) == -inf, "two blanks have to lie between"
    assert log_probability(steps, (1, 2, 1, 2), 0) == -inf


def test_long_readings_do_not_underflow() -> None:
    rng = np.random.default_rng(3)
    path = rng.integers(0, 40, 600).tolist()
    steps = steps_of(path, 41, sure=0.3)
    text = merged(tuple(path), 40)
    assert -inf < log_probability(steps, text, 40) < -500
    assert decode(steps, 40)[0] == text
    assert beam_search(steps[:50], 40, 4) == merged(tuple(path[:50]), 40)


def test_a_sure_reading_has_a_score_of_one() -> None:
    assert decode(steps_of([0, 1, 2, 3], 4, sure=1.0), 3, beam=4) == ((0, 1, 2), 1.0)
