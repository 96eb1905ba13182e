"""Assignment: which row goes with which column, so that the sum of their costs is the least there is."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Costs = NDArray[np.float64]
Pairs = list[tuple[int, int]]


def assign(costs: Costs, limit: float) -> Pairs:
    """The pairs (row, column) of least total cost, each row and column in one at most, sorted by row.

    costs  (n, m), finite or inf; a pair that costs `limit` or more is none
    limit  what a row that goes with no column costs
    """
    pairable = costs < limit
    rows, columns = (np.flatnonzero(pairable.any(axis=axis)) for axis in (1, 0))
    if not len(rows):
        return []
    worth = np.minimum(costs[np.ix_(rows, columns)], limit)
    best = _quick(worth)
    if best is None:
        turned = len(rows) > len(columns)
        found = _shortest_paths(worth.T if turned else worth)
        best = sorted((column, row) for row, column in found) if turned else found
    every = ((int(rows[row]), int(columns[column])) for row, column in best)
    return [(row, column) for row, column in every if pairable[row, column]]


def _quick(costs: Costs) -> Pairs | None:
    """Each row with its cheapest column; None where two rows want the same."""
    cheapest = costs.argmin(axis=1).tolist()
    return list(enumerate(cheapest)) if len(set(cheapest)) == len(cheapest) else None


def _shortest_paths(costs: Costs) -> Pairs:
    """The exact answer for no more rows than columns, all costs finite.

    Row by row, along the shortest augmenting path (Crouse, "On implementing 2D rectangular assignment
    algorithms", IEEE Transactions on Aerospace and Electronic Systems 52, 2016, algorithm 1).
    """
    count, width = costs.shape
    of_rows, of_columns = np.zeros(count), np.zeros(width)
    column_of, row_of = np.full(count, -1), np.full(width, -1)
    for first in range(count):
        shortest, before = np.full(width, np.inf), np.full(width, -1)
        open_columns, seen_rows = np.ones(width, dtype=bool), []
        row, reached, end = first, 0.0, -1
        while end < 0:
            seen_rows.append(row)
            through = reached + costs[row] - of_rows[row] - of_columns
            shorter = open_columns & (through < shortest)
            shortest[shorter], before[shorter] = through[shorter], row
            column = int(np.where(open_columns, shortest, np.inf).argmin())
            reached = shortest[column]
            open_columns[column] = False
            end = column if row_of[column] < 0 else -1
            row = row_of[column]
        of_rows[first] += reached
        for seen in seen_rows[1:]:
            of_rows[seen] += reached - shortest[column_of[seen]]
        closed = ~open_columns
        of_columns[closed] -= reached - shortest[closed]
        while True:
            row = before[end]
            row_of[end] = row
            column_of[row], end = end, column_of[row]
            if row == first:
                break
    return list(enumerate(column_of.tolist()))
