"""How long after its capture a frame's result is with a subscriber, and what of that the stages took.

    python benchmarks/latency.py CONFIG [--seconds 60]

CONFIG publishes to a broker ([mqtt] with host and port) and has a live camera, such as
`source = { uses = "test", fps = 10 }`. The daemon runs as a process of its own; this one subscribes and
takes the time at which each result arrives. `captured_at` is cut to whole milliseconds, so that what is
printed is up to one too long. Percentiles of all results but those of the first two seconds.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
import tomllib
from datetime import datetime
from pathlib import Path
from typing import Any

from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion

from edge_vision.engine.tally import percentiles

WARM_UP = 2.0
"""Seconds after the first result that do not count."""


def main() -> None:
    """Do it."""
    parser = argparse.ArgumentParser()
    parser.add_argument("config", type=Path)
    parser.add_argument("--seconds", type=float, default=60.0)
    asked = parser.parse_args()
    broker = tomllib.loads(asked.config.read_text(encoding="utf-8"))["mqtt"]
    arrived: list[tuple[float, bytes]] = []

    def take(_client: Client, _data: Any, message: MQTTMessage) -> None:
        arrived.append((time.time(), bytes(message.payload)))

    client = Client(CallbackAPIVersion.VERSION2)
    client.on_message = take
    client.connect(broker["host"], broker.get("port", 1883))
    client.subscribe("+/+/+/results")
    client.loop_start()
    daemon = subprocess.Popen([sys.executable, "-m", "edge_vision", "run", str(asked.config)])
    try:
        while not arrived:
            if daemon.poll() is not None:
                sys.exit("the daemon ended before its first result")
            time.sleep(0.1)
        time.sleep(WARM_UP + asked.seconds)
    finally:
        daemon.terminate()
        daemon.wait()
        client.loop_stop()
    rows = [times(moment, payload) for moment, payload in arrived if moment > arrived[0][0] + WARM_UP]
    print(f"{len(rows)} results")
    for name, column in zip(
        ("capture to arrival", "stages", "the rest"), zip(*rows, strict=True), strict=True
    ):
        found = percentiles(column)
        print(f"{name:20}" + "  ".join(f"{key} {ms:7.2f} ms" for key, ms in found.items()))


def times(moment: float, payload: bytes) -> tuple[float, float, float]:
    """Milliseconds from capture to arrival, those of the stages, and the rest."""
    told = json.loads(payload)
    whole = 1000.0 * (moment - datetime.fromisoformat(told["captured_at"]).timestamp())
    stages = sum(told["timings_ms"].values())
    return whole, stages, whole - stages


if __name__ == "__main__":
    main()
