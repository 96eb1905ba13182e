"""Assignment: the exact answer, compared with all answers there are."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
from edge_vision_tracking.assignment import Costs, assign
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays


def least(costs: Costs, limit: float) -> float:
    """The least total there is, tried one by one; a row without a column costs the limit."""
    turned = costs if costs.shape[0] <= costs.shape[1] else costs.T
    rows, columns = turned.shape
    sides = [
        np.minimum(turned, limit)[range(rows), chosen] for chosen in permutations(range(columns), rows)
    ]
    return min(float(each.sum()) for each in sides) if rows else 0.0


def total(costs: Costs, pairs: list[tuple[int, int]], limit: float) -> float:
    missing = int(min(costs.shape)) - len(pairs)
    return sum(float(costs[pair]) for pair in pairs) + limit * missing


shapes = st.tuples(st.integers(1, 5), st.integers(1, 5))
values = st.one_of(st.floats(0, 2), st.just(np.inf), st.sampled_from([0.0, 0.5, 1.0]))


@settings(max_examples=300, deadline=None)
@given(arrays(np.float64, shapes, elements=values), st.sampled_from([0.5, 1.0, 3.0]))
def test_no_answer_costs_less(costs: Costs, limit: float) -> None:
    pairs = assign(costs, limit)
    rows, columns = [row for row, _ in pairs], [column for _, column in pairs]
    assert rows == sorted(set(rows))
    assert len(set(columns)) == len(columns)
    assert all(costs[pair] < limit for pair in pairs)
    assert total(costs, pairs, limit) == pytest.approx(least(costs, limit))


def test_a_greedy_answer_would_cost_more() -> None:
    costs = np.array([[0.1, 0.2], [0.15, 0.9]])
    assert assign(costs, 1.0) == [(0, 1), (1, 0)]


@pytest.mark.parametrize("shape", [(0, 0), (0, 3), (3, 0)])
def test_of_nothing_there_are_no_pairs(shape: tuple[int, int]) -> None:
    assert assign(np.zeros(shape), 1.0) == []


def test_a_hundred_by_a_hundred_and_twenty_is_no_worse_turned_round() -> None:
    costs = np.random.default_rng(0).uniform(0, 1, (100, 120))
    straight, turned = assign(costs, 2.0), assign(costs.T, 2.0)
    assert len(straight) == len(turned) == 100
    assert total(costs, straight, 2.0) == pytest.approx(total(costs.T, turned, 2.0))
