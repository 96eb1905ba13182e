"""The daemon as a process of its own, as a service manager would run it."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread
from typing import Any


class Process:
    """A running `edge-vision run CONFIG`; its lines of output are collected as they come."""

    def __init__(self, config: Path, environment: dict[str, str]) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "edge_vision", "run", str(config)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, **environment},
        )
        self.out: list[str] = []
        self.log: list[str] = []
        self._readers = [
            Thread(target=self._collect, args=(self._process.stdout, self.out), daemon=True),
            Thread(target=self._collect, args=(self._process.stderr, self.log), daemon=True),
        ]
        for reader in self._readers:
            reader.start()

    @staticmethod
    def _collect(stream: Any, lines: list[str]) -> None:
        for line in stream:
            lines.append(line)  # noqa: PERF402 - others look at the list while it grows

    def results(self, camera: str | None = None) -> list[dict[str, Any]]:
        """The results written so far."""
        found = [json.loads(line) for line in list(self.out)]
        return [
            p for p in found if p["schema"] == "edge-vision/result/1" and camera in (None, p["camera"])
        ]

    def said(self, text: str) -> bool:
        """True where the log has that text."""
        return any(text in line for line in list(self.log))

    def send(self, number: signal.Signals) -> None:
        """Send a signal."""
        self._process.send_signal(number)

    @property
    def pid(self) -> int:
        """The process's number."""
        return self._process.pid

    def wait(self, timeout: float = 60.0) -> int:
        """Wait for its end; gives the exit status."""
        status = self._process.wait(timeout)
        for reader in self._readers:
            reader.join(5)
        return status

    def until(self, condition: Callable[[], bool], timeout: float = 30.0) -> None:
        """Wait for something, as long as the process lives."""
        deadline = time.monotonic() + timeout
        while not condition():
            assert time.monotonic() < deadline, "".join(self.log)
            assert self._process.poll() is None or condition(), "".join(self.log)
            time.sleep(0.01)

    def stop(self) -> None:
        """End it, whatever it does."""
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait(10)
        for reader in self._readers:
            reader.join(5)
        for stream in (self._process.stdout, self._process.stderr):
            if stream is not None:
                stream.close()


@contextmanager
def daemon(config: Path, **environment: str) -> Iterator[Process]:
    """The daemon, killed afterwards if it still runs."""
    process = Process(config, environment)
    try:
        yield process
    finally:
        process.stop()


class Manager:
    """A service manager's end of the notification socket."""

    def __init__(self, address: Path) -> None:
        self.address = address
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(address))
        self.states: list[str] = []
        self._thread = Thread(target=self._listen, daemon=True)
        self._thread.start()

    def _listen(self) -> None:
        while True:
            try:
                self.states += self._socket.recv(4096).decode().splitlines()
            except OSError:
                return

    def count(self, state: str) -> int:
        """How often a state was sent."""
        return self.states.count(state)

    def close(self) -> None:
        """Stop listening."""
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._thread.join(5)
