"""Commands over MQTT: what is carried out, what is refused, and who is answered."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from edge_vision import Identity
from edge_vision.builtin.mqtt.commands import COMMANDS_WAITING, Command, Commands
from edge_vision.builtin.mqtt.message import Message
from edge_vision.builtin.mqtt.sink import MqttSink
from edge_vision.contracts.sink import StateValue

if TYPE_CHECKING:
    from tests.brokers import Listener, Mosquitto
    from tests.builtin.conftest import Settings
    from tests.conftest import Listen

Until = Callable[[Callable[[], object]], None]
SET = "edge-vision/porch-pi/porch/set"


def ask(listener: Listener, key: str, payload: bytes, answer_on: str = "answers") -> None:
    properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
    properties.ResponseTopic = answer_on
    properties.CorrelationData = key.encode()
    listener.client.publish(f"{SET}/{key}", payload, qos=1, properties=properties)


@pytest.mark.mosquitto
def test_a_command_is_carried_out_and_answered(
    broker: Mosquitto,
    listen: Listen,
    make_sink: Callable[..., MqttSink],
    settings: Settings,
    until: Until,
) -> None:
    heard = listen(broker.port)
    sink = make_sink(broker.port)
    heard.wait("status", payload=b"online")
    answers: list[Any] = []
    ask(heard, "level", b"0.5", "edge-vision/porch-pi-answers")
    ask(heard, "bad", b"1", "edge-vision/porch-pi-answers")
    until(lambda: len(heard.on("edge-vision/porch-pi-answers")) == 2)
    answers = [(h.properties.CorrelationData, h.json) for h in heard.on("edge-vision/porch-pi-answers")]
    assert answers == [
        (b"level", {"ok": True, "value": 0.5}),
        (b"bad", {"ok": False, "error": "bad: not an option that can be changed"}),
    ]
    assert settings.changed == [("porch", "level", "0.5")]
    assert sink.counters()["commands"] == 1
    assert sink.counters()["commands_refused"] == 1


@pytest.mark.mosquitto
@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
def test_retained_long_and_garbled_commands_are_refused(
    broker: Mosquitto,
    listen: Listen,
    make_sink: Callable[..., MqttSink],
    settings: Settings,
    until: Until,
    protocol: str,
) -> None:
    heard = listen(broker.port)
    heard.client.publish(f"{SET}/mode", "old", qos=1, retain=True).wait_for_publish(10)
    sink = make_sink(broker.port, protocol=protocol)
    until(lambda: sink.counters()["commands_refused"] == 1)
    heard.client.publish(f"{SET}/mode", b"x" * 4097, qos=1)
    heard.client.publish(f"{SET}/mode", b"\xff\xfe", qos=1)
    heard.client.publish(f"{SET}/mode", b"x" * 4096, qos=1)
    until(lambda: settings.changed)
    assert settings.changed == [("porch", "mode", "x" * 4096)]
    assert sink.counters()["commands_refused"] == 3


@pytest.mark.mosquitto
def test_a_slow_change_does_not_hold_up_the_connection(
    broker: Mosquitto, listen: Listen, make_sink: Callable[..., MqttSink], settings: Settings
) -> None:
    release = threading.Event()
    plain = settings.change

    def slow(camera: str, key: str, text: str) -> StateValue:
        value = plain(camera, key, text)
        release.wait(10)
        return value

    settings.change = slow  # type: ignore[method-assign]
    heard = listen(broker.port)
    sink = make_sink(broker.port)
    heard.wait("status", payload=b"online")
    heard.client.publish(f"{SET}/mode", "blur", qos=1)
    assert settings.entered.wait(10)
    sink.state("porch", "level", 3)
    heard.wait("porch/state/level", payload=b"3")
    release.set()


class Answers:
    """What Commands would publish."""

    def __init__(self, change: Callable[[str, str, str], StateValue]) -> None:
        self.sent: list[Message] = []
        self.commands = Commands(Identity("porch-pi", "boot1"), change, self.sent.append)


@pytest.mark.parametrize(
    "topic",
    [
        "",
        "answers/#",
        "answers/+",
        "$SYS/x",
        "edge-vision/porch-pi/status",
        "edge-vision/porch-pi/a/set/b",
    ],
)
def test_no_answer_goes_where_none_may(topic: str, caplog: pytest.LogCaptureFixture) -> None:
    answers = Answers(lambda *_: True)
    answers.commands.take(Command(f"{SET}/mode", b"1", retained=True, response_topic=topic))
    assert answers.sent == []
    assert answers.commands.counters()["commands_refused"] == 1


def test_more_commands_than_fit_are_refused_and_close_forgets_them() -> None:
    release, entered = threading.Event(), threading.Event()
    carried_out: list[str] = []

    def change(camera: str, key: str, text: str) -> StateValue:
        carried_out.append(text)
        entered.set()
        release.wait(10)
        return text

    answers = Answers(change)
    answers.commands.start()
    answers.commands.take(Command(f"{SET}/mode", b"first"))
    assert entered.wait(10)
    for _ in range(COMMANDS_WAITING + 7):
        answers.commands.take(Command(f"{SET}/mode", b"more"))
    assert answers.commands.counters()["commands_refused"] == 7
    threading.Timer(0.05, release.set).start()
    answers.commands.close()
    assert carried_out == ["first"]


def test_a_bug_behind_a_command_is_logged_and_the_next_is_carried_out(
    until: Until, caplog: pytest.LogCaptureFixture
) -> None:
    def change(camera: str, key: str, text: str) -> StateValue:
        if text == "bug":
            raise RuntimeError("a bug")
        return text

    answers = Answers(change)
    answers.commands.start()
    answers.commands.take(Command(f"{SET}/mode", b"bug", response_topic="answers"))
    answers.commands.take(Command(f"{SET}/mode", b"fine"))
    until(lambda: answers.commands.counters()["commands"] == 1)
    answers.commands.close()
    assert "RuntimeError: a bug" in caplog.text
    assert answers.sent[0].payload == b'{"ok":false,"error":"it failed; the log of the node says why"}'


@pytest.mark.parametrize("topic", ["edge-vision/porch-pi/a/b/set/c", "edge-vision/other/a/set/c", ""])
def test_a_topic_that_is_no_command_is_refused(topic: str, until: Until) -> None:
    answers = Answers(lambda *_: True)
    answers.commands.start()
    answers.commands.take(Command(topic, b"1"))
    until(lambda: answers.commands.counters()["commands_refused"] == 1)
    answers.commands.close()
