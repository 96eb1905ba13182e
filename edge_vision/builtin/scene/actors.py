"""The actors of the drawn scene: what they look like, and where each is at any time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import cos, pi, sin, tau

from edge_vision.builtin.scene.sprites import Brush, Colour, Sprite

STEPS = 8
"""Pictures of one double step of the person."""
SKIN: Colour = (150, 180, 225)
HAIR: Colour = (40, 50, 70)
TROUSERS: Colour = (90, 60, 45)
GLASS: Colour = (210, 195, 170)
RUBBER: Colour = (40, 38, 38)


@dataclass(frozen=True, slots=True)
class Appearance:
    """How an actor looks at some time: a sprite, and the pixel of its upper left corner."""

    sprite: Sprite
    left: int
    top: int


@dataclass(frozen=True, slots=True)
class Actor:
    """Somebody or something that moves: its label, and how it looks after so many seconds."""

    label: str
    at: Callable[[float], Appearance]


def person(size: tuple[int, int], phase: float, shirt: Colour) -> Actor:
    """A person who walks to and fro on the pavement and is out of sight at the left for a while."""
    height = max(12, round(0.31 * size[1]))
    walking = [_person((height, height), step / STEPS, shirt) for step in range(STEPS)]
    back = [sprite.mirrored() for sprite in walking]

    def at(seconds: float) -> Appearance:
        share = _to_and_fro(seconds / 18.0 + phase)
        rising = (seconds / 18.0 + phase) % 1.0 < 0.5
        sprites = walking if rising else back
        sprite = sprites[int(seconds * 8.0) % STEPS]
        middle = size[0] * (-0.16 + 0.62 * share)
        return _standing(sprite, middle, 0.955 * size[1])

    return Actor("person", at)


def car(size: tuple[int, int], phase: float, paint: Colour) -> Actor:
    """A car that passes on the road from left to right, and comes again."""
    height = max(8, round(0.13 * size[1]))
    sprite = _car((round(2.7 * height), height), paint)

    def at(seconds: float) -> Appearance:
        share = (seconds / 9.0 + phase) % 1.0
        return _standing(sprite, size[0] * (-0.25 + 1.9 * share), 0.6 * size[1])

    return Actor("car", at)


def ball(size: tuple[int, int], phase: float, colour: Colour) -> Actor:
    """A ball that bounces on the spot and rolls a little to and fro."""
    height = max(6, round(0.065 * size[1]))
    sprites = [_ball((height, height), turn / STEPS, colour) for turn in range(STEPS)]

    def at(seconds: float) -> Appearance:
        fall = (seconds / 1.1 + phase) % 1.0
        lift = 4.0 * fall * (1.0 - fall)
        sprite = sprites[int(seconds * 6.0) % STEPS]
        middle = size[0] * (0.6 + 0.07 * _to_and_fro(seconds / 7.0))
        return _standing(sprite, middle, size[1] * (0.93 - 0.2 * lift))

    return Actor("ball", at)


def box(size: tuple[int, int], phase: float, colour: Colour) -> Actor:
    """A parcel that is pushed to and fro at the right."""
    height = max(6, round(0.12 * size[1]))
    sprite = _box((round(1.3 * height), height), colour)

    def at(seconds: float) -> Appearance:
        share = 0.5 - 0.5 * cos(tau * (seconds / 11.0 + phase))
        return _standing(sprite, size[0] * (0.79 + 0.11 * share), 0.95 * size[1])

    return Actor("box", at)


def _to_and_fro(turns: float) -> float:
    """From 0 to 1 and back to 0 in one turn, at an even pace."""
    share = turns % 1.0
    return 2.0 * share if share < 0.5 else 2.0 - 2.0 * share


def _standing(sprite: Sprite, middle: float, bottom: float) -> Appearance:
    width, height = sprite.size
    return Appearance(sprite, round(middle - width / 2), round(bottom) - height)


def _person(size: tuple[int, int], step: float, shirt: Colour) -> Sprite:
    """A person seen from the side, walking to the right, at a share of a double step."""
    brush = Brush(size)
    swing = sin(tau * step)
    hip, shoulder = (0.5, 0.52), (0.5, 0.24)
    darker = _scaled(shirt, 0.75)
    _leg(brush, hip, -swing, _scaled(TROUSERS, 0.8))
    _arm(brush, shoulder, swing, darker)
    _leg(brush, hip, swing, TROUSERS)
    brush.polygon([(0.41, 0.22), (0.58, 0.21), (0.585, 0.55), (0.42, 0.55)], shirt)
    brush.limb([(0.5, 0.2), (0.51, 0.14)], 0.06, _scaled(SKIN, 0.85))
    brush.ellipse((0.51, 0.1), (0.062, 0.08), SKIN)
    brush.ellipse((0.495, 0.07), (0.066, 0.052), HAIR, angle=-12.0)
    _arm(brush, shoulder, -swing, _scaled(shirt, 0.9))
    return brush.sprite()


def _leg(brush: Brush, hip: tuple[float, float], swing: float, colour: Colour) -> None:
    knee = (hip[0] + 0.1 * swing + 0.02, hip[1] + 0.2)
    ankle = (hip[0] + 0.17 * swing - 0.02 * (swing < 0), 0.93 - 0.03 * max(0.0, -swing))
    brush.limb([hip, knee, ankle], 0.095, colour)
    brush.limb([ankle, (ankle[0] + 0.05, ankle[1] + 0.012)], 0.055, RUBBER)


def _arm(brush: Brush, shoulder: tuple[float, float], swing: float, colour: Colour) -> None:
    elbow = (shoulder[0] + 0.08 * swing - 0.02, shoulder[1] + 0.15)
    hand = (shoulder[0] + 0.16 * swing + 0.03, shoulder[1] + 0.28)
    brush.limb([shoulder, elbow, hand], 0.065, colour)
    brush.ellipse(hand, (0.034, 0.034), SKIN)


def _car(size: tuple[int, int], paint: Colour) -> Sprite:
    """A car seen from the side, driving to the right."""
    brush = Brush(size)
    dark = _scaled(paint, 0.72)
    brush.polygon([(0.5, 0.45), (0.85, 0.06), (1.62, 0.06), (2.02, 0.45)], dark)
    brush.polygon([(0.64, 0.43), (0.9, 0.13), (1.18, 0.13), (1.18, 0.43)], GLASS)
    brush.polygon([(1.26, 0.43), (1.26, 0.13), (1.57, 0.13), (1.87, 0.43)], GLASS)
    body = [(0.08, 0.8), (0.06, 0.5), (0.4, 0.42), (2.05, 0.42), (2.55, 0.52), (2.62, 0.8)]
    brush.polygon(body, paint)
    brush.polygon([(0.08, 0.8), (0.08, 0.68), (2.61, 0.68), (2.62, 0.8)], dark)
    brush.ellipse((2.53, 0.59), (0.07, 0.045), (200, 240, 250))
    brush.ellipse((0.12, 0.57), (0.05, 0.05), (40, 40, 200))
    brush.limb([(1.22, 0.5), (1.22, 0.74)], 0.02, dark)
    for middle in (0.6, 2.08):
        brush.ellipse((middle, 0.78), (0.21, 0.21), RUBBER)
        brush.ellipse((middle, 0.78), (0.11, 0.11), (185, 185, 180))
    return brush.sprite()


def _ball(size: tuple[int, int], turn: float, colour: Colour) -> Sprite:
    """A striped ball, turned by a share of half a turn."""
    brush = Brush(size)
    brush.ellipse((0.5, 0.5), (0.48, 0.48), colour)
    angle = pi * turn
    brush.ellipse((0.5, 0.5), (0.47, 0.15), (235, 240, 240), angle=180.0 * turn)
    brush.ellipse((0.5 + 0.3 * sin(angle), 0.5 - 0.3 * cos(angle)), (0.1, 0.1), _scaled(colour, 0.6))
    brush.ellipse((0.34, 0.3), (0.1, 0.07), (250, 250, 250), angle=-40.0)
    return brush.sprite()


def _box(size: tuple[int, int], colour: Colour) -> Sprite:
    """A parcel with tape and a label, seen a little from above."""
    brush = Brush(size)
    brush.polygon([(0.02, 0.26), (0.2, 0.02), (1.28, 0.02), (1.1, 0.26)], _scaled(colour, 1.15))
    brush.polygon([(1.1, 0.26), (1.28, 0.02), (1.28, 0.74), (1.1, 0.98)], _scaled(colour, 0.65))
    brush.polygon([(0.02, 0.26), (1.1, 0.26), (1.1, 0.98), (0.02, 0.98)], colour)
    brush.polygon([(0.48, 0.26), (0.64, 0.26), (0.64, 0.6), (0.48, 0.6)], _scaled(colour, 1.3))
    brush.polygon([(0.48, 0.26), (0.64, 0.26), (0.82, 0.02), (0.66, 0.02)], _scaled(colour, 1.35))
    brush.polygon([(0.72, 0.66), (1.02, 0.66), (1.02, 0.88), (0.72, 0.88)], (235, 235, 235))
    return brush.sprite()


def _scaled(colour: Sequence[int], factor: float) -> Colour:
    blue, green, red = (min(250, round(part * factor)) for part in colour)
    return blue, green, red
