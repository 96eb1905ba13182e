from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from edge_vision.data.errors import ConfigError
from tests.builtin.camera_servers import (
    LOCAL,
    MjpegCamera,
    mute,
    refusing,
    streaming,
    unauthorised_rtsp,
)
from tests.builtin.capture_rig import (
    FIVE,
    GREYS,
    SHORT,
    made,
    secret,
    stream,
    values,
)


class TestLogin:
    def test_a_login_beside_the_url_is_encoded_and_used(self, tmp_path: Path) -> None:
        password = "p@ss:w/rd #1ä"
        with streaming(MjpegCamera(FIVE, login=f"user:{password}")) as camera:
            source = stream(
                camera.url(), tmp_path, username="user", password_file=secret(tmp_path, password)
            )
            source.open()
            assert values(source) == GREYS
            assert source.description == camera.url()
            source.close()

    def test_a_login_in_the_url_is_used(self) -> None:
        with streaming(MjpegCamera(FIVE, login="user:p@ss")) as camera:
            source = stream(camera.url("user:p%40ss"))
            source.open()
            assert values(source) == GREYS
            assert source.description == f"http://user:***@{LOCAL}:{camera.port}/stream"
            source.close()

    def test_a_systemd_credential_comes_first(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (tmp_path / "credentials").mkdir()
        monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path / "credentials"))
        secret(tmp_path, "from the folder")
        name = secret(tmp_path / "credentials", "right")
        with streaming(MjpegCamera(FIVE, login="user:right")) as camera:
            source = stream(camera.url(), tmp_path, username="user", password_file=name)
            source.open()
            source.close()

    @pytest.mark.parametrize(
        ("options", "problem"),
        [
            ({"password_file": "password"}, "password_file: needs a username"),
            ({"username": "user", "password_file": "missing"}, "password_file: cannot read .*missing"),
            ({"username": "user", "url": "rtsp://other@camera/"}, "username: the URL names a user"),
            ({"username": ""}, "username: "),
        ],
    )
    def test_a_login_that_cannot_work_is_refused(
        self, tmp_path: Path, options: dict[str, Any], problem: str
    ) -> None:
        secret(tmp_path)
        with pytest.raises(ConfigError, match=problem):
            made(folder=tmp_path, **{"url": "rtsp://camera/", **options})


SCRIPT = """
import json, sys, traceback
from pathlib import Path
from edge_vision.builtin.capture.opencv import OpenCVSource
from edge_vision.contracts.source import SourceContext
from edge_vision.data.errors import SourceError

for table in json.loads(sys.argv[1]):
    source = OpenCVSource(OpenCVSource.Options.parse(table), SourceContext("porch", Path(sys.argv[2])))
    try:
        source.open()
        for _ in range(20):
            source.read()
    except SourceError:
        traceback.print_exc()
    print("went past", source.description, repr(source), source.context)
    source.close()
"""


def test_no_password_gets_out_whatever_the_camera_does(tmp_path: Path) -> None:
    secret(tmp_path, "k9/hidden")
    wait = {"open_timeout": SHORT, "read_timeout": SHORT}
    beside = {"username": "user", "password_file": "password", **wait}
    with (
        refusing() as closed,
        mute() as silent,
        unauthorised_rtsp() as locked,
        streaming(MjpegCamera([*FIVE, b"\xff\xd8broken"], "freeze")) as camera,
        streaming(MjpegCamera([], login="user:other")) as picky,
    ):
        ports = {"rtsp": (closed, silent, locked), "http": (closed, silent, camera.port, picky.port)}
        hosts = [f"{scheme}://%{LOCAL}:{port}/x" for scheme, some in ports.items() for port in some]
        tables = [{"url": host.replace("%", "user:k9%2Fhidden@"), **wait} for host in hosts]
        tables += [{"url": host.replace("%", ""), **beside} for host in hosts]
        tables += [{"url": "rtsp://user:k9%2Fhidden@no-such-camera.invalid/?token=k9hidden", **wait}]
        ran = subprocess.run(
            [sys.executable, "-c", SCRIPT, json.dumps(tables), str(tmp_path)],
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )
    assert ran.stdout.count("went past") == len(tables)
    assert ran.stderr.count("SourceError: ") + ran.stderr.count("SourceLost: ") == len(tables)
    assert "hidden" not in ran.stdout + ran.stderr
