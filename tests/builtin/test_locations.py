from __future__ import annotations

import os
from pathlib import Path

import pytest

from edge_vision.builtin.capture.locations import host_and_port, locate, parse_source
from edge_vision.data.errors import ConfigError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("a.mp4", "b.JPG", "notes.txt", "a:b.mp4"):
        (tmp_path / name).touch()
    (tmp_path / "pictures").mkdir()
    (tmp_path / "2024").mkdir()
    return tmp_path


@pytest.mark.parametrize(
    ("source", "table"),
    [
        ("test", {"uses": "test"}),
        ("rtsp://camera.lan/stream", {"uses": "opencv", "url": "rtsp://camera.lan/stream"}),
        ("/dev/video0", {"uses": "opencv", "url": "/dev/video0"}),
        (0, {"uses": "opencv", "url": 0}),
        ("0", {"uses": "opencv", "url": "0"}),
        ("a.mp4", {"uses": "opencv", "url": "a.mp4"}),
        ("./a:b.mp4", {"uses": "opencv", "url": "./a:b.mp4"}),
        ("pictures/", {"uses": "pictures", "path": "pictures/"}),
        ("./2024", {"uses": "pictures", "path": "./2024"}),
        ("b.JPG", {"uses": "pictures", "path": "b.JPG"}),
    ],
)
def test_a_short_source_stands_for_a_table(
    folder: Path, source: str | int, table: dict[str, str | int]
) -> None:
    assert parse_source(source, folder) == table


@pytest.mark.parametrize(
    ("source", "kind", "address"),
    [
        ("RTSP://Camera/Stream", "stream", "rtsp://Camera/Stream"),
        ("rtsps://u:p@[fe80::1]:322/x", "stream", "rtsps://u:p@[fe80::1]:322/x"),
        ("http://camera/video.cgi?a=b", "stream", "http://camera/video.cgi?a=b"),
        ("/dev/v4l/by-id/usb-Some_Camera-index0", "device", "/dev/v4l/by-id/usb-Some_Camera-index0"),
        ("/dev/../dev/video3", "device", "/dev/video3"),
        (7, "device", "/dev/video7"),
        ("07", "device", "/dev/video7"),
    ],
)
def test_streams_and_devices_are_told_apart(
    tmp_path: Path, source: str | int, kind: str, address: str
) -> None:
    assert locate(source, tmp_path) == (kind, address)


def test_a_path_is_relative_to_the_folder(folder: Path) -> None:
    assert locate("a.mp4", folder) == ("video", str(folder / "a.mp4"))
    assert locate(str(folder / "a.mp4"), Path("elsewhere")) == ("video", str(folder / "a.mp4"))


def test_a_home_folder_is_not_looked_up(folder: Path) -> None:
    with pytest.raises(ConfigError, match=r"no such file or folder: ~/a\.mp4"):
        locate("~/a.mp4", folder)


@pytest.mark.parametrize(
    ("source", "problem"),
    [
        ("", "is empty"),
        ("x" * 2049, "2,049 characters"),
        ("9" * 2000, "no device number"),
        ("rtsp://camera/\nstream", "control character"),
        ("a\0.mp4", "control character"),
        ("a\x7f.mp4", "control character"),
        ("concat:a.mp4|a.mp4", "concat: is no protocol .* rtsp://, rtsps://, http://, https://"),
        ("subfile,,start,0,end,9,,:a.mp4", "is no protocol"),
        ("exec:reboot", "exec: is no protocol"),
        ("pipe:0", "pipe: is no protocol"),
        ("file:///etc/passwd", "file: is no protocol"),
        ("rtmp://camera/x", "rtmp: is no protocol"),
        ("a:b.mp4", r"\(a file: \./name\)"),
        ("rtsp:camera/stream", "needs // after rtsp:"),
        ("rtsp:///stream", "names no host"),
        ("http://user:password@/x", "names no host"),
        ("rtsp://camera:0/x", "port from 1 to 65535"),
        ("rtsp://camera:99999/x", "port from 1 to 65535"),
        ("rtsp://camera:x/y", "port from 1 to 65535"),
        ("rtsp://user:pa/ss@camera/x", "%2F"),
        ("rtsp://camera/a stream", "%20"),
        ("missing.mp4", "no such file or folder: missing.mp4"),
        ("missing/", "no such file or folder: missing/"),
        ("x" * 300 + ".mp4", "cannot be looked at: File name too long"),
        ("notes.txt", "no video or picture by its name; known endings: .*mp4"),
        ("/etc/passwd", "no video or picture by its name"),
        ("/dev/zero", "no camera"),
        ("/dev/video0/../sda", "no camera"),
        (-1, "no device number: 0 to 255"),
        (256, "no device number: 0 to 255"),
        ("2024", "no device number"),
    ],
)
def test_everything_else_is_refused_with_what_would_be_right(
    folder: Path, source: str | int, problem: str
) -> None:
    with pytest.raises(ConfigError, match=problem):
        parse_source(source, folder)


def test_what_is_neither_a_file_nor_a_folder_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.mp4")
    with pytest.raises(ConfigError, match="neither a file nor a folder"):
        locate("pipe.mp4", tmp_path)


@pytest.mark.parametrize(
    "source",
    [
        "rtsp:/user:s3cret@camera/x",
        "htp//user:s3cret@camera/x",
        "user:s3cret@camera/x",
        "rtsp://user:s3cret@camera:port/x",
        "rtsp://user:s3/cret@camera/x",
        "ftp://user:s3cret@camera/x",
    ],
)
def test_a_mistyped_url_is_refused_without_repeating_its_password(tmp_path: Path, source: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_source(source, tmp_path)
    assert "cret" not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("rtsp://camera/x", ("camera", 554)),
        ("rtsps://camera", ("camera", 322)),
        ("HTTP://u:p@camera:8080?x", ("camera", 8080)),
        ("https://u:p@ss@[::1]/x", ("::1", 443)),
    ],
)
def test_host_and_port_of_a_url(url: str, expected: tuple[str, int]) -> None:
    assert host_and_port(url) == expected
