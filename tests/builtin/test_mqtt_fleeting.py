"""Fleeting messages: what takes room, and when the one who sends them is to be woken."""

from __future__ import annotations

from edge_vision.builtin.mqtt.fleeting import GATHER, Fleeting
from edge_vision.builtin.mqtt.message import Message


def message(size: int = 1) -> Message:
    return Message("topic", b"x" * size, "results")


def taken(queue: Fleeting) -> Message:
    found = queue.take()
    assert found is not None
    return found


def test_what_was_taken_out_takes_room_until_it_has_left() -> None:
    queue = Fleeting(2, 100_000)
    for _ in range(2):
        queue.put(message(), patient=False)
    assert not queue.has_room(1)
    first, _ = taken(queue), taken(queue)
    assert queue.take() is None
    assert not queue.has_room(1)
    queue.left(first)
    assert queue.has_room(1)


def test_what_was_on_its_way_when_the_connection_went_takes_no_room() -> None:
    queue = Fleeting(100, 10_000)
    for _ in range(2):
        queue.put(message(4_000), patient=False)
    taken(queue)
    assert not queue.has_room(4_000)
    queue.lose_taken()
    assert queue.has_room(4_000)
    assert queue.drop() == 1
    assert len(queue) == 0
    assert queue.has_room(9_000)


def test_of_a_stream_of_patient_messages_only_the_first_wakes() -> None:
    queue = Fleeting(100, 100_000)
    assert queue.put(message(), patient=True)
    assert queue.rest(1.0) == GATHER, "more may come"
    assert not queue.put(message(), patient=True)
    assert not queue.put(message(), patient=True)
    assert queue.rest(1.0) == GATHER
    assert queue.rest(1.0) == 1.0, "none came"
    assert queue.put(message(), patient=True)


def test_who_is_waited_for_live_and_a_queue_that_fills_wake_at_once() -> None:
    queue = Fleeting(10, 100_000)
    queue.put(message(), patient=True)
    queue.rest(1.0)
    assert queue.put(message(), patient=False)
    assert [queue.put(message(), patient=True) for _ in range(4)] == [False, False, False, True]
