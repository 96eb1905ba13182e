from __future__ import annotations

import logging
import os
import time
from pathlib import Path
from typing import Any

import cv2
import pytest

from edge_vision.builtin.capture import opencv, opening
from edge_vision.builtin.capture.opencv import OpenCVSource
from edge_vision.builtin.capture.opening import open_device
from edge_vision.contracts.source import SourceContext
from edge_vision.data.errors import ConfigError, SourceError, SourceLost
from tests.builtin.camera_servers import (
    LOCAL,
    MjpegCamera,
    mute,
    picture,
    refusing,
    streaming,
    unauthorised_rtsp,
)
from tests.builtin.capture_rig import (
    FIVE,
    GREYS,
    SHARED,
    SHORT,
    Nothing,
    made,
    secret,
    stream,
    values,
    video,
)


class TestVideos:
    @pytest.mark.parametrize(("name", "code"), [("a.avi", "MJPG"), ("a.mp4", "mp4v")])
    def test_a_video_gives_all_its_frames_and_ends(self, tmp_path: Path, name: str, code: str) -> None:
        video(tmp_path / name, rate=12.5, code=code)
        source = made(name, tmp_path)
        source.open()
        assert not source.live
        assert source.rate == 12.5
        assert source.description == name
        assert values(source) == [index * 10 for index in range(12)]
        assert source.read() is None
        assert not source.skip()
        source.close()
        source.close()

    def test_a_loop_begins_again(self, tmp_path: Path) -> None:
        video(tmp_path / "a.avi", count=3)
        source = made("a.avi", tmp_path, loop=True)
        source.open()
        assert source.takes == 0
        assert values(source, most=3) == [0, 10, 20]
        assert source.takes == 0
        assert values(source, most=4) == [0, 10, 20, 0]
        assert source.takes == 2

    def test_frames_are_passed_over_in_order(self, tmp_path: Path) -> None:
        video(tmp_path / "a.avi", count=4)
        source = made("a.avi", tmp_path)
        source.open()
        assert source.skip()
        assert values(source, most=1) == [10]
        assert source.skip()
        assert source.skip() is True
        assert source.skip() is False

    def test_opened_again_it_begins_again(self, tmp_path: Path) -> None:
        video(tmp_path / "a.avi", count=3)
        source = made("a.avi", tmp_path)
        source.open()
        source.read()
        source.open()
        assert values(source) == [0, 10, 20]

    def test_damaged_frames_are_passed_over_and_said(
        self, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        file = video(tmp_path / "a.avi")
        content = bytearray(file.read_bytes())
        pictures = [at for at in range(len(content)) if content[at : at + 3] == b"\xff\xd8\xff"]
        for at in pictures[4:7]:
            content[at : at + 200] = bytes(200)
        file.write_bytes(content)
        source = made("a.avi", tmp_path)
        source.open()
        with caplog.at_level(logging.WARNING):
            found = values(source)
        assert found == [0, 10, 20, 30, 70, 80, 90, 100, 110]
        assert "porch: 3 damaged frames passed over" in caplog.text

    def test_a_file_of_damaged_frames_ends_even_in_a_loop(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        opened: list[int] = []

        def open_nothing(file: Path) -> Nothing:
            opened.append(1)
            return Nothing()

        monkeypatch.setattr(opencv, "open_video", open_nothing)
        source = made("a.avi", video(tmp_path / "a.avi").parent, loop=True)
        source.open()
        assert source.read() is None
        assert len(opened) == 1
        assert source.rate == opencv.USUAL_RATE

    def test_a_rate_of_ones_own_replaces_the_headers(self, tmp_path: Path) -> None:
        video(tmp_path / "a.avi", rate=50)
        source = made("a.avi", tmp_path, fps=5)
        source.open()
        assert source.rate == 5

    def test_in_real_time_each_frame_waits_for_its_beat(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        waits: list[float] = []

        class Beats:
            def __init__(self, rate: float) -> None:
                self.rate = rate

            def wait(self) -> None:
                waits.append(self.rate)

        monkeypatch.setattr(opencv, "Metronome", Beats)
        video(tmp_path / "a.avi", count=3)
        source = made("a.avi", tmp_path, realtime=True, loop=True)
        source.open()
        values(source, most=4)
        source.skip()
        assert waits == [10.0] * 5
        assert not source.live

    def test_a_file_that_is_no_video_says_so(self, tmp_path: Path) -> None:
        (tmp_path / "a.mp4").write_bytes(b"nothing that anybody can play" * 100)
        with pytest.raises(SourceError, match="is not a video that FFmpeg can read"):
            made("a.mp4", tmp_path).open()

    def test_a_file_gone_meanwhile_says_so(self, tmp_path: Path) -> None:
        source = made("a.avi", video(tmp_path / "a.avi").parent)
        (tmp_path / "a.avi").unlink()
        with pytest.raises(SourceError, match="cannot be opened: No such file"):
            source.open()

    @pytest.mark.shared
    @pytest.mark.skipif(not SHARED.is_dir(), reason="the shared videos are not here")
    @pytest.mark.parametrize(
        ("name", "count", "rate"),
        [("plaza.avi", 341, 50.0), ("one-by-one-person-detection.mp4", 1394, 10.0)],
    )
    def test_real_videos_give_every_frame(self, name: str, count: int, rate: float) -> None:
        source = made(name, SHARED)
        source.open()
        frames = 0
        while source.skip():
            frames += 1
        assert frames == count
        assert source.rate == rate


class TestStreams:
    def test_a_stream_is_live_and_gives_its_pictures(self) -> None:
        with streaming(MjpegCamera(FIVE, "freeze")) as camera:
            source = stream(camera.url())
            assert source.live
            assert source.rate is None
            assert source.silence > SHORT
            source.open()
            assert values(source, most=5) == GREYS
            source.close()

    @pytest.mark.parametrize("then", ["freeze", "noise"])
    def test_a_stream_without_frames_is_lost_after_the_timeout(self, then: Any) -> None:
        with streaming(MjpegCamera(FIVE, then)) as camera:
            source = stream(camera.url())
            source.open()
            began = time.monotonic()
            with pytest.raises(SourceLost, match=r"no frame within 0\.4 s"):
                values(source, most=20)
            assert time.monotonic() - began < 5
            source.close()

    def test_of_a_closed_stream_every_read_fails_and_it_can_be_opened_again(self) -> None:
        with streaming(MjpegCamera(FIVE, "close")) as camera:
            source = stream(camera.url())
            source.open()
            assert values(source) == GREYS
            assert source.read() is None
            assert not source.skip()
            source.open()
            assert values(source) == GREYS
            source.close()

    def test_pictures_may_change_their_size(self) -> None:
        with streaming(MjpegCamera([*FIVE, picture(60, 32, 16), picture(70, 32, 16)])) as camera:
            source = stream(camera.url())
            source.open()
            images = [source.read() for _ in range(7)]
            assert all(image is not None and image.shape[2] == 3 for image in images)
            source.close()

    @pytest.mark.parametrize("then", ["freeze", "noise"])
    def test_a_server_that_streams_no_picture_is_given_up_in_time(self, then: Any) -> None:
        with streaming(MjpegCamera([], then)) as camera:
            began = time.monotonic()
            with pytest.raises(SourceError, match=r"no answer within 0\.4 s"):
                stream(camera.url()).open()
            assert time.monotonic() - began < 5

    @pytest.mark.parametrize("scheme", ["rtsp", "http"])
    def test_a_mute_server_is_given_up_in_time(self, scheme: str) -> None:
        with mute() as port:
            began = time.monotonic()
            with pytest.raises(SourceError, match=r"no answer within 0\.4 s"):
                stream(f"{scheme}://{LOCAL}:{port}/x").open()
            assert time.monotonic() - began < 5

    def test_a_refused_connection_says_so(self) -> None:
        with refusing() as port, pytest.raises(SourceError, match="connection refused"):
            stream(f"rtsp://{LOCAL}:{port}/x").open()

    def test_an_unknown_host_says_so(self) -> None:
        with pytest.raises(SourceError, match="host's name is not known"):
            stream("rtsp://no-such-camera.invalid/x", open_timeout=20).open()

    def test_who_is_not_let_in_is_told_to_check_the_login(self) -> None:
        with unauthorised_rtsp() as port, pytest.raises(SourceError, match="user name and the password"):
            stream(f"rtsp://user:wrong@{LOCAL}:{port}/x", open_timeout=5).open()

    def test_before_it_is_open_there_is_nothing_to_read(self) -> None:
        with pytest.raises(SourceLost, match="is not open"):
            stream("rtsp://camera/x").read()

    def test_opening_again_and_again_leaves_nothing_behind(self) -> None:
        def descriptors() -> int:
            return len(os.listdir("/proc/self/fd"))  # noqa: PTH208  (no pathlib object per entry)

        with refusing() as port:
            refused = stream(f"rtsp://{LOCAL}:{port}/x")
            for attempt in range(30):
                with pytest.raises(SourceError):
                    refused.open()
                if attempt == 0:
                    before = descriptors()
            assert descriptors() <= before

    def test_what_opencv_says_is_passed_on_without_the_password(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        class Broken(Nothing):
            def grab(self) -> bool:
                raise cv2.error("cannot go on with\nrtsp://user:s%2Fcret@camera/x, alias s/cret")

        def opened(url: str, *timeouts: float) -> Broken:
            assert url == "rtsp://user:s%2Fcret@camera/x"
            return Broken()

        monkeypatch.setattr(opencv, "open_stream", opened)
        source = stream("rtsp://camera/x", tmp_path, username="user", password_file=secret(tmp_path))
        source.open()
        with pytest.raises(SourceLost, match=r"cannot go on with rtsp://user:\*\*\*@camera/x, alias"):
            source.read()


class TestDevices:
    def test_a_missing_device_says_so(self, tmp_path: Path) -> None:
        with pytest.raises(SourceError, match=r"no such device .* is the camera plugged in"):
            open_device(tmp_path / "video0", SHORT, {})

    def test_a_file_is_no_device(self, tmp_path: Path) -> None:
        (tmp_path / "video0").touch()
        with pytest.raises(SourceError, match="is not a device"):
            open_device(tmp_path / "video0", SHORT, {})

    def test_a_device_that_may_not_be_used_names_the_group(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(os, "access", lambda *arguments: False)
        with pytest.raises(SourceError, match=r"permission denied: .* group video"):
            open_device(Path("/dev/null"), SHORT, {})

    def test_a_device_that_is_no_camera_says_so(self) -> None:
        with pytest.raises(SourceError, match="gives no pictures"):
            open_device(Path("/dev/null"), SHORT, {})

    def test_a_device_is_asked_for_its_pixel_format_first(self, monkeypatch: pytest.MonkeyPatch) -> None:
        device = Nothing()
        monkeypatch.setattr(opening, "_opened", lambda *arguments: device)
        monkeypatch.setattr(opencv, "Path", lambda address: Path("/dev/null"))
        source = made(0, width=1280, height=720, fps=15, fourcc="MJPG")
        assert source.live
        assert source.description == "/dev/video0"
        source.open()
        assert device.asked == [
            (cv2.CAP_PROP_FOURCC, cv2.VideoWriter.fourcc(*"MJPG")),
            (cv2.CAP_PROP_FRAME_WIDTH, 1280),
            (cv2.CAP_PROP_FRAME_HEIGHT, 720),
            (cv2.CAP_PROP_FPS, 15),
        ]


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({}, "url: is missing"),
        ({"url": True}, "url: should be a text or the number of a device"),
        ({"url": ["rtsp://user:k9hidden@camera/"]}, "url: should be a text"),
        ({"url": -1}, "url: is no device number"),
        ({"url": "concat:a.avi"}, "url: concat: is no protocol"),
        ({"url": "missing.mp4"}, "url: no such file or folder: missing.mp4"),
        ({"url": "."}, 'url: is no video; pictures are read by uses = "pictures"'),
        ({"url": "a.avi", "width": 640}, "width: is for video devices only"),
        ({"url": "a.avi", "open_timeout": 1}, "open_timeout: is for network streams only"),
        ({"url": "rtsp://camera/", "loop": True}, "loop: is for video files only"),
        ({"url": "rtsp://camera/", "fps": 5}, "fps: is for video devices and video files only"),
        ({"url": 0, "username": "user"}, "username: is for network streams only"),
        ({"url": 0, "fourcc": "MJPEG"}, "fourcc: "),
        ({"url": 0, "read_timeout": 0}, "read_timeout: should be greater than or equal to 0.1"),
        ({"url": "rtsp://camera/", "passwort": "k9hidden"}, "passwort: unknown option"),
    ],
)
def test_what_cannot_work_is_refused(tmp_path: Path, options: dict[str, Any], problem: str) -> None:
    video(tmp_path / "a.avi", count=1)
    with pytest.raises(ConfigError, match=problem) as caught:
        OpenCVSource(OpenCVSource.Options.parse(options), SourceContext("porch", tmp_path))
    assert "hidden" not in str(caught.value)
