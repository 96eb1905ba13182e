"""Redaction: locations said without their secrets, and the secrets a location holds.

Where a password holds characters that should have been written percent-encoded, nobody can tell
where it ends. So it is taken to run from the first colon to the last @: better to hide too much.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple
from urllib.parse import quote, unquote

HIDDEN = "***"
SHORTEST = 4
"""Shorter values of a query are not called secrets: too many innocent texts would hold them."""

_SECRET = re.compile(r"pass|pwd|^pw|secret|token|key|auth|sig|session|credential", re.IGNORECASE)
# Some cameras take `user=admin_password=x_channel=1` as a path.
_PATH_VALUE = re.compile(r"(?P<key>[A-Za-z0-9-]+)=(?P<value>.*?)(?=_[A-Za-z0-9-]+=|[&/;,?#]|$)")
_IPV6_WITHOUT_LOGIN = re.compile(r"\[[0-9A-Fa-f:.%]+](:\d*)?([/?#]|$)")


class _Parts(NamedTuple):
    """A location: up to and with `://`, the user, the password, and the rest from the host on."""

    start: str
    user: str | None
    password: str | None
    rest: str


def redacted(location: str) -> str:
    """The location without the password, the values of the query, and values like `password=...`."""
    start, user, password, rest = _split(location)
    path, mark, query = rest.partition("?")
    path = _PATH_VALUE.sub(lambda m: f"{m['key']}={HIDDEN}" if _SECRET.search(m["key"]) else m[0], path)
    query = "&".join(_without_value(pair) for pair in query.split("&"))
    login = "" if user is None else f"{user}@" if password is None else f"{user}:{HIDDEN}@"
    return f"{start}{login}{path}{mark}{query}"


def secrets_in(location: str) -> tuple[str, ...]:
    """Every secret a location holds, as written and as decoded, the longest first.

    They are the password, and values in the query and the path whose key is named like a secret's.
    """
    found = set(_passwords(location))
    found.update(value for value in _named_values(location) if len(value) >= SHORTEST)
    found.update([unquote(secret) for secret in found])
    return tuple(sorted(filter(None, found), key=lambda secret: (-len(secret), secret)))


def conceal(text: str, secrets: Iterable[str]) -> str:
    """A text with each of the secrets hidden."""
    for secret in sorted(filter(None, secrets), key=len, reverse=True):
        text = text.replace(secret, HIDDEN)
    return text


def with_login(url: str, username: str, password: str | None) -> str:
    """A URL that has no user yet, with a user name and a password, percent-encoded."""
    start, slashes, rest = url.partition("://")
    login = quote(username, safe="")
    if password is not None:
        login += f":{quote(password, safe='')}"
    return f"{start}{slashes}{login}@{rest}"


def _split(location: str) -> _Parts:
    scheme, slashes, rest = location.partition("://")
    start = scheme + slashes
    if not slashes:
        start, rest = "", location
    login, at, after = rest.rpartition("@")
    user, colon, password = login.partition(":")
    if not at or _IPV6_WITHOUT_LOGIN.match(rest):
        return _Parts(start, None, None, rest)
    return _Parts(start, user, password if colon else None, after)


def _passwords(location: str) -> Iterator[str]:
    """The password, and where it may have ended earlier: before the last @ of the host's part."""
    start, _, password, _ = _split(location)
    if password is None:
        return
    yield password
    authority = re.split(r"[/?#]", location[len(start) :], maxsplit=1)[0]
    login, at, _ = authority.rpartition("@")
    if at:
        yield login.partition(":")[2]


def _named_values(location: str) -> Iterator[str]:
    path, _, query = location.partition("?")
    for match in _PATH_VALUE.finditer(path):
        if _SECRET.search(match["key"]):
            yield match["value"]
    for pair in query.split("&"):
        key, equals, value = pair.partition("=")
        if not equals:
            yield key
        elif _SECRET.search(key):
            yield value


def _without_value(pair: str) -> str:
    key, equals, value = pair.partition("=")
    if not equals:
        return HIDDEN if pair else ""
    return f"{key}={HIDDEN if value else ''}"
