"""The mailbox: what is overwritten, and when who waits for room is woken."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from edge_vision.engine.mailbox import Mailbox

SOON, AT_LAST = 0.05, 10.0


def full(places: int) -> Mailbox[int]:
    mailbox = Mailbox[int](places)
    for item in range(places):
        assert mailbox.wait_for_room(0.0)
        assert mailbox.put(item) is None
    assert not mailbox.wait_for_room(0.0)
    return mailbox


def test_where_there_is_one_place_the_newest_item_wins() -> None:
    mailbox = full(1)
    assert mailbox.put(7) == 0
    assert [mailbox.take(), mailbox.take()] == [7, None]


def test_more_places_are_taken_out_in_order_and_then_the_newest_wins() -> None:
    mailbox = full(3)
    assert mailbox.put(7) == 2
    assert [mailbox.take() for _ in range(4)] == [0, 1, 7, None]
    assert not mailbox


def test_who_filled_it_is_woken_when_a_place_is_free() -> None:
    mailbox = full(3)
    with ThreadPoolExecutor(1) as thread:
        waiting = thread.submit(mailbox.wait_for_room, AT_LAST)
        with pytest.raises(TimeoutError):
            waiting.result(SOON)
        mailbox.take()
        assert waiting.result(AT_LAST)


def test_a_wait_ends_without_room_where_nothing_is_taken() -> None:
    mailbox = full(2)
    assert not mailbox.wait_for_room(SOON)
    mailbox.take()
    assert mailbox.wait_for_room(0.0)


def test_it_may_get_more_places() -> None:
    mailbox = full(2)
    mailbox.places = 3
    assert mailbox.wait_for_room(0.0)
    assert mailbox.put(2) is None
    assert not mailbox.wait_for_room(0.0)
