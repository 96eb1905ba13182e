from __future__ import annotations

import time
from threading import Event, Lock

from edge_vision.engine.workers import Workers
from tests.engine.rig import wait_until


def test_as_many_tasks_run_at_once_as_there_are_workers() -> None:
    workers = Workers(3)
    workers.start()
    gate, lock, now, most = Event(), Lock(), [0], [0]

    def task() -> None:
        with lock:
            now[0] += 1
            most[0] = max(most[0], now[0])
        gate.wait(10)
        with lock:
            now[0] -= 1

    for _ in range(6):
        workers.claim().submit(task)
    wait_until(lambda: most[0] == 3)
    gate.set()
    assert workers.stop(5)
    assert most[0] == 3


def test_a_stuck_worker_gets_a_substitute_and_the_surplus_goes_home() -> None:
    workers = Workers(1, overdue=0.0)
    workers.start()
    hang, started, done = Event(), Event(), Event()

    def stuck() -> None:
        started.set()
        hang.wait(10)

    workers.claim().submit(stuck)
    assert started.wait(5)
    workers.claim().submit(done.set)
    assert not done.is_set()
    workers.check()
    assert done.wait(5)
    assert workers.stuck == 1
    hang.set()
    wait_until(lambda: workers.stuck == 0)
    again = Event()
    workers.claim().submit(again.set)
    assert again.wait(5)
    assert workers.stop(5)


def test_a_task_that_raises_does_not_cost_a_worker() -> None:
    workers = Workers(1)
    workers.start()
    done = Event()

    def fail() -> None:
        raise ZeroDivisionError

    workers.claim().submit(fail)
    workers.claim().submit(done.set)
    assert done.wait(5)
    assert workers.stop(5)


def test_the_number_of_workers_can_change_while_they_work() -> None:
    workers = Workers(1)
    workers.start()
    workers.resize(3)
    both = [Event(), Event(), Event()]
    gate = Event()

    def task(mine: Event) -> None:
        mine.set()
        gate.wait(10)

    for event in both:
        workers.claim().submit(lambda event=event: task(event))  # type: ignore[misc]
    assert all(event.wait(5) for event in both)
    gate.set()
    workers.resize(1)
    last = Event()
    workers.claim().submit(last.set)
    assert last.wait(5)
    assert workers.stop(5)


def test_a_patient_task_wakes_nobody_while_a_busy_worker_is_about_to_be_done() -> None:
    now = [0.0]
    workers = Workers(2, clock=lambda: now[0])
    workers.start()
    claim = workers.claim()

    def quick() -> None:
        now[0] += 0.004

    claim.submit(quick)
    wait_until(lambda: claim.busy == 0.004 and workers.free == 2)  # its next is taken to be as quick
    time.sleep(0.05)  # for both to fall asleep
    gate, started, taken = Event(), Event(), Event()

    def hold() -> None:
        started.set()
        gate.wait(10)

    claim.submit(hold)
    assert started.wait(5)
    claim.submit(taken.set, patience=0.001)
    assert not taken.wait(0.1)
    workers.check()
    assert taken.wait(5), "what is left waiting is seen to"
    for impatient in (0.0, 0.0001):
        again = Event()
        claim.submit(again.set, patience=impatient)
        assert again.wait(5)
    late = Event()
    claim.submit(late.set, patience=0.001)
    claim.remind(0.001)
    assert not late.wait(0.05)
    now[0] += 1.0
    claim.remind(0.001)
    assert late.wait(5), "the busy one takes longer than usual"
    gate.set()
    assert workers.stop(5)
