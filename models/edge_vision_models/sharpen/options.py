"""The options of the recipe `sharpen`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Self

from pydantic import Field, model_validator

from edge_vision.contracts.options import option
from edge_vision.training.data.parting import PartingOptions
from edge_vision.training.fitting.settings import FitSettings

Share = Annotated[float, Field(ge=0.1, le=1.0)]


class SharpenOptions(PartingOptions, FitSettings):
    """Options of the recipe `sharpen`."""

    epochs: int = option(
        0,
        "So many times the parts of the pictures are gone through; 0: 12 to 200, so that 160,000 are.",
        ge=0,
    )
    batch: int = option(16, "Parts a step.", ge=1)
    learning_rate: float = option(2e-3, "The highest learning rate, reached after the warm-up.", gt=0.0)
    weight_decay: float = option(0.0, "Decay of the weights, as a share of the learning rate.", ge=0.0)
    every: int = option(2, "Each so many epochs, and after the last, the network is validated.", ge=1)
    ema: float = option(
        0.999, "Momentum of the moving average of the weights that is kept; 0: none.", ge=0.0, lt=1.0
    )
    width: int = option(32, "Channels of each convolution.", ge=4, le=256)
    depth: int = option(4, "Convolutions between the first and the last.", ge=0, le=32)
    columns: int = option(120, "Width of the pictures that the model takes.", unit="px", ge=16, le=2048)
    rows: int = option(72, "Height of the pictures that the model takes.", unit="px", ge=16, le=2048)
    start: str = option(
        "", "What to begin from: the folder of a run, or an .npz file of weights; left out, nothing."
    )
    also: tuple[Path, ...] = option(
        (), "Further folders of pictures, which are learnt from and never judge."
    )
    judged: tuple[Path, ...] = option(
        (), "Folders of pictures on which the finished model is judged; left out, the validation part."
    )
    longest: int = option(
        1024, "Pictures whose longer side is more are made so small first.", unit="px", ge=64
    )
    scales: tuple[Share, ...] = option(
        (0.9, 0.7, 0.55),
        "How much smaller pictures are made before they are learnt from: what a camera or JPEG did to "
        "their pixels is gone then.",
        min_length=1,
    )
    kept: int = option(192, "Sides of the parts that pictures are cut into.", unit="px", ge=32, le=1024)
    seen: int = option(64, "Sides of what is learnt from at once of a part.", unit="px", ge=16, le=512)
    most: int = option(20_000, "So many parts are cut at most, as many of each picture.", ge=1)
    flat: float = option(
        0.4, "Share of the parts that is left out: those with the least to sharpen.", ge=0.0, lt=1.0
    )
    dim: float = option(0.3, "Share of the parts that are shown with less contrast.", ge=0.0, le=1.0)
    damage: float = option(
        0.0,
        "Share of the parts whose small picture is blurred, noisy and a coarse JPEG, as from bad "
        "cameras: with more it mends more, with less it is sharper on what is good.",
        ge=0.0,
        le=1.0,
    )

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) in pixels of what the model takes."""
        return self.columns, self.rows

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.kept % 2 or self.seen % 2:
            raise ValueError("kept and seen are halved, so they have to be even")
        if self.seen > self.kept:
            raise ValueError("seen is a part of kept, so it is at most as large")
        return self
