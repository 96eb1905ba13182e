"""The console: subscribes to cameras as anybody could, and tells a person what arrives."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from threading import Event, Lock, Thread
from types import TracebackType
from typing import Any

from paho.mqtt.client import Client, ConnectFlags, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

EVERY = 1.0
"""Seconds between two lines."""
LAST_WORD = 2.0
"""Seconds at most to wait for the daemon's goodbye, which comes after its last statistics."""


@dataclass
class _Heard:
    """What arrived of one camera: results since the last line, the last of all, sizes of pictures."""

    results: int = 0
    last: dict[str, Any] = field(default_factory=dict)
    pictures: Counter[str] = field(default_factory=Counter)
    stats: dict[str, Any] = field(default_factory=dict)


class Console:
    """Prints a line a second about the results, pictures and statistics of a node's cameras.

    Lines say which camera they are about where there are several.
    """

    def __init__(self, host: str, port: int, node: str, cameras: Sequence[str]) -> None:
        self._address = host, port
        self._node = node
        self._lock = Lock()
        self._done = Event()
        self._offline = Event()
        self._since = time.monotonic()
        self._heard = {camera: _Heard() for camera in cameras}
        self._wide = max(map(len, cameras)) + 2 if len(cameras) > 1 else 0
        self._client = Client(CallbackAPIVersion.VERSION2)
        self._client.on_connect = self._on_connect
        self._client.on_message = self._on_message
        self._thread = Thread(target=self._print_lines, name="console", daemon=True)

    def __enter__(self) -> Console:
        self._client.connect(*self._address)
        self._client.loop_start()
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._offline.wait(LAST_WORD)
        self._done.set()
        self._thread.join(5)
        self._client.disconnect()
        self._client.loop_stop()
        print(self._account(), flush=True)

    def _on_connect(
        self,
        client: Client,
        _data: object,
        _flags: ConnectFlags,
        _reason: ReasonCode,
        _properties: Properties | None,
    ) -> None:
        topics = [(f"{self._node}/{camera}/#", 0) for camera in self._heard]
        client.subscribe([*topics, (f"{self._node}/stats", 0), (f"{self._node}/status", 1)])

    def _on_message(self, _client: Client, _data: object, message: MQTTMessage) -> None:
        camera, _, kind = message.topic.removeprefix(f"{self._node}/").partition("/")
        with self._lock:
            if camera in self._heard:
                self._hear(self._heard[camera], kind, message.payload)
            elif camera == "status" and message.payload == b"offline":
                self._offline.set()
            elif camera == "stats":
                cameras = json.loads(message.payload)["cameras"]
                for name, heard in self._heard.items():
                    heard.stats = cameras.get(name, {})

    @staticmethod
    def _hear(heard: _Heard, kind: str, payload: bytes | bytearray) -> None:
        if kind == "results":
            heard.results += 1
            heard.last = json.loads(payload)
        elif kind.startswith("images/") and payload:
            heard.pictures[kind.rsplit("/", 1)[1]] = len(payload)

    def _print_lines(self) -> None:
        while not self._done.wait(EVERY):
            for line in self._lines():
                print(line, flush=True)

    def _lines(self) -> list[str]:
        """A line for each camera of which anything arrived."""
        with self._lock:
            now = time.monotonic()
            seconds, self._since = now - self._since, now
            clock = time.strftime("%H:%M:%S")
            lines = []
            for camera, heard in self._heard.items():
                rate, heard.results = heard.results / seconds, 0
                if heard.last:
                    lines.append(
                        f"{clock}  {camera if self._wide else '':{self._wide}}{_line(heard, rate)}"
                    )
            return lines

    def _account(self) -> str:
        """The account of all frames, from the last statistics."""
        lines = [
            f"{camera if self._wide else '':{self._wide}}{_account(heard.stats)}"
            for camera, heard in self._heard.items()
            if heard.stats
        ]
        return "\n".join(["", *lines]) if lines else ""


def _line(heard: _Heard, rate: float) -> str:
    """What arrived of a camera, in one line."""
    took = sum(heard.last.get("timings_ms", {}).values())
    parts = [f"{rate:5.1f} results/s", f"{took:5.1f} ms a frame", _seen(heard.last)]
    parts += [f"images/{name} {size // 1024} kB" for name, size in heard.pictures.items()]
    return "  ".join(parts)


def _account(stats: dict[str, Any]) -> str:
    """The account of a camera's frames."""
    latency = stats.get("latency_ms", {})
    text = (
        f"{stats['captured']} frames captured = {stats['delivered']} delivered + "
        f"{stats['dropped']} dropped + {stats['failed']} failed"
    )
    if latency:
        text += f"; from capture to MQTT {latency['p50']:.1f} ms (median), {latency['p99']:.1f} ms (p99)"
    return text


def _seen(result: dict[str, Any]) -> str:
    """What one result says, for a person."""
    found = Counter(str(d["label"]) for d in result.get("detections", ()))
    best: dict[str, float] = {}
    for detection in result.get("detections", ()):
        best[detection["label"]] = max(best.get(detection["label"], 0.0), detection["score"])
    parts = [f"{count} {label} ({best[label]:.2f})" for label, count in found.most_common(4)]
    parts += [
        f"{fact['stage']}: {fact['label']} ({fact['score']:.2f})"
        for fact in result.get("labels", ())[:2]
    ]
    parts += [f"reads {fact['text']} ({fact['score']:.2f})" for fact in result.get("texts", ())[:2]]
    parts += [f"{fact['label']} {fact['share']:.0%}" for fact in result.get("segments", ())[:3]]
    return ", ".join(parts) or "nothing"
