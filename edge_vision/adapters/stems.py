"""Stems of names: what the names of a state's input and output have in common."""

from __future__ import annotations

import re

_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_DIRECTION = re.compile(
    r"ins?|inputs?|i|outs?|outputs?|o|init|initial|start|prev|previous|last|past|old|"
    r"next|new|present|cur|current|updated|final|t|tm"
)
_FILLER = re.compile(r"serving|default|stateful|partitioned|call|identity|args?")
_STATE = re.compile(r"states?|hidden|memory|carry|cache")
_RECURRENT = re.compile(_STATE.pattern + r"|lstm|gru|rnn|init|initial|prev|previous|past")


def is_called_state(name: str) -> bool:
    """True where a name has a word in it that states are called by."""
    return any(_RECURRENT.fullmatch(word.lower()) for word in _WORD.findall(name))


def _words(name: str) -> list[str]:
    """The words of a name that say what it is, in small letters, without the number of its output."""
    words = [word.lower() for word in _WORD.findall(re.sub(r":\d+$", "", name))]
    return [word for word in words if not _DIRECTION.fullmatch(word) and not _FILLER.fullmatch(word)]


def _joined(words: list[str]) -> str:
    """Words as one text; empty where they are numbers only."""
    return " ".join(words) if any(not word.isdigit() for word in words) else ""


def path_stem(name: str) -> str:
    """The words of the whole name that say what it is."""
    return _joined(_words(name))


def stem(name: str) -> str:
    """The words of the name's last part, with their numbers."""
    return _joined(_words(name.rsplit("/", 1)[-1]))


def stem_without_numbers(name: str) -> str:
    """The words of the name's last part."""
    return _joined([word for word in _words(name.rsplit("/", 1)[-1]) if not word.isdigit()])


def stem_without_state(name: str) -> str:
    """The words of the name's last part, without those that states are called by."""
    words = stem_without_numbers(name).split()
    return _joined([word for word in words if not _STATE.fullmatch(word)])
