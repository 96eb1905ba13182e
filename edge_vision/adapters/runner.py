"""A runner: a model run on views, its answers read, the state of a recurrent one carried along."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Mapping
from functools import cached_property
from typing import Any, Generic

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_vision.adapters.catalogue import adapter_of, describe
from edge_vision.adapters.layout import Reading
from edge_vision.adapters.memory import Memory
from edge_vision.contracts.model import Model, ModelBundle
from edge_vision.contracts.tensors import TensorSpec
from edge_vision.data import geometry
from edge_vision.data.errors import ModelError, StageError
from edge_vision.data.frame import Image
from edge_vision.data.view import View

GREY_BARS = (114, 114, 114)
"""Colour of the bars beside a letterboxed view, as YOLO is trained with."""


class Runner(Generic[Reading]):
    """Runs a model on views and reads its answers.

    A stage makes one for its camera, asks `view` what the model is to look at (the place of what it
    finds is given in that view) and calls it. Calls may come from several threads where the model is
    not recurrent; where it is, the frames of a camera must come one after the other, so the stage
    declares itself stateful.

    bundle     what is known of the model
    labels     names of what its answers tell apart: classes, or key points
    recurrent  True where a call depends on earlier ones
    """

    def __init__(
        self,
        model: Model,
        reading: type[Reading],
        reset_after: float | None = None,
        *,
        provides: Collection[str] = (),
    ) -> None:
        """Get ready to read one kind of answers.

        reading      what is read, such as ClassScores or Candidates; object for whatever it gives
        reset_after  seconds without a call after which the state starts anew; None for never
        provides     names of inputs that each call will give as `more`

        Raises ModelError where the model answers something else, or needs what nothing provides.
        """
        self._model = model
        bundle = model.bundle
        self.bundle = bundle if bundle.layout else describe(bundle)
        adapter = adapter_of(self.bundle, reading)
        self.labels = adapter.labels
        self._read = adapter.read
        self._image = _image_from_view(self.bundle, provides)
        self._fill = None if self._image is None else self._image.filling(_turned)
        self._memory = Memory(self.bundle, reset_after) if self.bundle.state else None
        _check_inputs(self.bundle, self._image, provides)

    @property
    def recurrent(self) -> bool:
        """True where a call depends on earlier ones."""
        return self._memory is not None

    @cached_property
    def size(self) -> tuple[int, int]:
        """(width, height) in pixels of the image it takes; raises ModelError where it takes none."""
        return self.bundle.image_input.size

    def view(self, view: View) -> View:
        """What the model looks at: the view stretched to its input, or whole with bars."""
        size = self.size
        if self.bundle.fit == "stretch":
            return view.resized(size)
        factor = max(view.width / size[0], view.height / size[1])
        centred = geometry.scaling(factor, factor)
        centred[0, 2] = (view.width - factor * size[0]) / 2
        centred[1, 2] = (view.height - factor * size[1]) / 2
        return view.mapped(centred, size, GREY_BARS)

    def __call__(
        self,
        view: View | None = None,
        *,
        more: Mapping[str, NDArray[Any]] | None = None,
        key: Hashable = None,
        time: float = 0.0,
    ) -> Reading:
        """Run the model once and read its answer.

        view  what it looks at, as `view` gave it; None for a model that takes no image
        more  arrays for its further inputs, by name
        key   whose state is carried, such as a track; None for the camera's own
        time  seconds of the source's clock; the view's own where there is one

        Where it raises, the state stays what it was; one that holds no numbers is dropped.
        """
        inputs: dict[str, NDArray[Any]] = dict(more or {})
        take = 0
        if view is not None:
            time, take = view.frame.monotonic, view.frame.take
        if self._image is not None and self._fill is not None:
            if view is None:
                raise StageError(f"{self.bundle.name}: takes an image, and is given none")
            inputs[self._image.name] = self._fill(view.pixels())
        if self._memory is None:
            return self._read(self._model(inputs))
        inputs.update(self._memory.recall(key, time, take))
        outputs = self._model(inputs)
        state = self._memory.next_state(key, outputs)
        reading = self._read(outputs)
        self._memory.keep(key, time, state, take)
        return reading

    def forget(self, key: Hashable = None) -> None:
        """Drop the state that is carried for a key."""
        if self._memory is not None:
            self._memory.forget(key)


def _image_from_view(bundle: ModelBundle, provides: Collection[str]) -> TensorSpec | None:
    """The input that is made from a view; None where there is none, or the caller gives it."""
    if not bundle.takes_image:
        return None
    image = bundle.image_input
    return None if image.name in provides else image


def _check_inputs(bundle: ModelBundle, image: TensorSpec | None, provides: Collection[str]) -> None:
    """Raise ModelError where an input is neither the image, nor state, nor given by the caller."""
    given = {pair.input for pair in bundle.state or ()}.union(provides)
    missing = [spec for spec in bundle.inputs if spec is not image and spec.name not in given]
    if not missing:
        return
    shown = " and ".join(f"{spec.name} {spec.shape} {spec.dtype}" for spec in missing)
    plural = "inputs" if len(missing) > 1 else "input"
    raise ModelError(
        f"{bundle.name}: needs the {plural} {shown}, which nothing provides; "
        "where that is its state from the run before, write [[state]] in bundle.toml"
    )


def _turned(pixels: Image) -> NDArray[np.uint8]:
    """Pixels (height, width, 3) BGR as RGB: OpenCV takes a tenth of numpy's time."""
    return np.asarray(cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB), np.uint8)
