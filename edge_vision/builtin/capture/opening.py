"""Opening a cv2.VideoCapture: an opened one comes back, or a SourceError that says what to do.

OpenCV itself only says that it did not work. No error holds more of an address than the host.
"""

from __future__ import annotations

import os
import socket
import stat
import time
from collections.abc import Mapping
from math import ceil
from pathlib import Path

import cv2

from edge_vision.builtin.capture.locations import host_and_port
from edge_vision.data.errors import SourceError

# FFmpeg's messages name URLs with their passwords, so it says nothing (AV_LOG_QUIET) unless somebody
# asked it to. Set here because it is read once, by whoever in this process uses FFmpeg first.
os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")

NEARLY = 0.9
"""Share of a timeout after which a failure is called a timeout."""


def open_stream(url: str, open_timeout: float, read_timeout: float) -> cv2.VideoCapture:
    """Open a network stream; afterwards a read gives up after `read_timeout` seconds.

    Raises SourceError. The time it takes is bounded by `open_timeout`, but for looking up a name.
    """
    _be_quiet()
    began = time.monotonic()
    capture = _opened(
        url,
        cv2.CAP_FFMPEG,
        {
            cv2.CAP_PROP_OPEN_TIMEOUT_MSEC: ceil(open_timeout * 1000),
            cv2.CAP_PROP_READ_TIMEOUT_MSEC: ceil(read_timeout * 1000),
            # More threads hold frames back, and the cores are for the stages.
            cv2.CAP_PROP_N_THREADS: 1,
        },
    )
    if capture is not None:
        return capture
    left = open_timeout - (time.monotonic() - began)
    if left < (1.0 - NEARLY) * open_timeout:
        raise SourceError(
            f"no answer within {open_timeout:g} s: is the camera on, and the address right?"
        )
    raise SourceError(_why_not(url, left))


def open_video(file: Path) -> cv2.VideoCapture:
    """Open a video file; raises SourceError."""
    _be_quiet()
    try:
        with file.open("rb"):
            pass
    except OSError as error:
        raise SourceError(f"cannot be opened: {error.strerror}") from None
    capture = _opened(str(file), cv2.CAP_FFMPEG, {cv2.CAP_PROP_N_THREADS: 1})
    if capture is None:
        raise SourceError("is not a video that FFmpeg can read")
    return capture


def open_device(device: Path, read_timeout: float, requests: Mapping[int, float]) -> cv2.VideoCapture:
    """Open a V4L2 device and ask it for properties (cv2.CAP_PROP_...: value); raises SourceError."""
    _be_quiet()
    # The only bound there is; one for all devices of this process, read at the first capture.
    os.environ.setdefault("OPENCV_VIDEOIO_V4L_SELECT_TIMEOUT", str(ceil(read_timeout)))
    try:
        mode = device.stat().st_mode
    except OSError as error:
        raise SourceError(
            f"no such device ({error.strerror}): is the camera plugged in? see /dev/v4l/by-id"
        ) from None
    if not stat.S_ISCHR(mode):
        raise SourceError("is not a device")
    if not os.access(device, os.R_OK | os.W_OK):
        raise SourceError("permission denied: add the user of this service to the group video")
    capture = _opened(str(device), cv2.CAP_V4L2, {})
    if capture is None:
        raise SourceError("gives no pictures: another program may use it, or it is no camera")
    for request, value in requests.items():
        capture.set(request, value)
    return capture


def _be_quiet() -> None:
    """Keep OpenCV, too, from writing addresses to standard error, unless somebody asked it to."""
    # Some wheels of OpenCV 4 (4.12) have no way to set it; what they say by themselves names no URL.
    if "OPENCV_LOG_LEVEL" not in os.environ and hasattr(cv2.utils, "logging"):
        cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)


def _opened(address: str, backend: int, settings: Mapping[int, int]) -> cv2.VideoCapture | None:
    pairs = [number for pair in settings.items() for number in pair]
    try:
        capture = cv2.VideoCapture(address, backend, pairs)
    except cv2.error:
        # Its text repeats the address; the callers find out what is wrong themselves.
        return None
    if capture.isOpened():
        return capture
    capture.release()
    return None


def _why_not(url: str, timeout: float) -> str:
    """Why a stream did not open, found out with a connection of one's own."""
    try:
        socket.create_connection(host_and_port(url), timeout=timeout).close()
    except socket.gaierror:
        return "the host's name is not known: check the address, and the network's name server"
    except ConnectionRefusedError:
        return "connection refused: is the port right, and does the camera stream?"
    except TimeoutError:
        return "no answer: is the camera on, and the address right?"
    except OSError as error:
        return f"the host cannot be reached: {error.strerror}"
    return "the host answers, but gives no stream: check the path, the user name and the password"
