"""Options of the recipe `room-actions`."""

from __future__ import annotations

from edge_vision.contracts.options import option
from edge_vision.training.augmentation.options import Augmentation
from edge_vision.training.fitting.settings import FitSettings

OBJECTS = "objects"
"""The shipped model whose backbone this one looks with."""

JUDGING = (
    "20200626_154556_mlx90640_01_light_none",
    "20200627_190147_mlx90640_01_light_none",
    "20200628_145326_mlx90640_01_light_none",
    "20200629_174209_mlx90640_02_light_none",
)
"""The videos of the data set that only judge: of both rooms, with all actions."""

SEEN = Augmentation(
    rotate=6.0,
    scale=(0.9, 1.15),
    aspect=1.1,
    shift=0.04,
    flip=0.5,
    flip_vertical=0.5,
    quarter_turns=True,
    brightness=0.1,
    contrast=0.3,
    saturation=0.5,
    grey=0.2,
)
"""How a whole video is changed: a camera that looks down knows no up and no left."""


class RoomActionsOptions(FitSettings):
    """Options of the recipe `room-actions`."""

    epochs: int = option(40, "So many times pieces of the videos are gone through.", ge=1)
    batch: int = option(16, "Pieces of videos a step.", ge=1)
    learning_rate: float = option(3e-3, "The highest learning rate, reached after the warm-up.", gt=0.0)
    weight_decay: float = option(0.05, "Decay of the weights, as a share of the learning rate.", ge=0.0)
    every: int = option(1000, "Each so many epochs, and after the last, the network is validated.", ge=1)
    clock: float = option(
        3.06 / 25,
        "Seconds in one unit of the table's times, about; what moves in the videos refines it.",
        gt=0.0,
    )
    judging: tuple[str, ...] = option(
        JUDGING, "Names of the videos, without their endings, that only judge; others are learnt from."
    )
    delay: float = option(
        1.5, "Seconds that it answers late, as a movement is known only when it is seen.", unit="s", ge=0
    )
    delay_alone: float = option(
        1.0, "The same for what it is compared with, which has no GRU.", unit="s", ge=0
    )
    merged: bool = option(True, "Take actions that look alike for one, as in actions.py.")
    backbone: str = option(
        OBJECTS,
        "What it looks with: a bundle of ours, a run's folder, an .npz file; or nothing.",
    )
    width: float = option(1.0, "Channels of the backbone, times the usual.", ge=0.25, le=4)
    copies: int = option(1, "So many changed copies of each video are learnt from, too.", ge=0, le=100)
    augmentation: Augmentation = option(SEEN, "How each copy of a video is changed.")
    speed: float = option(0.15, "A copy runs faster or slower by up to this share.", ge=0.0, le=0.9)
    seconds: float = option(20.0, "Length of the pieces that are learnt from.", unit="s", gt=0.0)
    values: int = option(48, "Values that a frame's features are condensed to.", ge=1, le=1024)
    units: int = option(48, "Values of the state.", ge=1, le=1024)
    dropout: float = option(0.35, "Share of the values that a piece goes without.", ge=0.0, lt=1.0)
    label_smoothing: float = option(
        0.1, "Share of each truth that is spread over all classes.", ge=0.0, lt=1.0
    )
    balance: float = option(
        0.6, "How far rare classes count more: 0 not at all, 1 until all count the same.", ge=0.0, le=1.0
    )
