from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from edge_vision.data.result import Result
from edge_vision.engine.turns import Job, Turns
from edge_vision.testing import make_frame, still


def job() -> Job:
    return Job(Result.of(make_frame(still())), 0.0, 0.0)


def test_the_oldest_job_is_always_admitted() -> None:
    turns, first, second = Turns(), job(), job()
    turns.enter(first)
    turns.enter(second)
    assert turns.admit(first)
    assert not turns.admit(second)


def test_a_parked_job_is_handed_out_when_its_turn_comes() -> None:
    turns, first, second = Turns(), job(), job()
    turns.enter(first)
    turns.enter(second)
    assert not turns.admit(second)
    assert turns.passed(first) == [second]
    assert turns.admit(second)


def test_a_job_that_leaves_early_does_not_let_the_next_overtake_an_earlier_one() -> None:
    turns, first, second, third = Turns(), job(), job(), job()
    for each in (first, second, third):
        turns.enter(each)
    assert not turns.admit(third)
    assert turns.left(second) == []
    assert turns.passed(first) == [third]


def test_jobs_that_wait_leave_room_for_as_many_others() -> None:
    turns, first, second, third = Turns(), job(), job(), job()
    for each in (first, second):
        turns.enter(each)
    assert not turns.have_room(2, first=False)
    assert not turns.admit(second)
    assert turns.have_room(2, first=False)
    turns.enter(third)
    assert not turns.admit(third)
    assert turns.have_room(2, first=False)
    assert not turns.have_room(1, first=False), "one worked on is enough for one worker"
    assert not turns.have_room(2, first=True), "it would wait at the first step"
    turns.passed(first)
    for each in (second, third):
        turns.passed(each)
    assert turns.have_room(4, first=True)


@given(st.data())
def test_whatever_the_workers_do_every_job_passes_every_step_in_order(data: st.DataObject) -> None:
    steps, count = 3, 5
    turns = Turns()
    jobs = [job() for _ in range(count)]
    for each in jobs:
        turns.enter(each)
    running = list(jobs)
    seen: dict[int, list[int]] = {step: [] for step in range(steps)}
    while running:
        each = data.draw(st.sampled_from(running))
        running.remove(each)
        if each.step == steps:
            running += turns.left(each)
            continue
        if not turns.admit(each):
            continue
        seen[each.step].append(each.ticket)
        if each.step == 1 and each.ticket % 2:
            running += turns.left(each)
        else:
            running += turns.passed(each)
            running.append(each)
    assert len(turns) == 0
    assert seen[0] == seen[1] == list(range(count))
    assert seen[2] == [0, 2, 4]
