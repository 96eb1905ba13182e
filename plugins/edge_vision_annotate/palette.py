"""The palette: which colour a class is drawn in. A class has the same colour in every picture."""

from __future__ import annotations

from functools import lru_cache
from zlib import crc32

Bgr = tuple[int, int, int]


def _bgr(code: int) -> Bgr:
    """A colour written 0xRRGGBB."""
    return code & 0xFF, code >> 8 & 0xFF, code >> 16


COLOURS: tuple[Bgr, ...] = tuple(
    _bgr(code)
    for code in (
        *(0xFF4D4D, 0xFF8A1F, 0xFFE03B, 0xB4E830, 0x3FD65F, 0x14C9A0),
        *(0x22CDF2, 0x3F9DFF, 0x6A72FF, 0x9F5CFF, 0xD957FF, 0xFF5CBE),
        *(0xFF7F9C, 0x7CF0C0, 0xFFB38A, 0xC3A8FF, 0x9ED8FF, 0xF2EBC4),
    )
)
"""Light and saturated enough to stand out from most pictures, and easily told from each other."""

TEXT_COLOUR: Bgr = _bgr(0xFFC247)
"""What was read is drawn in amber, whatever it says."""

WHITE: Bgr = (255, 255, 255)
BLACK: Bgr = (0, 0, 0)


def colour_of(class_id: int, labels: tuple[str, ...]) -> Bgr:
    """The colour of one class of a model with these labels; without a label it goes by the number."""
    if 0 <= class_id < len(labels):
        return _assigned(labels)[class_id]
    return COLOURS[class_id % len(COLOURS)]


def contrasting(colour: Bgr) -> Bgr:
    """Black or white, whichever is read more easily on a colour (by ITU-R BT.601 luma)."""
    blue, green, red = colour
    return BLACK if 0.114 * blue + 0.587 * green + 0.299 * red > 128 else WHITE


@lru_cache(maxsize=64)
def _assigned(labels: tuple[str, ...]) -> tuple[Bgr, ...]:
    """A colour for each label: the one its name leads to, or the next that no earlier label has.

    So "person" is nearly always the same colour, whichever model found it, and the classes of one
    model share colours only where it has more of them than the palette.
    """
    taken: set[int] = set()
    chosen: list[Bgr] = []
    for label in labels:
        wanted = crc32(label.encode()) % len(COLOURS)
        if len(taken) < len(COLOURS):
            while wanted in taken:
                wanted = (wanted + 1) % len(COLOURS)
        taken.add(wanted)
        chosen.append(COLOURS[wanted])
    return tuple(chosen)
