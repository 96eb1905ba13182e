"""Locating: what recipes have in common whose models say where in a picture something is."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar, TypeVar

from edge_vision.contracts.options import option
from edge_vision.training.data.cache import cached
from edge_vision.training.data.collection import Collection
from edge_vision.training.data.parting import PartingOptions, part_of_split, parted
from edge_vision.training.data.splits import Split
from edge_vision.training.exam import Exam
from edge_vision.training.examples import Examples, Parts
from edge_vision.training.fitting.settings import FitSettings
from edge_vision.training.recipe import Inputs, Recipe
from edge_vision.training.representative import representative_pictures, typical_pictures
from edge_vision.training.session import Session


class LocateOptions(PartingOptions, FitSettings):
    """Options of recipes whose models answer with a map of a picture."""

    cell: ClassVar[int]
    """So many pixels of what the network sees are a cell."""

    columns: int
    rows: int
    width: float = option(1.0, "Channels of our backbone, times the usual.", ge=0.25, le=4)
    channels: int = option(64, "Channels of the maps that the answer is told from.", ge=8, le=512)
    backbone: str = option(
        "", "What to begin from: a bundle of ours such as objects, a run's folder; or nothing."
    )

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) in pixels of what the network sees."""
        return self.columns * self.cell, self.rows * self.cell


LocatingOptions = TypeVar("LocatingOptions", bound=LocateOptions)


class Locate(Recipe[LocatingOptions]):
    """Our backbone, and on it a map that says what is where.

    room  pictures are kept so much larger than the network sees them, for parts to be shown larger
    """

    room: ClassVar[float]

    @abstractmethod
    def collection(self, folder: Path, cache: Path) -> Collection:
        """What a folder holds: pictures, and what is where in each."""

    @abstractmethod
    def learnt_from(self, folder: Path, part: Collection, cache: Path) -> Collection:
        """All that is learnt from: the training part of a folder, and what options add to it."""

    @abstractmethod
    def on_backbone(self, body: Any, classes: int) -> Any:
        """The network of a backbone (see `backbone`) and the map on it."""

    def read(self, folder: Path, cache: Path) -> Parts:
        """The pictures of a folder, in two parts that have nothing in common."""
        made = self._split(folder, cache)
        training = self.learnt_from(folder, made.training, cache)
        self.notes = [*training.notes]
        width, height = self.options.size
        kept = round(width * self.room), round(height * self.room)
        return Parts(
            cached(training, kept, cache, warp=self.warp),
            cached(made.validation, (width, height), cache, warp=self.warp),
            made.training.labels,
        )

    def exam(self, folder: Path, cache: Path, part: str) -> Exam:
        """The files themselves, so that any model sees them, and is judged, in their own size."""
        if part == "all":
            chosen = self.collection(folder, cache)
        else:
            chosen = part_of_split(self._split(folder, cache), part, folder)
        return Exam(chosen, chosen.labels)

    def network(self, session: Session, parts: Parts) -> Any:
        """Our backbone with its map, begun from what was learnt before."""
        from edge_vision.training.networks.backbone import (  # noqa: PLC0415 - needs Keras
            BackboneOptions,
            backbone,
        )

        options = self.options
        body = backbone(BackboneOptions(width=options.width), options.size)
        made = self.on_backbone(body, len(parts.labels))
        if options.backbone:
            shown = typical_pictures(parts.training, options.size, options.seed)
            session.begin_from(made, options.backbone, shown)
        return made

    def representative(self, part: Examples) -> Sequence[Sequence[Inputs]]:
        """Pictures from all over the part, each by itself."""
        return representative_pictures(part, self.options.size, self.options.seed)

    def _split(self, folder: Path, cache: Path) -> Split:
        return parted(self.collection(folder, cache), self.options, self.options.seed, folder)
