"""Wheels: pictures of rolling digits, the tenth that each shows, and how both change together."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Literal, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from edge_vision.contracts.options import option
from edge_vision.data.errors import TrainingError
from edge_vision.data.warp import Warp, reference_warp
from edge_vision.training.augmentation.augmentation import Draws, draw
from edge_vision.training.augmentation.options import Augmentation
from edge_vision.training.augmentation.strength import faded, of_strength
from edge_vision.training.data.cache import cached
from edge_vision.training.data.collection import Collection
from edge_vision.training.data.folders import read_folders
from edge_vision.training.data.splits import Split, split
from edge_vision.training.data_facts import DataFacts
from edge_vision.training.examples import Examples
from edge_vision.training.fitting.settings import FitSettings

TENTHS = 100
"""Places on a wheel: the tenths of its ten digits, on a circle."""
LABELS = tuple(f"{tenth / 10:.1f}" for tenth in range(TENTHS))
SIZE = (20, 32)
"""(width, height) in pixels of a wheel's picture."""
DAY = r"(20\d\d-?\d\d-?\d\d)[-_]"
"""The day on which a picture was taken, where its name tells it."""
CHUNK = 512
"""So many pictures share a generator of what is drawn."""
FADED = 0.85
"""Share of the epochs after which augmentation is as weak as it gets."""

DATA = DataFacts(
    "Tenth-of-step-of-a-meter-digit, pictures of meters' rolling digits",
    "Apache-2.0",
    cite="haverland, Tenth-of-step-of-a-meter-digit",
    source="https://github.com/haverland/Tenth-of-step-of-a-meter-digit",
)

CHANGES = Augmentation(
    rotate=3.0,
    scale=(0.95, 1.05),
    aspect=1.06,
    shift=0.055,
    brightness=0.13,
    contrast=0.35,
    saturation=0.4,
    grey=0.1,
    invert=0.04,
    noise=5.0,
    blur=0.5,
)
"""How wheels are changed: put not quite right into their windows, in other light, by other cameras."""


class WheelOptions(FitSettings):
    """Options of all recipes that learn from pictures of wheels."""

    batch: int = option(64, "Examples a step.", ge=1)
    learning_rate: float = option(3e-3, "The highest learning rate, reached after the warm-up.", gt=0.0)
    weight_decay: float = option(0.02, "Decay of the weights, as a share of the learning rate.", ge=0.0)
    final_rate: float = option(0.002, "Share of the learning rate that is left at the last step.", ge=0)
    clip: float = option(0.0, "Largest norm of all gradients together; 0: any.", ge=0.0)
    validation: float = option(0.12, "Share of the pictures that only judge.", gt=0.0, lt=1.0)
    split: Literal["random", "days"] = option(
        "random",
        "What judges: any pictures, or whole days. Pictures that look the same stay together in both.",
    )
    augmentation: Augmentation = option(CHANGES, "How pictures are changed at random.")
    strength: tuple[float, float] = option(
        (1.0, 0.2), "Share of the changes in the first epoch, and towards the end."
    )
    still: float = option(
        0.2, "Share of the pictures that are changed in their tones only.", ge=0.0, le=1.0
    )
    tenths_per_pixel: float = option(
        -0.37, "By so much the reading changes where the picture moves down.", unit="tenths/px"
    )
    spread: tuple[float, float] = option(
        (0.7, 0.45),
        "Standard deviation of the truth about its tenth, in the first epoch and in the last.",
        unit="tenths",
    )
    label_smoothing: float = option(
        0.04, "Share of each truth that is spread over all tenths; int8 is finer with it.", ge=0, lt=1
    )
    ema: float = option(
        0.997, "Momentum of a moving average of the weights, which is what is kept; 0: none.", ge=0, lt=1
    )


Filters: TypeAlias = tuple[tuple[int, ...], ...]
"""Channels of convolutions, in groups after which height and width are halved."""


class Wheels(NamedTuple):
    """Augmented pictures (n, 32, 20, 3) uint8, and what they show now, (n,) float64 in tenths."""

    pictures: NDArray[np.uint8]
    positions: NDArray[np.float64]


def split_wheels(folder: Path, options: WheelOptions) -> Split:
    """The pictures of a folder for each tenth, in parts that have nothing in common."""
    collection = read_folders(folder)
    if collection.labels != LABELS:
        raise TrainingError(
            f"{folder}: pictures of wheels are expected in {TENTHS} folders, 0.0 to 9.9, not in "
            f"{len(collection.labels)}: {', '.join(collection.labels[:3])}, ..."
        )
    group_by = DAY if options.split == "days" else ""
    made = split(collection, options.validation, seed=options.seed, group_by=group_by, duplicates=True)
    if not len(made.validation):
        raise TrainingError(f"{folder}: nothing is left to judge by; declare it by a folder val/")
    return made


def cached_wheels(collection: Collection, cache: Path, warp: Warp = reference_warp) -> Examples:
    """The pictures, (n, 32, 20, 3).

    warp  how pixels are taken from the files' pictures
    """
    return cached(collection, SIZE, cache, warp=warp)


def positions_of(part: Examples) -> NDArray[np.int64]:
    """The tenth that each picture shows, (n,) 0 to 99."""
    return np.asarray(part.targets["label"], np.int64)


def circular_truth(
    positions: NDArray[np.floating] | NDArray[np.integer], spread: float
) -> NDArray[np.float32]:
    """Shares of all tenths, (n, 100) float32 of the sum 1: a normal distribution round the circle.

    positions  (n,) in tenths, of any turn
    spread     standard deviation in tenths
    """
    apart = np.arange(TENTHS) - np.asarray(positions, np.float64)[:, np.newaxis]
    apart = (apart + TENTHS / 2) % TENTHS - TENTHS / 2
    shares = np.exp(-(apart**2) / (2.0 * spread**2))
    return np.asarray(shares / shares.sum(axis=1, keepdims=True), np.float32)


def moved_positions(
    positions: NDArray[np.integer], matrices: NDArray[np.float64], tenths_per_pixel: float
) -> NDArray[np.float64]:
    """What wheels show after their pictures were moved, (n,) float64 in tenths.

    positions  (n,) before
    matrices   (n, 3, 3) maps of pixels; how far down each takes the middle of the picture is what counts

    Moving a picture down shows what the wheel showed a moment ago: it rolls upwards as it counts.
    """
    middle = np.array([SIZE[0] / 2, SIZE[1] / 2, 1.0])
    down = matrices[:, 1] @ middle / (matrices[:, 2] @ middle) - middle[1]
    return np.asarray(positions + tenths_per_pixel * down)


def augmented_wheels(
    part: Examples, options: WheelOptions, strength: float, random: np.random.Generator
) -> Wheels:
    """All pictures of a part, augmented, and what they show then."""
    change = of_strength(options.augmentation, strength)
    before, count = positions_of(part), len(part)
    made = Wheels(np.empty_like(part.pictures), before.astype(np.float64))
    starts = range(0, count, CHUNK)

    def work(start: int, generator: np.random.Generator) -> None:
        rows = slice(start, min(start + CHUNK, count))
        chosen = part.pictures[rows]
        drawn = draw(change, len(chosen), SIZE, SIZE, generator)
        moves = generator.random(len(chosen)) >= options.still
        _fill(made.pictures[rows], chosen, drawn, moves)
        if drawn.matrices is not None:
            moved = moved_positions(before[rows], drawn.matrices, options.tenths_per_pixel)
            made.positions[rows] = np.where(moves, moved, before[rows])

    with ThreadPoolExecutor(2) as pool:
        for _ in pool.map(work, starts, random.spawn(len(starts))):
            pass
    return made


def fading(options: WheelOptions, done: float) -> tuple[float, float]:
    """The strength of augmentation, and the spread of the truth, where so much of a fit is done."""
    return faded(options.strength, done, FADED), faded(options.spread, done)


def _fill(
    made: NDArray[np.uint8], pictures: NDArray[np.uint8], drawn: Draws, moves: NDArray[np.bool_]
) -> None:
    """Write what becomes of each picture; where it does not move, only its tones change."""
    for row, picture in enumerate(pictures):
        made[row] = drawn.picture(picture, row) if moves[row] else drawn.tones.apply(picture, row)
