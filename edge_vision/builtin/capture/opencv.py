"""Capture through OpenCV: network streams, V4L2 devices and video files."""

from __future__ import annotations

import logging
import time
from math import isfinite
from pathlib import Path
from typing import NoReturn
from urllib.parse import quote

import cv2
import numpy as np
from numpy.typing import NDArray
from pydantic import field_validator

from edge_vision.builtin.capture.locations import Location, check_text, has_login, locate
from edge_vision.builtin.capture.metronome import Metronome
from edge_vision.builtin.capture.opening import NEARLY, open_device, open_stream, open_video
from edge_vision.builtin.capture.redaction import conceal, redacted, secrets_in, with_login
from edge_vision.builtin.secret_file import find_credential, read_secret
from edge_vision.contracts.options import Options as BaseOptions
from edge_vision.contracts.options import option
from edge_vision.contracts.source import Source, SourceContext
from edge_vision.data.errors import ConfigError, SourceLost

logger = logging.getLogger(__name__)

DAMAGE = 25
"""Frames in a row of a video that may be damaged; after more it is taken to have ended."""
USUAL_RATE = 25.0
"""Frames a second of a video whose header does not say it credibly (1 to 240)."""
GRACE = 3.0
"""Seconds beyond a read's timeout before a camera is called silent."""

_FITS = {
    "realtime": ("video",),
    "loop": ("video",),
    "width": ("device",),
    "height": ("device",),
    "fourcc": ("device",),
    "fps": ("device", "video"),
    "open_timeout": ("stream",),
    "read_timeout": ("stream", "device"),
    "username": ("stream",),
    "password_file": ("stream",),
}
"""Which kinds of locations an option is for."""
_CALLED = {"stream": "network streams", "device": "video devices", "video": "video files"}


class OpenCVSource(Source):
    """A network stream, a V4L2 device or a video file, read through OpenCV.

    Streams and devices are live; every URL is a stream, also one that names a file. A video is a
    recording, played as fast as it is processed, or in its own time with `realtime`; it never drops.
    """

    name = "opencv"

    class Options(BaseOptions):
        """Where the frames come from, and how long to wait for them."""

        url: str | int = option(
            ..., "a URL (rtsp, rtsps, http, https), a device (/dev/video0 or its number) or a video file"
        )
        realtime: bool = option(False, "play a video at its own rate instead of as fast as possible")
        loop: bool = option(False, "begin a video again when it ends")
        width: int | None = option(None, "asked of a device", unit="px", ge=16, le=16384)
        height: int | None = option(None, "asked of a device", unit="px", ge=16, le=16384)
        fps: float | None = option(
            None, "asked of a device; of a video, in place of what its header says", ge=0.2, le=240
        )
        fourcc: str | None = option(
            None, "pixel format asked of a device, such as MJPG", pattern=r"^[ -~]{4}$"
        )
        open_timeout: float = option(5.0, "longest wait for a stream to open", unit="s", ge=0.1, le=60)
        read_timeout: float = option(5.0, "longest wait for a frame", unit="s", ge=0.1, le=60)
        username: str | None = option(None, "user name for a stream", min_length=1)
        password_file: str | None = option(
            None,
            "file with the password for a stream, or the name of a systemd credential",
            min_length=1,
        )

        @field_validator("url", mode="before")
        @classmethod
        def _is_a_location(cls, url: object) -> object:
            if isinstance(url, bool) or not isinstance(url, str | int):
                raise ValueError("should be a text or the number of a device")
            if isinstance(url, str):
                try:
                    check_text(url)
                except ConfigError as error:
                    raise ValueError(error.problem) from None
            return url

    options: Options

    def __init__(self, options: Options, context: SourceContext) -> None:
        super().__init__(options, context)
        self._location = _location(options, context.folder)
        self._login = _login(options, self._location, context.folder)
        self._capture: cv2.VideoCapture | None = None
        self._metronome: Metronome | None = None
        self._grabbed = 0
        self.live = self._location.kind != "video"
        self.prompt = not self.live and not options.realtime
        self.silence = options.read_timeout + GRACE

    @property
    def description(self) -> str:
        """The location without its secrets."""
        return redacted(self._location.address if self.live else str(self.options.url))

    @property
    def secrets(self) -> tuple[str, ...]:
        """The password and whatever else the URL keeps secret, as it is and percent-encoded."""
        password = self._login[1] if self._login else None
        own = () if password is None else (password, quote(password, safe=""))
        return (*secrets_in(self._url()), *own)

    def open(self) -> None:
        """Open it, or open it again."""
        self.close()
        options, address = self.options, self._location.address
        if self._location.kind == "stream":
            self._capture = open_stream(self._url(), options.open_timeout, options.read_timeout)
        elif self._location.kind == "device":
            self._capture = open_device(Path(address), options.read_timeout, _requests(options))
        else:
            self._capture = open_video(Path(address))
            self.rate = options.fps or _rate(self._capture)
            self._metronome = self._metronome or (Metronome(self.rate) if options.realtime else None)

    def read(self) -> NDArray[np.uint8] | None:
        """The next image; None where a read failed, or the video has ended."""
        while self.skip():
            try:
                decoded, image = self._opened.retrieve()
            except cv2.error as error:
                self._give_up(error)
            if decoded:
                return np.asarray(image, dtype=np.uint8)
            if self.live:
                break
        return None

    def skip(self) -> bool:
        """Pass over one frame without making pixels of it."""
        return self._grab_live() if self.live else self._grab_recorded()

    def close(self) -> None:
        """Release it; OpenCV crashes where another thread does this during a read."""
        if self._capture is not None:
            self._capture.release()
        self._capture = None
        self._grabbed = 0

    @property
    def _opened(self) -> cv2.VideoCapture:
        if self._capture is None:
            raise SourceLost("is not open")
        return self._capture

    def _url(self) -> str:
        return (
            with_login(self._location.address, *self._login) if self._login else self._location.address
        )

    def _grab(self) -> bool:
        try:
            return self._opened.grab()
        except cv2.error as error:
            self._give_up(error)

    def _give_up(self, error: cv2.error) -> NoReturn:
        """Raise SourceLost with what OpenCV said, less the secrets it may repeat."""
        said = conceal(" ".join(str(error).split()), self.secrets)
        raise SourceLost(f"OpenCV failed: {said}") from None

    def _grab_live(self) -> bool:
        began = time.monotonic()
        if self._grab():
            return True
        if time.monotonic() - began >= NEARLY * self.options.read_timeout:
            raise SourceLost(f"no frame within {self.options.read_timeout:g} s")
        return False

    def _grab_recorded(self) -> bool:
        """Go to the next frame that can be read; False at the end. Over damaged frames it goes on."""
        while not self._grab_past_damage():
            if not self.options.loop or not self._grabbed:
                return False
            self.open()
            self.takes += 1
        self._grabbed += 1
        if self._metronome is not None:
            self._metronome.wait()
        return True

    def _grab_past_damage(self) -> bool:
        for failures in range(DAMAGE + 1):
            if self._grab():
                if failures:
                    logger.warning("%s: %d damaged frames passed over", self.context.camera, failures)
                return True
        return False


def _location(options: OpenCVSource.Options, folder: Path) -> Location:
    """The location of the options, all of them being for its kind; raises ConfigError."""
    try:
        location = locate(options.url, folder)
    except ConfigError as error:
        raise ConfigError(error.problem, "url") from None
    if location.kind == "pictures":
        raise ConfigError('is no video; pictures are read by uses = "pictures"', "url")
    for name in options.model_fields_set:
        kinds = _FITS.get(name, (location.kind,))
        if location.kind not in kinds:
            raise ConfigError(f"is for {' and '.join(_CALLED[kind] for kind in kinds)} only", name)
    return location


def _login(
    options: OpenCVSource.Options, location: Location, folder: Path
) -> tuple[str, str | None] | None:
    """User name and password beside the URL; raises ConfigError."""
    if options.username is None:
        if options.password_file is not None:
            raise ConfigError("needs a username", "password_file")
        return None
    if has_login(location.address):
        raise ConfigError("the URL names a user already", "username")
    if options.password_file is None:
        return options.username, None
    file = find_credential(options.password_file) or folder / options.password_file
    return options.username, read_secret(file, "password_file")


def _requests(options: OpenCVSource.Options) -> dict[int, float]:
    """What is asked of a device; the pixel format first, the rest depends on it."""
    requests: dict[int, float | None] = {
        cv2.CAP_PROP_FOURCC: cv2.VideoWriter.fourcc(*options.fourcc) if options.fourcc else None,
        cv2.CAP_PROP_FRAME_WIDTH: options.width,
        cv2.CAP_PROP_FRAME_HEIGHT: options.height,
        cv2.CAP_PROP_FPS: options.fps,
    }
    return {request: value for request, value in requests.items() if value is not None}


def _rate(capture: cv2.VideoCapture) -> float:
    """Frames a second of a video, as its header says where that is credible."""
    rate = capture.get(cv2.CAP_PROP_FPS)
    return rate if isfinite(rate) and 1.0 <= rate <= 240.0 else USUAL_RATE
