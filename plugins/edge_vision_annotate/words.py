"""Words: how findings are put on a picture."""

from __future__ import annotations

LONGEST = 40
"""Characters after which a name or a text is cut off."""


def plain(text: str) -> str:
    """A text in one line, without characters that cannot be drawn, and not too long."""
    line = "".join(letter if letter.isprintable() else " " for letter in text)
    line = " ".join(line.split())
    return line if len(line) <= LONGEST else f"{line[: LONGEST - 3]}..."


def percent(share: float) -> str:
    """A score or share, 0 to 1, as people say it; a score on a scale of its own as it is."""
    return f"{share * 100:.0f}%" if 0.0 <= share <= 1.0 else f"{share:.3g}"
