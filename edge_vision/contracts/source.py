"""The promise of a source: where frames come from."""

from __future__ import annotations

from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray

from edge_vision.contracts.options import Options as BaseOptions


class SourceContext(NamedTuple):
    """What a source is told beside its options: the camera's name and the configuration's folder."""

    camera: str
    folder: Path


class Source(ABC):
    """Where the frames of one camera come from.

    All calls come from that camera's own thread; `read` and `skip` of one that is `prompt` do not.

    name       what `uses` calls it
    Options    what a user may write beside it
    live       True: frames come at their own pace, may be missed, and the source is opened again when
               it is lost. False: a recording; nothing is dropped and None from `read` is its end.
    prompt     of a recording, True: no frame is waited for, to read one is nothing but work. The threads
               that compute then call `read` and `skip`, one of them at a time, while the camera's own
               thread waits; no frame has to change hands. Else False.
    silence    seconds without a frame after which a live source that gave frames is called offline
    rate       frames a second of a recording, None where it is live or unknown
    takes      how often it began again by itself, from 0: a recording that is played in a loop counts
               here before it gives the first frame of a further round, so that nothing is carried over
               from its end to its beginning. To be opened again counts without it.
    """

    name: ClassVar[str]
    Options: ClassVar[type[BaseOptions]] = BaseOptions
    live: bool = True
    prompt: bool = False
    silence: float = 8.0
    rate: float | None = None
    takes: int = 0

    def __init__(self, options: Any, context: SourceContext) -> None:
        self.options = options
        self.context = context

    @property
    def description(self) -> str:
        """What it is, for logs and topics; never holds a credential."""
        return self.name

    @property
    def secrets(self) -> tuple[str, ...]:
        """Texts, such as passwords, that no log may show."""
        return ()

    def open(self) -> None:
        """Open it, in a bounded time. Raises SourceError where that fails now; it is tried again."""

    @abstractmethod
    def read(self) -> NDArray[np.uint8] | None:
        """The next image, (height, width, 3) uint8 BGR (grey is taken too), in a bounded time.

        None: of a live source, this one read failed; of a recording, it has ended. Raises SourceLost
        where it is clear that no more will come before it is opened again.
        """

    def skip(self) -> bool:
        """Pass over one frame as cheaply as possible; False where `read` would have given None."""
        return self.read() is not None

    def close(self) -> None:
        """Let go of everything; may be called when not open."""
