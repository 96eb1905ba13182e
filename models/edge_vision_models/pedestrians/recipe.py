"""The recipe of `pedestrians`: our backbone learns to find people in streets."""

from __future__ import annotations

from edge_vision.contracts.options import option
from edge_vision.training.data_facts import DataFacts
from edge_vision.training.recipes.detect import Detect, DetectOptions

OBJECTS = "objects"
"""The shipped model whose backbone this one begins from."""

PEOPLE = {"person": ("person", "pasperson*", "pedestrian*")}
"""What data sets call people."""


class PedestriansOptions(DetectOptions):
    """Options of the recipe `pedestrians`."""

    epochs: int = option(36, "So many times the pictures are gone through.", ge=1)
    every: int = option(4, "Each so many epochs, and after the last, the network is validated.", ge=1)
    validation: float = option(
        0.25,
        "Share of the pictures that only judge, where no folder val/ declares them.",
        gt=0.0,
        lt=1.0,
    )
    backbone: str = option(OBJECTS, "What to begin from: a bundle of ours, a run's folder; or nothing.")
    classes: dict[str, tuple[str, ...]] = option(
        PEOPLE,
        "For each class that is to be found, what the data call it, with * for anything; boxes of "
        "other names are left out.",
    )
    paste: float = option(
        0.5,
        "Share of the pictures into which a person is put who was cut out of another one.",
        ge=0,
        le=1,
    )


class Pedestrians(Detect):
    """A detector of people who stand and walk in streets."""

    name = "pedestrians"
    about = "Finds people who stand or walk in a picture, and says where each is."
    limits = (
        "It learnt from few pictures, of people who are seen whole, from the side, and at least a "
        "quarter as tall as the picture; people who are further away, sit, or are seen from above are "
        "often missed. Never rely on it where somebody's safety depends on it."
    )
    data = DataFacts(
        "Penn-Fudan, 120 pictures of pedestrians, and COCO128, 256 pictures of which some show people",
        "none stated for Penn-Fudan, collected for research; the pictures of COCO128 are CC BY; the "
        "backbone that this model begins from, that of objects, learnt from ImageNet, which is for "
        "research and education only",
        research_only=True,
        cite="Wang and others, Object detection combining recognition and segmentation, 2007; Lin and "
        "others, Microsoft COCO: Common objects in context, 2014",
    )
    Options = PedestriansOptions
