"""The MQTT sink when the broker is away, dies, is stuck, refuses, or is an old one."""

from __future__ import annotations

import contextlib
import logging
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from edge_vision import Event, Picture, Result
from edge_vision.builtin.mqtt import link, outgoing
from edge_vision.builtin.mqtt import sink as mqtt_sink
from edge_vision.builtin.mqtt.sink import MqttSink

if TYPE_CHECKING:
    from tests.brokers import Mosquitto, Wire
    from tests.builtin.conftest import Certificates
    from tests.conftest import Listen

pytestmark = pytest.mark.mosquitto

Until = Callable[[Callable[[], object]], None]

PASSWORD = "correct horse"


def test_a_broker_that_comes_later_hears_the_state_and_the_events_of_before(
    make_mosquitto: Callable[..., Mosquitto],
    listen: Listen,
    make_sink: Callable[..., MqttSink],
    make_result: Callable[..., Result],
    make_event: Callable[..., Event],
    until: Until,
) -> None:
    broker = make_mosquitto(started=False)
    sink = make_sink(broker.port)
    sink.status("porch", "online")
    sink.state("porch", "level", 2)
    sink.write(make_result(1))
    sink.write(make_result(2), wait=True)
    for number in range(5):
        sink.notify(make_event(number))
    assert not sink.flush(0.1)
    assert sink.counters()["lost"] == 0
    assert sink.counters()["pending"] == 7
    assert sink.protocol_in_use is None

    broker.start()
    until(lambda: sink.connected)
    assert sink.flush(10)
    heard = listen(broker.port)
    heard.wait("status", payload=b"online")
    heard.wait("porch/status", payload=b"online")
    heard.wait("porch/state/level", payload=b"2")
    assert sink.counters()["lost"] == sink.counters()["reconnects"] == 0
    assert sink.counters()["sent"] == 3 + 5 + 2


def test_a_killed_broker_hears_everything_retained_again_when_it_is_back(
    make_mosquitto: Callable[..., Mosquitto],
    listen: Listen,
    make_sink: Callable[..., MqttSink],
    make_result: Callable[..., Result],
    make_event: Callable[..., Event],
    until: Until,
) -> None:
    broker = make_mosquitto()
    sink = make_sink(broker.port)
    sink.status("porch", "online")
    sink.state("porch", "level", 2)
    until(lambda: sink.connected)
    assert sink.flush(10)
    broker.kill()
    until(lambda: not sink.connected)
    sink.write(make_result(1))
    for number in range(1, 4):
        sink.notify(make_event(number))
    assert not sink.flush(10)
    assert sink.counters()["lost"] == 1

    heard = None
    broker.start()
    heard = listen(broker.port)
    heard.wait("status", payload=b"online")
    heard.wait("porch/status", payload=b"online")
    heard.wait("porch/state/level", payload=b"2")
    until(lambda: sink.connected)
    assert sink.flush(10)
    assert sink.counters()["reconnects"] == 1
    assert sink.counters()["pending"] == 0


def test_no_event_is_lost_and_their_order_is_kept_over_a_cut(
    broker: Mosquitto,
    wire: Wire,
    listen: Listen,
    make_sink: Callable[..., MqttSink],
    make_event: Callable[..., Event],
    until: Until,
) -> None:
    heard = listen(broker.port)
    sink = make_sink(wire.port)
    until(lambda: sink.connected)
    assert sink.flush(10)
    broker.signal(signal.SIGSTOP)  # nothing is acknowledged ...
    for number in range(40):
        sink.notify(make_event(number))
    wire.cut()  # ... and some of it was on its way
    until(lambda: not sink.connected)
    assert sink.counters()["pending"] == 40
    broker.signal(signal.SIGCONT)
    until(lambda: sink.counters()["reconnects"] == 1)
    assert sink.flush(10)

    def seen() -> list[int]:  # some of them came twice
        return list(dict.fromkeys(event.json["seq"] for event in heard.wait("porch/events", count=40)))

    until(lambda: len(seen()) == 40)
    assert seen() == list(range(40))
    assert sink.counters()["lost"] == 0


def test_the_broker_says_offline_for_a_daemon_that_was_killed(broker: Mosquitto, listen: Listen) -> None:
    heard = listen(broker.port)
    program = f"""
from pathlib import Path
from edge_vision import Identity, SinkContext
from edge_vision.builtin.mqtt.sink import MqttSink
context = SinkContext("mqtt", Identity("porch-pi", "boot1"), lambda *_: "", Path())
sink = MqttSink(MqttSink.Options.parse({{"host": "127.0.0.1", "port": {broker.port}}}), context)
sink.open()
input()
"""
    with subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE) as daemon:
        heard.wait("status", payload=b"online")
        daemon.kill()
    heard.wait("status", payload=b"offline")
    assert listen(broker.port).wait("status")[0].retained


def test_a_stuck_broker_costs_bounded_memory_and_counted_pictures(
    broker: Mosquitto,
    make_sink: Callable[..., MqttSink],
    make_result: Callable[..., Result],
    make_picture: Callable[..., Picture],
    until: Until,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(outgoing, "PATIENCE", 0.2)
    monkeypatch.setattr(mqtt_sink, "CLOSE_PATIENCE", 0.2)
    sink = make_sink(broker.port, max_pending=50, max_pending_bytes=1_000_000)
    until(lambda: sink.connected)
    broker.signal(signal.SIGSTOP)
    picture = make_picture(encoding="png", side=256)
    for index in range(100):
        sink.write(make_result(index, picture))
    counters = sink.counters()
    assert counters["pending"] <= 50
    assert counters["lost"] > 0
    assert counters["sent"] + counters["lost"] + counters["pending"] >= 200
    sink.write(make_result(100, picture), wait=True)  # a recording does not wait for ever either
    assert not sink.flush(0.1)
    started = time.monotonic()
    sink.close()
    assert time.monotonic() - started < 10


def test_a_broker_that_never_answers_holds_nobody_up(
    make_sink: Callable[..., MqttSink],
    make_result: Callable[..., Result],
    until: Until,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(link, "ANSWER_PATIENCE", 0.2)
    monkeypatch.setattr(link, "AUTO_PATIENCE", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        sink = make_sink(silent.getsockname()[1])
        monkeypatch.setattr(mqtt_sink, "CLOSE_PATIENCE", 0.2)
        sink.write(make_result(1), wait=True)
        until(lambda: "does not answer" in caplog.text)
        sink.close()
        assert sink.counters()["lost"] == 1


def test_a_wrong_password_is_told_once_and_never_shown(
    make_mosquitto: Callable[..., Mosquitto],
    make_sink: Callable[..., MqttSink],
    listen: Listen,
    tmp_path: Path,
    until: Until,
    caplog: pytest.LogCaptureFixture,
) -> None:
    broker = make_mosquitto(password_settings(tmp_path), anonymous=False)
    (tmp_path / "password").write_text("not the right one\n")
    (tmp_path / "password").chmod(0o600)
    with caplog.at_level(logging.DEBUG):
        sink = make_sink(broker.port, username="porch", password_file="password")
        until(lambda: broker.log.count("not authorised") >= 3)
        sink.close()
    assert caplog.text.count("the broker refuses: Not authorized") == 1
    assert "not the right one" not in caplog.text
    assert not sink.connected

    (tmp_path / "password").write_text(f"{PASSWORD}\n")
    right = make_sink(broker.port, username="porch", password_file="password")
    until(lambda: right.connected)
    heard = listen(broker.port, username="porch", password=PASSWORD)
    heard.wait("status", payload=b"online")


def password_settings(folder: Path) -> str:
    file = folder / "passwords"
    file.touch()
    subprocess.run(["mosquitto_passwd", "-b", str(file), "porch", PASSWORD], check=True)
    file.chmod(0o644)
    return f"password_file {file}"


@pytest.mark.filterwarnings(
    "ignore:unclosed <ssl:ResourceWarning"
)  # the library's, on a failed handshake
def test_tls_with_the_right_authority_connects_and_with_another_does_not(
    make_mosquitto: Callable[..., Mosquitto],
    make_certificates: Callable[[str], Certificates],
    make_sink: Callable[..., MqttSink],
    make_result: Callable[..., Result],
    until: Until,
    caplog: pytest.LogCaptureFixture,
) -> None:
    ours, theirs = make_certificates("ours"), make_certificates("theirs")
    settings = f"cafile {ours.authority}\ncertfile {ours.certificate}\nkeyfile {ours.key}"
    broker = make_mosquitto(settings)
    sink = make_sink(broker.port, tls={"ca_file": str(ours.authority)})
    until(lambda: sink.connected)
    for index in range(50):
        sink.write(make_result(index), wait=True)
    assert sink.flush(10)
    assert sink.counters()["lost"] == 0
    sink.close()

    stranger = make_sink(broker.port, tls={"ca_file": str(theirs.authority)})
    until(lambda: "certificate is not trusted" in caplog.text)
    assert not stranger.connected
    stranger.close()
    insecure = make_sink(broker.port, tls={"insecure": True})
    until(lambda: insecure.connected)


def test_auto_falls_back_to_an_old_broker_and_a_recording_waits_for_it(
    amqtt_port: int,
    listen: Listen,
    make_sink: Callable[..., MqttSink],
    make_result: Callable[..., Result],
    make_event: Callable[..., Event],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(link, "AUTO_PATIENCE", 1.0)
    heard = listen(amqtt_port, five=False)
    sink = make_sink(amqtt_port)
    sink.write(make_result(1), wait=True)
    sink.notify(make_event())
    heard.wait("porch/results")
    assert sink.protocol_in_use == "3.1.1"
    assert sink.counters()["lost"] == 0
    heard.wait("porch/events")
    assert sink.flush(10)


@pytest.mark.parametrize("protocol", ["auto", "5"])
def test_a_broker_that_says_what_it_does_not_speak_is_understood(
    make_sink: Callable[..., MqttSink],
    until: Until,
    caplog: pytest.LogCaptureFixture,
    protocol: str,
) -> None:
    with Scripted(b"\x20\x02\x00\x01") as broker:  # CONNACK of 3.1.1: unacceptable protocol version
        sink = make_sink(broker.port, protocol=protocol, reconnect_min=60, reconnect_max=60)
        until(lambda: "Unsupported protocol version" in caplog.text)
        if protocol == "auto":
            until(lambda: len(broker.connects) == 2)
        assert [connect[8] for connect in broker.connects] == ([5, 4] if protocol == "auto" else [5])
        sink.close()


def test_a_client_that_was_taken_over_waits_for_the_longest_pause(
    make_sink: Callable[..., MqttSink], until: Until, caplog: pytest.LogCaptureFixture
) -> None:
    accepted, taken_over = b"\x20\x03\x00\x00\x00", b"\xe0\x02\x8e\x00"
    with Scripted(accepted + taken_over) as broker:
        sink = make_sink(broker.port, protocol="5", reconnect_max=60)
        until(lambda: "does a second daemon use this node's name?" in caplog.text)
        assert "Session taken over; trying again in 60 s" in caplog.text
        sink.close()
        assert len(broker.connects) == 1


class Scripted:
    """A broker that answers every CONNECT with the same bytes and hangs up."""

    def __init__(self, answer: bytes) -> None:
        self.connects: list[bytes] = []
        self._answer = answer
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._server.getsockname()[1])

    def __enter__(self) -> Scripted:
        threading.Thread(target=self._serve, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._server.accept()
                with connection:
                    self.connects.append(connection.recv(4096))
                    connection.sendall(self._answer)


def test_a_denied_topic_is_counted_as_refused_and_told_once(
    make_mosquitto: Callable[..., Mosquitto],
    make_sink: Callable[..., MqttSink],
    make_event: Callable[..., Event],
    tmp_path: Path,
    until: Until,
    caplog: pytest.LogCaptureFixture,
) -> None:
    (tmp_path / "acl").write_text("topic readwrite edge-vision/porch-pi/status\n")
    (tmp_path / "acl").chmod(0o644)
    broker = make_mosquitto(f"acl_file {tmp_path / 'acl'}")
    sink = make_sink(broker.port)
    until(lambda: sink.connected)
    for number in range(3):
        sink.notify(make_event(number))
    assert sink.flush(10)
    assert sink.counters()["refused"] == 3
    assert sink.counters()["sent"] == 1
    assert caplog.text.count("does not take events: Not authorized") == 1


def test_a_message_too_large_for_the_broker_is_refused_and_the_connection_stays(
    make_mosquitto: Callable[..., Mosquitto],
    listen: Listen,
    make_sink: Callable[..., MqttSink],
    make_result: Callable[..., Result],
    make_picture: Callable[..., Picture],
    until: Until,
) -> None:
    broker = make_mosquitto("max_packet_size 20000")
    heard = listen(broker.port)
    sink = make_sink(broker.port)
    until(lambda: sink.connected)
    sink.write(make_result(1, make_picture("large", "png", side=200)))
    sink.write(make_result(2))
    heard.wait("porch/results", count=2)
    assert sink.flush(10)
    assert sink.counters()["refused"] == 1
    assert sink.counters()["reconnects"] == 0


def test_a_second_daemon_of_the_same_name_is_noticed_even_where_the_broker_says_nothing(
    broker: Mosquitto,
    make_sink: Callable[..., MqttSink],
    until: Until,
    caplog: pytest.LogCaptureFixture,
) -> None:
    first = make_sink(broker.port, reconnect_max=60)
    until(lambda: first.connected)
    second = make_sink(broker.port, reconnect_max=60)
    until(lambda: "does a second daemon use this node's name?" in caplog.text)
    first.close()
    until(lambda: second.connected)
    assert second.counters()["reconnects"] <= 4


def test_close_returns_and_leaves_no_thread_behind_wherever_the_broker_is(
    make_mosquitto: Callable[..., Mosquitto],
    make_sink: Callable[..., MqttSink],
    make_event: Callable[..., Event],
    until: Until,
) -> None:
    before = set(threading.enumerate())
    broker = make_mosquitto(started=False)
    never = make_sink(broker.port)
    never.notify(make_event())
    until(lambda: not never.flush(0))
    never.close()
    assert never.counters()["lost"] == 1
    assert never.counters()["pending"] == 0
    never.notify(make_event())
    assert never.counters()["lost"] == 2

    broker.start()
    sink = make_sink(broker.port)
    until(lambda: sink.connected)
    sink.close()
    sink.close()
    assert set(threading.enumerate()) == before
