"""Cameras for tests: servers on this machine that stream, freeze, close, refuse or say nothing."""

from __future__ import annotations

import base64
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Literal

import cv2
import numpy as np

LOCAL = "127.0.0.1"


def picture(value: int, width: int = 64, height: int = 48) -> bytes:
    """A JPEG of one grey."""
    image = np.full((height, width, 3), value, dtype=np.uint8)
    return cv2.imencode(".jpg", image)[1].tobytes()


@dataclass
class MjpegCamera:
    """What an HTTP camera does with each connection: so many pictures, and then this.

    login     "user:password" it wants, else 401; empty for none
    requests  the Authorization header of each request, "" where it had none
    """

    pictures: list[bytes]
    then: Literal["close", "freeze", "noise"] = "close"
    login: str = ""
    port: int = 0
    requests: list[str] = field(default_factory=list)
    over: threading.Event = field(default_factory=threading.Event)

    def url(self, login: str = "") -> str:
        """Where it streams."""
        return f"http://{login}{'@' if login else ''}{LOCAL}:{self.port}/stream"


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def do_GET(self) -> None:
        """Stream as the camera was told to."""
        camera = self.server.camera
        given = self.headers.get("Authorization", "")
        camera.requests.append(given)
        wanted = "Basic " + base64.b64encode(camera.login.encode()).decode()
        if camera.login and given != wanted:
            self.send_response(401)
            self.send_header("WWW-Authenticate", 'Basic realm="camera"')
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        self.send_response(200)
        self.send_header("Content-Type", "multipart/x-mixed-replace;boundary=next")
        self.end_headers()
        with suppress(OSError):  # the reader goes away: that is how these tests end
            self._stream(camera)

    def _stream(self, camera: MjpegCamera) -> None:
        for jpeg in camera.pictures:
            head = f"--next\r\nContent-Type: image/jpeg\r\nContent-Length: {len(jpeg)}\r\n\r\n"
            self.wfile.write(head.encode() + jpeg + b"\r\n")
        if camera.then == "freeze":
            camera.over.wait(30)
        while camera.then == "noise" and not camera.over.wait(0.01):
            self.wfile.write(bytes(1000))

    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002  (the base names it so)
        """Say nothing."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, camera: MjpegCamera) -> None:
        super().__init__((LOCAL, 0), _Handler)
        self.camera = camera


@contextmanager
def streaming(camera: MjpegCamera) -> Iterator[MjpegCamera]:
    """Run an HTTP camera."""
    with _Server(camera) as server:
        camera.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield camera
        finally:
            camera.over.set()
            server.shutdown()
            thread.join(10)


@contextmanager
def mute() -> Iterator[int]:
    """The port of a server that takes connections and never says anything."""
    with socket.create_server((LOCAL, 0), backlog=16) as server:
        yield server.getsockname()[1]


@contextmanager
def refusing() -> Iterator[int]:
    """A port at which nobody listens, kept from everybody else."""
    with socket.socket() as kept:
        kept.bind((LOCAL, 0))
        yield kept.getsockname()[1]


@contextmanager
def unauthorised_rtsp() -> Iterator[int]:
    """The port of an RTSP server that lets nobody in."""
    with socket.create_server((LOCAL, 0), backlog=16) as server:

        def answer(connection: socket.socket) -> None:
            with connection, connection.makefile("rwb") as stream:
                number = b"1"
                for line in stream:
                    if line.lower().startswith(b"cseq:"):
                        number = line.split(b":")[1].strip()
                    if not line.strip():
                        stream.write(
                            b"RTSP/1.0 401 Unauthorized\r\nCSeq: " + number + b"\r\n"
                            b'WWW-Authenticate: Basic realm="camera"\r\n\r\n'
                        )
                        stream.flush()

        def accept() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                threading.Thread(target=answer, args=(connection,), daemon=True).start()

        thread = threading.Thread(target=accept)
        thread.start()
        try:
            yield server.getsockname()[1]
        finally:
            server.shutdown(socket.SHUT_RDWR)
            thread.join(10)
