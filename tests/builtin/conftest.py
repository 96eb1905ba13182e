"""Real brokers, a subscriber that checks what it hears, and short cuts to sinks and results."""

from __future__ import annotations

import contextlib
import getpass
import json
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from edge_vision import Event, Identity, Result
from edge_vision.builtin.mqtt import MqttSink
from edge_vision.contracts.schemas import SchemaName, schema_of
from edge_vision.contracts.sink import SinkContext, StateValue
from edge_vision.data.errors import ConfigError
from edge_vision.data.findings import Detections, Labels, Picture
from edge_vision.testing import STARTED, make_frame, still

PATIENCE = 15.0
NODE = "edge-vision/porch-pi"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for_port(port: int, process: subprocess.Popen[bytes]) -> None:
    """Wait until something listens there; each refused attempt is one short wait."""
    until = time.monotonic() + PATIENCE
    pause = threading.Event()
    while time.monotonic() < until:
        assert process.poll() is None, f"the broker ended with {process.returncode}"
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except ConnectionRefusedError:
            pause.wait(0.02)
        else:
            return
    raise AssertionError("the broker does not listen")


class Mosquitto:
    """A real mosquitto on a free port, which can be killed, stopped and started again."""

    def __init__(self, folder: Path, settings: str = "", anonymous: bool = True) -> None:
        self.port = free_port()
        self.process: subprocess.Popen[bytes] | None = None
        self._configuration = folder / f"mosquitto-{self.port}.conf"
        allow = str(anonymous).lower()
        self._configuration.write_text(
            f"listener {self.port} 127.0.0.1\nallow_anonymous {allow}\n"
            f"user {getpass.getuser()}\n{settings}\n"
        )
        self._log = folder / f"mosquitto-{self.port}.log"

    def start(self) -> None:
        program = shutil.which("mosquitto") or "/usr/sbin/mosquitto"
        command = [program, "-v", "-c", str(self._configuration)]
        with self._log.open("ab") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log)
        wait_for_port(self.port, self.process)

    def signal(self, number: signal.Signals) -> None:
        assert self.process is not None
        self.process.send_signal(number)

    def kill(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    @property
    def log(self) -> str:
        return self._log.read_text()


class Wire:
    """A wire to a broker that can be cut: a port that forwards to another."""

    def __init__(self, target: int) -> None:
        self._target = target
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._server.getsockname()[1])
        self._ends: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self) -> None:
        """End all connections that there are; new ones can be made."""
        ends, self._ends = self._ends, []
        for end in ends:
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()
        self.cut()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _ = self._server.accept()
                far = socket.create_connection(("127.0.0.1", self._target))
                self._ends += [near, far]
                for source, sink in ((near, far), (far, near)):
                    threading.Thread(target=self._forward, args=(source, sink), daemon=True).start()

    def _forward(self, source: socket.socket, sink: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                sink.sendall(data)
            sink.shutdown(socket.SHUT_RDWR)
        source.close()


@dataclass
class Heard:
    """A message that a subscriber heard."""

    topic: str
    payload: bytes
    retained: bool
    qos: int
    properties: Any

    @property
    def json(self) -> Any:
        return json.loads(self.payload)


SCHEMAS: tuple[tuple[str, SchemaName], ...] = (
    ("/results", "result"),
    ("/events", "event"),
    ("/stats", "stats"),
)
VALIDATORS = {
    name: jsonschema.Draft202012Validator(
        schema_of(name), format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER
    )
    for _, name in SCHEMAS
}


@dataclass
class Listener:
    """A subscriber that checks every payload it hears against its schema."""

    client: paho.Client
    heard: list[Heard] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    changed: threading.Condition = field(default_factory=threading.Condition)
    subscribed: threading.Event = field(default_factory=threading.Event)

    def subscribe(
        self, client: paho.Client, data: Any, flags: Any, reason: Any, properties: Any
    ) -> None:
        client.subscribe("#", qos=1)

    def take(self, client: Any, data: Any, message: paho.MQTTMessage) -> None:
        heard = Heard(
            message.topic, bytes(message.payload), message.retain, message.qos, message.properties
        )
        for ending, name in SCHEMAS:
            if heard.topic.endswith(ending):
                self.wrong += [error.message for error in VALIDATORS[name].iter_errors(heard.json)]
        with self.changed:
            self.heard.append(heard)
            self.changed.notify_all()

    def on(self, topic: str) -> list[Heard]:
        with self.changed:
            return [heard for heard in self.heard if heard.topic == topic]

    def wait(self, topic: str, count: int = 1, payload: bytes | None = None) -> list[Heard]:
        """Wait for so many messages (of that payload) on a topic below the node, and return them."""
        full = f"{NODE}/{topic}"

        def found() -> list[Heard]:
            return [
                h for h in self.heard if h.topic == full and (payload is None or h.payload == payload)
            ]

        with self.changed:
            enough = self.changed.wait_for(lambda: len(found()) >= count, PATIENCE)
            seen = [(h.topic, h.payload[:60]) for h in self.heard]
            assert enough, f"{full}: {len(found())} of {count}; heard {seen}"
            return found()


Listen = Callable[..., Listener]


@pytest.fixture
def make_mosquitto(tmp_path: Path) -> Iterator[Callable[..., Mosquitto]]:
    if shutil.which("mosquitto") is None and not Path("/usr/sbin/mosquitto").exists():
        pytest.skip("mosquitto is not installed")
    made: list[Mosquitto] = []

    def make(settings: str = "", *, anonymous: bool = True, started: bool = True) -> Mosquitto:
        broker = Mosquitto(tmp_path, settings, anonymous)
        made.append(broker)
        if started:
            broker.start()
        return broker

    yield make
    for broker in made:
        broker.kill()


@pytest.fixture
def broker(make_mosquitto: Callable[..., Mosquitto]) -> Mosquitto:
    return make_mosquitto()


@pytest.fixture
def wire(broker: Mosquitto) -> Iterator[Wire]:
    made = Wire(broker.port)
    yield made
    made.close()


@pytest.fixture
def amqtt_port(tmp_path: Path) -> Iterator[int]:
    """The port of an amqtt, which speaks MQTT 3.1.1 only, in a process of its own."""
    pytest.importorskip("amqtt", reason="amqtt is not installed")
    port = free_port()
    program = f"""
import asyncio
from amqtt.broker import Broker
async def main():
    listener = {{"type": "tcp", "bind": "127.0.0.1:{port}"}}
    plugins = {{"amqtt.plugins.authentication.AnonymousAuthPlugin": {{"allow_anonymous": True}}}}
    await Broker({{"listeners": {{"default": listener}}, "plugins": plugins}}).start()
    await asyncio.Event().wait()
asyncio.run(main())
"""
    with (tmp_path / "amqtt.log").open("wb") as log:
        process = subprocess.Popen([sys.executable, "-c", program], stdout=log, stderr=log)
    try:
        wait_for_port(port, process)
        yield port
    finally:
        process.kill()
        process.wait()


@pytest.fixture
def listen() -> Iterator[Listen]:
    """Make subscribers to everything; at the end each must have heard nothing but valid payloads."""
    listeners: list[Listener] = []

    def make(port: int, *, five: bool = True, username: str = "", password: str = "") -> Listener:
        client = paho.Client(
            CallbackAPIVersion.VERSION2, protocol=paho.MQTTv5 if five else paho.MQTTv311
        )
        if username:
            client.username_pw_set(username, password)
        listener = Listener(client)
        client.on_message = listener.take
        client.on_connect = listener.subscribe
        client.on_subscribe = lambda *_: listener.subscribed.set()
        client.reconnect_delay_set(1, 1)
        client.connect("127.0.0.1", port)
        client.loop_start()
        assert listener.subscribed.wait(PATIENCE)
        listeners.append(listener)
        return listener

    yield make
    for listener in listeners:
        listener.client.disconnect()
        listener.client.loop_stop()
        assert listener.wrong == []


@dataclass
class Settings:
    """What commands changed; a key named bad is refused."""

    changed: list[tuple[str, str, str]] = field(default_factory=list)
    entered: threading.Event = field(default_factory=threading.Event)

    def change(self, camera: str, key: str, text: str) -> StateValue:
        self.entered.set()
        if key == "bad":
            raise ConfigError("not an option that can be changed", key)
        self.changed.append((camera, key, text))
        return float(text) if key == "level" else text


@pytest.fixture
def settings() -> Settings:
    return Settings()


@pytest.fixture
def make_sink(tmp_path: Path, settings: Settings) -> Iterator[Callable[..., MqttSink]]:
    made: list[MqttSink] = []

    def make(port: int, *, opened: bool = True, name: str = "mqtt", **options: Any) -> MqttSink:
        table = {"port": port, "host": "127.0.0.1", "reconnect_min": 0.1, "reconnect_max": 1.0}
        identity = Identity("porch-pi", "boot1")
        context = SinkContext(name, identity, settings.change, tmp_path)
        sink = MqttSink(MqttSink.Options.parse({**table, **options}), context)
        made.append(sink)
        if opened:
            sink.open()
        return sink

    yield make
    for sink in made:
        sink.close()


def _make_result(index: int = 0, *findings: Any, camera: str = "porch") -> Result:
    frame = make_frame(still(90), index, camera)
    label = Labels((("kitchen", 0.9),), stage="scene")
    boxes = Detections(
        np.array([[1, 2, 30, 40]]), np.array([0.5]), np.array([0]), ("person",), stage="people"
    )
    return Result.of(frame).add(label, boxes, *findings)


def _make_picture(name: str = "style", encoding: str = "jpeg", side: int = 32) -> Picture:
    noise = np.random.default_rng(0).integers(0, 255, (side, side, 3), dtype=np.uint8)
    return Picture(noise, name, encoding, stage="style")


def _make_event(number: int = 1) -> Event:
    return Event(f"event-{number}", "started", "person", "porch", STARTED, STARTED, sequence=number)


@pytest.fixture
def make_result() -> Callable[..., Result]:
    return _make_result


@pytest.fixture
def make_picture() -> Callable[..., Picture]:
    return _make_picture


@pytest.fixture
def make_event() -> Callable[..., Event]:
    return _make_event


@pytest.fixture
def until() -> Callable[[Callable[[], object]], None]:
    """Wait for something that no thread announces; looks again and again, for a bounded time."""

    def wait(condition: Callable[[], object]) -> None:
        end = time.monotonic() + PATIENCE
        pause = threading.Event()
        while not condition():
            assert time.monotonic() < end, "it did not happen in time"
            pause.wait(0.01)

    return wait


@dataclass
class Certificates:
    """A certificate authority and a certificate it gave the broker, PEM files."""

    authority: Path
    certificate: Path
    key: Path


@pytest.fixture
def make_certificates(tmp_path: Path) -> Callable[[str], Certificates]:
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed")

    def make(name: str) -> Certificates:
        folder = tmp_path / name
        folder.mkdir()

        def openssl(*arguments: str) -> None:
            subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)

        curve = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
        openssl("req", "-x509", *curve, "-keyout", "ca.key", "-out", "ca.pem", "-subj", f"/CN={name}")
        openssl("req", *curve, "-keyout", "key.pem", "-out", "request", "-subj", "/CN=localhost")
        (folder / "names").write_text("subjectAltName=DNS:localhost,IP:127.0.0.1\n")
        openssl(
            *("x509", "-req", "-in", "request", "-CA", "ca.pem", "-CAkey", "ca.key"),
            *("-CAcreateserial", "-out", "cert.pem", "-extfile", "names", "-days", "2"),
        )
        return Certificates(folder / "ca.pem", folder / "cert.pem", folder / "key.pem")

    return make
