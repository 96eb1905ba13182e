"""The load of the workers, as statistics tell it."""

from __future__ import annotations

import pytest

from edge_vision.service.load import WINDOW, Load


def test_it_is_the_share_of_all_workers_over_the_last_seconds() -> None:
    load = Load()
    for second in range(60):
        busy = max(0, second - 30) * 1.0  # nothing, and from 30 s on one worker all the time
        load.look(float(second), {"porch": busy, "yard": 0.5 * second})
    assert load.by_camera(workers=2) == pytest.approx({"porch": 0.5, "yard": 0.25})


def test_what_is_long_ago_does_not_count() -> None:
    load = Load()
    for second in range(40):
        load.look(float(second), {"porch": min(second, 10) * 1.0})
    assert load.by_camera(1) == {"porch": 0.0}
    assert WINDOW < 29


def test_a_camera_that_was_rebuilt_counts_anew_and_nothing_is_known_at_first() -> None:
    load = Load()
    assert load.by_camera(1) == {}
    load.look(1.0, {"porch": 100.0})
    assert load.by_camera(1) == {}
    load.look(3.0, {"porch": 0.5, "new": 1.0})
    assert load.by_camera(1) == pytest.approx({"porch": 0.0, "new": 0.5})
