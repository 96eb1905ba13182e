"""What a user may write in [mqtt], and the files it names."""

from __future__ import annotations

import gc
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from edge_vision import ConfigError, Identity, SinkContext
from edge_vision.builtin.mqtt.broker import Broker, broker_of
from edge_vision.builtin.mqtt.options import MqttOptions
from edge_vision.builtin.mqtt.sink import MqttSink

if TYPE_CHECKING:
    from tests.builtin.conftest import Certificates


def read(folder: Path, name: str = "mqtt", **options: Any) -> Broker:
    identity = Identity("porch-pi", "boot1", "home/vision")
    context = SinkContext(name, identity, lambda *_: "", folder)
    return broker_of(MqttOptions.parse(options), context)


def problem(folder: Path, **options: Any) -> str:
    with pytest.raises(ConfigError) as caught:
        read(folder, **options)
    return str(caught.value)


def test_nothing_needs_to_be_written(tmp_path: Path) -> None:
    broker = read(tmp_path)
    assert str(broker) == "localhost:1883"
    assert broker.client_id == "home-vision-porch-pi"
    assert broker.will_topic == "home/vision/porch-pi/status"
    assert broker.tls is None
    assert broker.password is None
    assert read(tmp_path, name="cloud").client_id == "home-vision-porch-pi-cloud"


def test_tls_has_its_own_port_unless_one_is_given(tmp_path: Path) -> None:
    assert read(tmp_path, tls=True).port == 8883
    assert read(tmp_path, tls=False).port == 1883
    assert read(tmp_path, tls=True, port=1884).port == 1884


@pytest.mark.parametrize(
    "root", ["", "/a", "a/", "a//b", "$SYS", "a/+", "#", "a\0b", "a\nb", "x" * 70000]
)
def test_a_root_that_cannot_begin_a_topic_is_an_error(tmp_path: Path, root: str) -> None:
    assert problem(tmp_path, root=root).startswith("root: ")


def test_wrong_options_are_answered(tmp_path: Path) -> None:
    assert problem(tmp_path, hots="x") == "hots: unknown option, did you mean host?"
    assert problem(tmp_path, tls={"ca_fil": "x"}) == "tls.ca_fil: unknown option, did you mean ca_file?"
    assert "tls" in problem(tmp_path, tls=3)
    assert "key_file needs cert_file" in problem(tmp_path, tls={"key_file": "x"})
    assert "a username" in problem(tmp_path, password_file="x")
    assert "host" in problem(tmp_path, host="mqtt://user@broker")
    assert "larger" in problem(tmp_path, reconnect_min=5, reconnect_max=2)
    assert problem(tmp_path, protocol="4").startswith("protocol: should be 'auto', '5' or '3.1.1'")


def test_the_password_is_read_from_a_file_and_not_shown(tmp_path: Path) -> None:
    secret(tmp_path / "password", "pass word\n")
    broker = read(tmp_path, username="me", password_file="password")
    assert broker.password == "pass word"
    assert "pass word" not in repr(broker)


def secret(file: Path, content: str, mode: int = 0o600) -> None:
    file.write_text(content)
    file.chmod(mode)


def test_a_credential_comes_before_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    credentials = tmp_path / "credentials"
    credentials.mkdir()
    secret(tmp_path / "password", "from the file")
    secret(credentials / "password", "from the credential")
    secret(credentials / "mqtt-password", "the usual one")
    assert read(tmp_path, username="me").password is None
    assert read(tmp_path, username="me", password_file="password").password == "from the file"
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(credentials))
    assert read(tmp_path, username="me", password_file="password").password == "from the credential"
    assert read(tmp_path, username="me").password == "the usual one"
    assert read(tmp_path).password is None


def test_a_password_file_that_cannot_be_used_is_an_error(tmp_path: Path) -> None:
    def said() -> str:
        return problem(tmp_path, username="me", password_file="password")

    assert said().startswith("password_file: cannot read")
    secret(tmp_path / "password", "\n")
    assert said().endswith("is empty")
    secret(tmp_path / "password", "x" * 5000)
    assert said().endswith("too long to be a secret")
    (tmp_path / "password").write_bytes(b"\xff\xfe")
    assert said().endswith("is not text in UTF-8")


def test_a_password_that_everybody_can_read_is_warned_of(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    secret(tmp_path / "password", "open secret", 0o644)
    read(tmp_path, username="me", password_file="password")
    assert "can be read by every user" in caplog.text
    assert "open secret" not in caplog.text


def test_certificates_that_cannot_be_used_are_errors(
    tmp_path: Path, make_certificates: Callable[[str], Certificates]
) -> None:
    assert problem(tmp_path, tls={"ca_file": "missing.pem"}).startswith("tls.ca_file: cannot use")
    (tmp_path / "junk.pem").write_text("junk")
    assert problem(tmp_path, tls={"ca_file": "junk.pem"}).startswith("tls.ca_file: cannot use")
    made = make_certificates("ours")
    locked = tmp_path / "locked.pem"
    subprocess.run(
        ["openssl", "ec", "-in", made.key, "-aes128", "-passout", "pass:1234", "-out", locked],
        check=True,
        capture_output=True,
    )
    wrong = {"cert_file": str(made.certificate), "key_file": str(locked)}
    assert problem(tmp_path, tls=wrong).startswith("tls.cert_file: cannot use")
    right = {"cert_file": str(made.certificate), "key_file": str(made.key)}
    assert read(tmp_path, tls=right).tls is not None


def test_a_sink_that_is_only_checked_holds_nothing(tmp_path: Path) -> None:
    context = SinkContext("mqtt", Identity("porch-pi", "boot1"), lambda *_: "", tmp_path)
    before = set(threading.enumerate())
    sink = MqttSink(MqttSink.Options.parse({}), context)
    del sink
    gc.collect()  # a socket left open would be a warning, and that an error
    assert set(threading.enumerate()) == before
    MqttSink(MqttSink.Options.parse({}), context).close()
