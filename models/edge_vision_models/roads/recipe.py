"""The recipe of `roads`: our backbone learns what each place of a street is, seen from a car."""

from __future__ import annotations

from edge_vision.contracts.options import option
from edge_vision.training.data_facts import DataFacts
from edge_vision.training.recipes.segment import Segment, SegmentOptions

OBJECTS = "objects"
"""The shipped model whose backbone this one begins from."""


class RoadsOptions(SegmentOptions):
    """Options of the recipe `roads`."""

    epochs: int = option(28, "So many times the pictures are gone through.", ge=1)
    every: int = option(4, "Each so many epochs, and after the last, the network is validated.", ge=1)
    columns: int = option(19, "Cells side by side; the network sees 16 pixels for each.", ge=2, le=64)
    rows: int = option(14, "Cells one above the other.", ge=2, le=64)
    backbone: str = option(OBJECTS, "What to begin from: a bundle of ours, a run's folder; or nothing.")


class Roads(Segment):
    """A segmenter of streets into 11 classes."""

    name = "roads"
    about = (
        "Says for each place of a street whether it is sky, building, pole, road, pavement, tree, sign "
        "or symbol, fence, car, pedestrian or bicyclist."
    )
    limits = (
        "It learnt from 367 pictures of three drives in Cambridge in 2006, by day and at dusk, taken "
        "through a windscreen: other countries, snow, rain, night, and cameras that hang above a street "
        "are new to it. The pictures that judge it are of one of those drives: elsewhere expect less. "
        "Poles, signs and distant people are often missed. It drives no car."
    )
    data = DataFacts(
        "CamVid, 468 pictures of streets, 480 x 360 pixels, in 11 classes",
        "CC BY-NC 4.0, for research; the backbone that this model begins from, that of objects, learnt "
        "from ImageNet, which is for research and education only",
        research_only=True,
        cite="Brostow, Fauqueur and Cipolla, Semantic object classes in video: A high-definition ground "
        "truth database, 2009; the 11 classes after Badrinarayanan and others, SegNet, 2017",
    )
    forms = ("int8",)
    Options = RoadsOptions
