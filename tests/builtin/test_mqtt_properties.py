"""Properties as we pack them are what the library unpacks."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from edge_vision.builtin.mqtt.properties import publication

# What UTF-8 can hold and MQTT allows in a text (1.5.4): no NUL, no surrogates.
words = st.text(st.characters(exclude_categories=["Cs", "Cc", "Cn", "Co"]), max_size=60)


@given(
    text=st.booleans(),
    content_type=words,
    expiry=st.none() | st.integers(0, 2**32 - 1),
    user=st.none() | st.tuples(words, words),
    correlation=st.binary(max_size=300),
)
def test_the_library_unpacks_what_was_packed(
    text: bool,
    content_type: str,
    expiry: int | None,
    user: tuple[str, str] | None,
    correlation: bytes,
) -> None:
    packed = publication(
        text=text, content_type=content_type, expiry=expiry, user=user, correlation=correlation
    ).pack()
    read: Any = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
    _, length = read.unpack(packed)
    assert length == len(packed)
    assert getattr(read, "PayloadFormatIndicator", 0) == int(text)
    assert getattr(read, "ContentType", "") == content_type
    assert getattr(read, "MessageExpiryInterval", None) == expiry
    assert getattr(read, "UserProperty", [None])[0] == user
    assert getattr(read, "CorrelationData", b"") == correlation


def test_a_publication_that_says_nothing_has_no_properties() -> None:
    packed = publication(text=False, content_type="", expiry=None, user=None, correlation=b"")
    assert packed.pack() == b"\0"
    assert str(packed) == "1 bytes of properties"
