"""Real brokers, and a subscriber that checks what it hears."""

from __future__ import annotations

import contextlib
import getpass
import json
import shutil
import signal
import socket
import subprocess
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jsonschema
import paho.mqtt.client as paho

from edge_vision.contracts.schemas import SchemaName, schema_of

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

    def wait_for_end(self, node: str) -> None:
        """Wait until a node has said that it is offline: nothing comes after that."""
        topic = f"edge-vision/{node}/status"

        def ended() -> bool:
            said = [heard.payload for heard in self.heard if heard.topic == topic]
            return bool(said) and said[-1] == b"offline"

        with self.changed:
            assert self.changed.wait_for(ended, PATIENCE), f"{node} did not say goodbye"
