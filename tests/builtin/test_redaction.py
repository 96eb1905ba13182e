from __future__ import annotations

from urllib.parse import quote

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from edge_vision.builtin.capture.redaction import conceal, redacted, secrets_in, with_login


@pytest.mark.parametrize(
    ("location", "shown"),
    [
        ("rtsp://user:secret@camera/stream", "rtsp://user:***@camera/stream"),
        ("rtsp://user:secret@[fe80::1]:554/stream", "rtsp://user:***@[fe80::1]:554/stream"),
        ("rtsp://[fe80::1]:554/a@b", "rtsp://[fe80::1]:554/a@b"),
        ("rtsp://user@camera/stream", "rtsp://user@camera/stream"),
        ("rtsp://user:@camera/stream", "rtsp://user:***@camera/stream"),
        ("rtsp://:secret@camera/", "rtsp://:***@camera/"),
        ("rtsp://user:p@ss@camera/", "rtsp://user:***@camera/"),
        ("rtsp://user:p:s@camera/", "rtsp://user:***@camera/"),
        ("rtsp://user:p/s?t#u@camera/", "rtsp://user:***@camera/"),
        ("rtsp://camera:554/stream", "rtsp://camera:554/stream"),
        ("rtsp://camera/stream@1", "rtsp://camera/stream@1"),
        ("http://camera/x?user=admin&pwd=secret&empty=", "http://camera/x?user=***&pwd=***&empty="),
        ("http://camera/x?0a1b2c", "http://camera/x?***"),
        (
            "rtsp://camera/user=admin_password=secret_channel=1_stream=0.sdp?real",
            "rtsp://camera/user=admin_password=***_channel=1_stream=0.sdp?***",
        ),
        ("/dev/video0", "/dev/video0"),
        ("a.mp4", "a.mp4"),
    ],
)
def test_a_location_is_shown_without_its_secrets(location: str, shown: str) -> None:
    assert redacted(location) == shown


@pytest.mark.parametrize(
    ("location", "secrets"),
    [
        ("rtsp://user:s%40cret@camera/x", {"s%40cret", "s@cret"}),
        ("rtsp://user:p@ss@camera/x", {"p@ss"}),
        ("rtsp://user:secret@camera/a@b", {"secret", "secret@camera/a"}),
        ("http://camera/x?token=0a%201b&size=640x480&key=1", {"0a%201b", "0a 1b"}),
        ("rtsp://camera/user=admin_password=secret_channel=1", {"secret"}),
        ("rtsp://camera/x", set()),
        ("rtsp://user@camera/x", set()),
        ("rtsp://user:@camera/x", set()),
    ],
)
def test_the_secrets_of_a_location_are_known_for_the_log(location: str, secrets: set[str]) -> None:
    assert set(secrets_in(location)) == secrets


printable = st.text(st.characters(min_codepoint=33, max_codepoint=0x2FF, exclude_categories=("C", "Z")))
passwords = printable.map(lambda text: f"K{text}K")
hosts = st.sampled_from(["camera.lan", "camera:554", "10.0.0.2:8080", "[fe80::1]", "[::1]:80"])
users = st.sampled_from(["user", "", "user.name-1_x", "user%40home"])
paths = st.sampled_from(["", "/", "/stream", "/a/b?x=y", "/cam/realmonitor?channel=1&subtype=0"])


@given(password=passwords, user=users, host=hosts, path=paths, encoded=st.booleans())
def test_no_password_however_odd_is_shown(
    password: str, user: str, host: str, path: str, encoded: bool
) -> None:
    written = quote(password, safe="") if encoded else password
    url = f"rtsp://{user}:{written}@{host}{path}"
    shown = redacted(url)
    assert "K" not in shown
    assert host in shown
    assert written in secrets_in(url)
    if encoded:
        assert password in secrets_in(url)


@given(
    value=passwords,
    key=st.sampled_from(["password", "pwd", "token", "api_key", "auth", "X-Amz-Signature"]),
)
def test_no_value_of_a_query_is_shown(value: str, key: str) -> None:
    assume(not set("@&=?#") & set(value))
    url = f"http://camera/x?a=b&{key}={value}"
    assert "K" not in redacted(url)
    if len(value) >= 4:
        assert value in secrets_in(url)


@given(password=passwords, username=printable.filter(bool))
def test_a_login_put_into_a_url_is_found_again(password: str, username: str) -> None:
    url = with_login("rtsp://camera/x", username, password)
    assert password in secrets_in(url)
    assert redacted(url).endswith(":***@camera/x")


def test_known_secrets_are_hidden_in_any_text_the_longest_first() -> None:
    assert conceal("abcd and abc", ("abc", "abcd", "")) == "*** and ***"
