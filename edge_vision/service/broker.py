"""The demo's embedded broker: amqtt on loopback, in a process of its own.

It speaks MQTT 3.1.1 only and forgets everything when it ends: good for a demo and for tests, never
behind a promise. Run as `python -m edge_vision.service.broker PORT`.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib.util
import logging
import socket
import subprocess
import sys
import time
from collections.abc import Iterator

from edge_vision.data.errors import EdgeVisionError

START_WITHIN = 20.0
"""Seconds the broker may take to accept connections."""
MISSING = "the demo brings its own broker with: pip install 'edge-vision[demo]'"


@contextlib.contextmanager
def embedded_broker(wanted: int) -> Iterator[int]:
    """A broker on loopback while the context lasts; gives its port: the wanted one, or a free one."""
    if importlib.util.find_spec("amqtt") is None:
        raise EdgeVisionError(MISSING)
    port = _free_port(wanted)
    process = subprocess.Popen(  # noqa: S603 - this very module, with a number
        [sys.executable, "-m", "edge_vision.service.broker", str(port)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,  # Ctrl-C is for the demo, which ends the broker last
    )
    try:
        _wait_for(process, port)
        yield port
    finally:
        process.terminate()
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _free_port(wanted: int) -> int:
    for port in (wanted, 0):
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", port))
            return int(probe.getsockname()[1])
    raise EdgeVisionError("there is no free port on 127.0.0.1")


def _wait_for(process: subprocess.Popen[bytes], port: int) -> None:
    deadline = time.monotonic() + START_WITHIN
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise EdgeVisionError(f"the embedded broker ended at once (status {process.returncode})")
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1.0):
            return
        time.sleep(0.05)
    raise EdgeVisionError("the embedded broker does not accept connections")


async def _serve(port: int) -> None:
    from amqtt.broker import Broker  # noqa: PLC0415 - an optional package

    broker = Broker(
        {
            "listeners": {"default": {"type": "tcp", "bind": f"127.0.0.1:{port}"}},
            "plugins": {"amqtt.plugins.authentication.AnonymousAuthPlugin": {"allow_anonymous": True}},
        }
    )
    await broker.start()
    await asyncio.Event().wait()


if __name__ == "__main__":
    logging.disable()
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_serve(int(sys.argv[1])))
