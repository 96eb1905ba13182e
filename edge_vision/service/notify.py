"""Telling systemd how the service does: the sd_notify protocol, in the few lines it needs.

Protocol: sd_notify(3). Without NOTIFY_SOCKET everything here does nothing.
"""

from __future__ import annotations

import logging
import os
import socket
import time

log = logging.getLogger(__name__)


class Notifier:
    """Sends states to the service manager."""

    def __init__(self, environment: dict[str, str] | None = None) -> None:
        env = os.environ if environment is None else environment
        self._address = env.get("NOTIFY_SOCKET", "")
        self._watchdog = _watchdog_seconds(env.get("WATCHDOG_USEC", ""), env.get("WATCHDOG_PID", ""))
        self._last_ping = float("-inf")
        self._last_status = ""

    @property
    def watchdog(self) -> float | None:
        """Seconds after which the manager acts when it hears nothing, or None without a watchdog."""
        return self._watchdog

    def ready(self) -> None:
        """The service is up, or has been reloaded."""
        self._send("READY=1")

    def reloading(self) -> None:
        """The service reads its configuration again; `ready` follows."""
        self._send(f"RELOADING=1\nMONOTONIC_USEC={time.monotonic_ns() // 1000}")

    def stopping(self) -> None:
        """The service is going down."""
        self._send("STOPPING=1")

    def status(self, text: str) -> None:
        """One line for `systemctl status`."""
        if text != self._last_status:
            self._last_status = text
            self._send(f"STATUS={text}")

    def ping(self) -> None:
        """A sign of life for the watchdog; sent twice in its time, however often this is called."""
        now = time.monotonic()
        if self._watchdog is not None and now - self._last_ping >= self._watchdog / 2.5:
            self._last_ping = now
            self._send("WATCHDOG=1")

    def _send(self, state: str) -> None:
        if not self._address:
            return
        address = f"\0{self._address[1:]}" if self._address.startswith("@") else self._address
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as channel:
                channel.settimeout(1.0)
                channel.sendto(state.encode(), address)
        except OSError as error:
            log.debug("the service manager cannot be told: %s", error)


def _watchdog_seconds(microseconds: str, pid: str) -> float | None:
    if not microseconds.isdigit() or (pid and pid != str(os.getpid())):
        return None
    return int(microseconds) / 1e6 or None
