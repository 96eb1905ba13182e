"""Who is next where more is to be done than the workers can: as the weights say."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from threading import Event

import pytest

from edge_vision.engine.shares import Share, Shares
from edge_vision.engine.workers import Workers
from tests.engine.rig import wait_until


def nothing() -> None:
    pass


def served(weights: Mapping[str, float], seconds: Mapping[str, float], total: float) -> dict[str, float]:
    """Seconds that each of some shares has had of one worker, all of them wanting more of it."""
    shares = {name: Share(weight) for name, weight in weights.items()}
    names = {share: name for name, share in shares.items()}
    waiting, had = Shares(), Counter[str]()
    for share in shares.values():
        waiting.put(share, nothing)
    while had.total() < total:
        share, _, charged = waiting.take()
        name = names[share]
        share.settle(seconds[name], charged)
        had[name] += seconds[name]  # type: ignore[assignment] # a Counter adds up what it is given
        waiting.put(share, nothing)
    return dict(had)


@pytest.mark.parametrize(
    ("weights", "seconds"),
    [
        ({"a": 1, "b": 1}, {"a": 0.1, "b": 0.1}),
        ({"a": 1, "b": 1}, {"a": 0.1, "b": 0.004}),
        ({"a": 3, "b": 1}, {"a": 0.02, "b": 0.02}),
        ({"a": 1, "b": 2, "c": 5}, {"a": 0.05, "b": 0.01, "c": 0.03}),
    ],
)
def test_each_has_its_share_of_the_time_whatever_a_task_takes(
    weights: Mapping[str, float], seconds: Mapping[str, float]
) -> None:
    had = served(weights, seconds, 100.0)
    for name, weight in weights.items():
        assert had[name] == pytest.approx(100.0 * weight / sum(weights.values()), abs=0.3)


def test_who_wanted_nothing_for_a_while_saved_nothing_up() -> None:
    waiting, busy, idle = Shares(), Share(), Share()
    waiting.put(busy, nothing)
    for _ in range(100):
        share, _, charged = waiting.take()
        share.settle(1.0, charged)
        waiting.put(busy, nothing)
    for _ in range(10):
        waiting.put(idle, nothing)
    order = []
    for _ in range(10):
        share, _, charged = waiting.take()
        share.settle(1.0, charged)
        order.append(share)
        if share is busy:
            waiting.put(busy, nothing)
    assert order.count(busy) >= 4


def test_who_seldom_wants_something_is_next() -> None:
    waiting, busy, seldom = Shares(), Share(), Share()
    for _ in range(50):
        waiting.put(busy, nothing)
    for _ in range(20):
        share, _, charged = waiting.take()
        share.settle(0.1, charged)
    waiting.put(seldom, nothing)
    first, second = waiting.take()[0], waiting.take()[0]
    assert seldom in (first, second)


def test_tasks_of_one_share_keep_their_order_but_for_the_first() -> None:
    waiting, share, done = Shares(), Share(), list[int]()
    for number in (1, 2, 3):
        waiting.put(share, lambda number=number: done.append(number))  # type: ignore[misc]
    waiting.put(share, lambda: done.append(0), first=True)
    while waiting:
        waiting.take()[1]()
    assert done == [0, 1, 2, 3]


def test_workers_share_their_time_by_weight() -> None:
    now = [0.0]
    workers = Workers(1, clock=lambda: now[0])
    heavy, light = workers.claim(1.0), workers.claim(3.0)
    done, gate, heavy_by_then = Counter[str](), Event(), list[int]()

    def task(name: str, seconds: float) -> None:
        gate.wait(10)
        now[0] += seconds
        done[name] += 1
        if done["light"] == 200:
            heavy_by_then.append(done["heavy"])

    for _ in range(200):
        heavy.submit(lambda: task("heavy", 0.1))
        light.submit(lambda: task("light", 0.01))
    workers.start()
    gate.set()
    wait_until(lambda: done.total() == 400)
    assert heavy_by_then[0] == pytest.approx(200 * 0.01 / 3 / 0.1, abs=2), "a third of light's time"
    wait_until(lambda: heavy.busy == pytest.approx(20.0))
    assert light.busy == pytest.approx(2.0)
    assert workers.stop(5)
