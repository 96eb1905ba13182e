"""Short cuts to sinks, results and certificates."""

from __future__ import annotations

import shutil
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edge_vision import Event, Identity, Result
from edge_vision.builtin.mqtt.sink import MqttSink
from edge_vision.contracts.sink import SinkContext, StateValue
from edge_vision.data.errors import ConfigError
from edge_vision.data.findings import Detections, Labels, Picture
from edge_vision.testing import STARTED, make_frame, still
from tests.brokers import PATIENCE


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
