"""What waits for the broker: its bounds, its order and its counts, without a broker."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from edge_vision.builtin.mqtt import outgoing as waiting
from edge_vision.builtin.mqtt.connection import Ending
from edge_vision.builtin.mqtt.link import Pauses, Versions
from edge_vision.builtin.mqtt.message import Message, topic_problem
from edge_vision.builtin.mqtt.outgoing import EVENTS_KEPT, Outgoing

Until = Callable[[Callable[[], object]], None]


def make(limit: int = 3, limit_bytes: int = 100_000) -> Outgoing:
    return Outgoing(limit, limit_bytes, lambda: None)


def fleeting(text: str = "x") -> Message:
    return Message("topic", text.encode(), "results")


def event(number: int) -> Message:
    return Message("events", str(number).encode(), "events", qos=1, keep=True)


def drain(outgoing: Outgoing, window: int = 20) -> list[bytes]:
    """Take and write everything; what is acknowledged stays unacknowledged."""
    taken: list[bytes] = []
    while (message := outgoing.take(window)) is not None:
        outgoing.written(len(taken) + 1 if message.qos else None)
        taken.append(message.payload)
    return taken


def test_beyond_its_limits_the_newest_is_dropped_and_counted() -> None:
    outgoing = make(limit=3)
    outgoing.up()
    for text in "abcde":
        outgoing.put(fleeting(text))
    assert outgoing.counters()["lost"] == 2
    assert drain(outgoing) == [b"a", b"b", b"c"]
    outgoing.put(fleeting("f"))
    assert outgoing.counters()["lost"] == 3, "what is written but not on the wire takes room"
    outgoing.on_the_wire()
    outgoing.put(fleeting("g"))
    assert drain(outgoing) == [b"g"]
    assert outgoing.counters()["sent"] == 3


def test_bytes_are_bounded_but_one_large_message_passes() -> None:
    outgoing = make(limit=100, limit_bytes=1000)
    outgoing.up()
    outgoing.put(fleeting("x" * 5000))
    outgoing.put(fleeting("y"))
    assert outgoing.counters() == {"sent": 0, "lost": 1, "refused": 0, "pending": 1, "reconnects": 0}


def test_who_waits_for_room_goes_on_when_there_is_some(until: Until) -> None:
    outgoing = make(limit=1)
    outgoing.up()
    outgoing.put(fleeting("a"))
    waiting = threading.Thread(target=outgoing.put, args=(fleeting("b"), True))
    waiting.start()
    assert drain(outgoing) == [b"a"]
    outgoing.on_the_wire()
    waiting.join(10)
    assert drain(outgoing) == [b"b"]
    assert outgoing.counters()["lost"] == 0


def test_who_waits_for_room_is_let_go_when_the_connection_is_lost() -> None:
    outgoing = make(limit=1)
    outgoing.up()
    outgoing.put(fleeting("a"))
    waiting = threading.Thread(target=outgoing.put, args=(fleeting("b"), True))
    waiting.start()
    outgoing.down()
    waiting.join(10)
    assert not waiting.is_alive()
    assert outgoing.counters()["lost"] == 2


def test_patience_ends_once_and_comes_back_with_progress(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "PATIENCE", 0.01)
    outgoing = make(limit=1)
    outgoing.up()
    outgoing.put(fleeting("a"))
    outgoing.put(fleeting("b"), wait=True)
    monkeypatch.setattr(waiting, "PATIENCE", 3600.0)
    outgoing.put(fleeting("c"), wait=True)
    assert outgoing.counters()["lost"] == 2
    drain(outgoing)
    outgoing.on_the_wire()
    outgoing.put(fleeting("d"), wait=True)
    assert drain(outgoing) == [b"d"]


def test_events_wait_in_order_and_the_oldest_goes_first() -> None:
    outgoing = make()
    outgoing.down()
    for number in range(EVENTS_KEPT + 5):
        outgoing.keep(event(number))
    assert outgoing.counters()["lost"] == 5
    assert outgoing.counters()["pending"] == EVENTS_KEPT
    outgoing.up()
    assert drain(outgoing, window=3) == [b"5", b"6", b"7"]


def test_unacknowledged_events_are_sent_again_in_order() -> None:
    outgoing = make()
    outgoing.up()
    for number in range(6):
        outgoing.keep(event(number))
    assert drain(outgoing, window=4) == [b"0", b"1", b"2", b"3"]
    outgoing.acknowledged(2, None)
    outgoing.down()
    outgoing.up()
    assert drain(outgoing) == [b"0", b"2", b"3", b"4", b"5"]
    assert outgoing.counters()["lost"] == 0


def test_what_is_retained_goes_out_on_every_connection_newest_only() -> None:
    outgoing = make()
    for value in "12":
        outgoing.retain(Message("state", value.encode(), "state", qos=1, retain=True))
    assert outgoing.pending == 0
    outgoing.up()
    assert drain(outgoing) == [b"2"]
    outgoing.down()
    outgoing.up()
    assert drain(outgoing) == [b"2"]
    assert outgoing.counters()["lost"] == 0
    outgoing.take_back("st")
    assert drain(outgoing) == [b""]
    outgoing.down()
    outgoing.up()
    assert drain(outgoing) == [b""], "it was not acknowledged, so it is taken back again"
    outgoing.acknowledged(1, None)
    outgoing.down()
    outgoing.up()
    assert drain(outgoing) == []


def test_flush_waits_for_the_last_and_not_for_a_broker_that_is_away() -> None:
    outgoing = make()
    assert outgoing.flush(0)
    outgoing.up()
    outgoing.keep(event(1))
    drain(outgoing)
    assert not outgoing.flush(0.01)
    threading.Timer(0.02, outgoing.acknowledged, (1, None)).start()
    assert outgoing.flush(10)
    outgoing.keep(event(2))
    outgoing.down()
    assert not outgoing.flush(3600)


def test_a_refusal_is_counted_and_told_once(caplog: pytest.LogCaptureFixture) -> None:
    outgoing = make()
    outgoing.up()
    for number in range(1, 4):
        outgoing.keep(event(number))
    drain(outgoing)
    for number in range(1, 4):
        outgoing.acknowledged(number, "Quota exceeded")
    assert outgoing.counters()["refused"] == 3
    assert caplog.text.count("Quota exceeded") == 1


def test_auto_tries_5_and_falls_back_for_a_reason() -> None:
    refused = Ending(reached=True, answered=True, unsupported=True)
    dropped, silent = Ending(reached=True), Ending(reached=True, silent=True)
    absent, worked = Ending(), Ending(reached=True, answered=True, up_for=1.0)

    def after(*endings: Ending) -> tuple[str, bool]:
        versions = Versions("auto")
        at_once = [versions.learn(ending) for ending in endings]
        return versions.version, at_once[-1]

    assert after(refused) == ("3.1.1", True)
    assert after(silent) == ("3.1.1", True)
    assert after(dropped) == ("5", False)
    assert after(dropped, dropped) == ("3.1.1", False)
    assert after(dropped, dropped, dropped, dropped) == ("5", False)
    assert after(*[absent] * 9) == ("5", False)
    assert after(refused, worked) == ("5", False)
    only = Versions("5")
    assert [only.learn(refused), only.version] == [False, "5"]


def test_pauses_double_and_start_over_after_a_long_connection() -> None:
    pauses = Pauses(1, 60)
    failed, short, long = Ending(), Ending(up_for=5.0), Ending(up_for=60.0)
    assert [pauses.after(failed) for _ in range(8)] == [1, 2, 4, 8, 16, 32, 60, 60]
    assert pauses.after(short) == 60
    assert [pauses.after(long), pauses.after(short), pauses.after(short)] == [1, 2, 4]
    assert pauses.after(Ending(up_for=500.0, taken_over=True)) == 60


@pytest.mark.parametrize("topic", ["", "a+", "#", "a\0", "\ud800", "x" * 65536])
def test_what_is_no_topic(topic: str) -> None:
    assert topic_problem(topic) is not None
    assert topic_problem("edge-vision/porch-pi/größe") is None
