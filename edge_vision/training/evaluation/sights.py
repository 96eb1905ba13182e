"""Sights: the pictures that a model is judged on, one after the other, as frames of a camera."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Generic, TypeAlias

import cv2
import numpy as np

from edge_vision.adapters.layout import Reading
from edge_vision.adapters.runner import Runner
from edge_vision.contracts.model import Model
from edge_vision.data.errors import TrainingError
from edge_vision.data.frame import Frame, Image
from edge_vision.data.view import View
from edge_vision.data.warp import Warp, reference_warp
from edge_vision.training.data.collection import Collection
from edge_vision.training.data.pictures import UnreadableError, read_picture
from edge_vision.training.evaluation.glances import Glance, Glances, identity
from edge_vision.training.examples import Examples

Source: TypeAlias = Collection | Examples
"""What a model is judged on: files, looked at in their own sizes, or pictures already of one size."""

THREADS = 2
"""So many pictures are looked at at once where the model is not recurrent."""

TOLD_SECONDS = 15.0
"""At least so long is between two lines that tell how far it is."""

_glances = Glances()
"""Pictures are judged by the network and by each of its forms, which all look at the same pixels."""

_BEGINNING = datetime(2000, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, eq=False)
class Seen(Generic[Reading]):
    """What a model said of one picture.

    reading  its answer
    view     what it looked at; of a file its frame has the size alone, and is black
    labels   names of what its answers tell apart; empty where it has none
    """

    reading: Reading
    view: View
    labels: tuple[str, ...]


def look(
    model: Model,
    reading: type[Reading],
    source: Source,
    *,
    warp: Warp = reference_warp,
    threads: int = THREADS,
) -> Iterator[Seen[Reading]]:
    """What a model says of each picture, in their order, each by itself: a state begins anew.

    reading  what is asked for, such as ClassScores
    warp     how pixels are taken from a picture; the daemon's (builtin/warp.py) for what the daemon sees
    threads  so many at once where the model is not recurrent

    Raises ModelError where the model answers something else, TrainingError where a picture cannot
    be read.
    """
    runner = Runner(model, reading)
    if not len(source):
        raise TrainingError("there is nothing to judge the model on: the part of the data is empty")

    def seen(row: int) -> Seen[Reading]:
        view = _sight(runner, source, row, warp)
        return Seen(runner(view), view, runner.labels)

    if runner.recurrent or threads < 2:
        yield from _told(map(seen, range(len(source))), len(source))
        return
    with ThreadPoolExecutor(threads, thread_name_prefix="evaluation") as pool:
        yield from _told(pool.map(seen, range(len(source))), len(source))


def _sight(runner: Runner[Any], source: Source, row: int, warp: Warp) -> View:
    """What a model is to look at: of a file taken from memory where one like it was shown it before."""

    def view(image: Image) -> View:
        return runner.view(View.of(as_frame(image, row, take=row), warp))

    if not isinstance(source, Collection):
        return view(picture_of(source, row))
    key = (*identity(source.items[row].file), runner.size, runner.bundle.fit, warp)
    glance = _glances.recall(key)
    if glance is None:
        whole = view(picture_of(source, row))
        glance = Glance.of(whole.pixels(), (whole.frame.width, whole.frame.height))
        _glances.keep(key, glance)
    return view(glance.placeholder).with_pixels(glance.pixels)


def _told(seen: Iterator[Seen[Reading]], count: int) -> Iterator[Seen[Reading]]:
    """The same; where it takes long, people are told how far it is."""
    last = time.monotonic()
    for number, each in enumerate(seen, start=1):
        yield each
        if time.monotonic() - last >= TOLD_SECONDS and number < count:
            last = time.monotonic()
            sys.stderr.write(f"judging: {number} of {count}\n")
            sys.stderr.flush()


def as_frame(image: Image, index: int, seconds: float = 0.0, take: int = 0) -> Frame:
    """A picture as a camera would have captured it."""
    return Frame(image, "evaluation", index, _BEGINNING, seconds, take)


def picture_of(source: Source, row: int) -> Image:
    """A picture of the source, (height, width, 3) uint8 BGR; raises TrainingError without it."""
    if isinstance(source, Collection):
        item = source.items[row]
        try:
            pixels = read_picture(item.file)
        except UnreadableError as error:
            raise TrainingError(f"{item.file}: {error}") from None
    else:
        pixels = np.asarray(source.pictures[row])
        if pixels.shape[2] == 1:
            pixels = np.repeat(pixels, 3, axis=2)
    # Several times faster than numpy, which turns three bytes at a time.
    return np.asarray(cv2.cvtColor(np.ascontiguousarray(pixels), cv2.COLOR_RGB2BGR), np.uint8)
