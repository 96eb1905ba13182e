"""The promise of a stage: one step of a camera's pipeline."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any, ClassVar

from edge_vision.contracts.model import Model
from edge_vision.contracts.options import Options as BaseOptions
from edge_vision.data.result import Result


@dataclass(frozen=True, slots=True)
class StageContext:
    """What a stage is told beside its options.

    camera  the camera's name
    name    the stage's own name in that camera
    model   gives the opened model of a name in [models]
    folder  the configuration's folder, against which relative paths are read
    number  gives another number at each call, from 1, never the same twice for this camera since the
            daemon's start, also where the stage was made anew: for the ids of tracks
    """

    camera: str
    name: str
    model: Callable[[str], Model]
    folder: Path = Path()
    number: Callable[[], int] = field(default_factory=lambda: count(1).__next__)


class Stage(ABC):
    """One step of one camera's pipeline: preprocessing, recognition, segmentation or generation.

    name      what `uses` calls it
    stateful  True where a call depends on earlier calls: frames then pass in order, one at a time.
              False: several frames of one camera may be in `__call__` at once, on several threads.
              A stage whose options decide it sets it in its constructor.
    Options   what a user may write beside it; live ones may change between two calls, so a call
              reads `self.options` once
    """

    name: ClassVar[str]
    stateful: bool = False
    Options: ClassVar[type[BaseOptions]] = BaseOptions

    def __init__(self, options: Any, context: StageContext) -> None:
        self.options = options
        self.context = context

    def open(self) -> None:
        """Get ready for the first frame. It may take its time: it is called on the camera's own thread.

        Where it raises, that is announced, and it is called again after a while (a recording ends).
        """

    @abstractmethod
    def __call__(self, result: Result) -> Result | None:
        """Say more about the frame or change the view; None drops the frame."""

    def close(self) -> None:
        """Let go of everything."""
