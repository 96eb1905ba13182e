"""What many tests need: brokers, subscribers, and the shared videos, pictures and models.

It also makes the tests' own helpers importable as `tests.<helper>`, however pytest was started.
"""

from __future__ import annotations

import logging
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion

CHECKOUT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(CHECKOUT))

from tests.brokers import (  # noqa: E402 - only found after the line above
    PATIENCE,
    Listener,
    Mosquitto,
    Wire,
    free_port,
    wait_for_port,
)

Listen = Callable[..., Listener]


@pytest.fixture
def interruptible() -> Iterator[None]:
    """Ctrl-C interrupts, also where the tests run in the background of a shell that ignores it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture(autouse=True)
def _logging_ends_with_the_test() -> Iterator[None]:
    """What a command that runs in this process sets of logging is undone: the next test has its own."""
    root = logging.getLogger()
    level, handlers = root.level, [*root.handlers]
    yield
    root.setLevel(level)
    for handler in root.handlers[:]:
        if type(handler) is logging.StreamHandler and handler not in handlers:
            root.removeHandler(handler)
    logging.captureWarnings(False)


@pytest.fixture(scope="session")
def shared() -> Path:
    """The shared data beside the checkout."""
    folder = CHECKOUT.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("the shared videos, pictures and models are not here")
    return folder


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
