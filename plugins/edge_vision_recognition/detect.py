"""The stage detect: what is in the view, and where."""

from __future__ import annotations

from difflib import get_close_matches
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from edge_vision import (
    Candidates,
    ConfigError,
    ModelName,
    Result,
    Runner,
    Stage,
    StageContext,
    option,
)
from edge_vision import Options as BaseOptions
from edge_vision_recognition.answers import best_candidates, objects_in_frame, without_doubles


class Detect(Stage):
    """Says what is in the view and where, by a model that gives boxes, scores and classes."""

    name = "detect"

    class Options(BaseOptions):
        """Options of detect."""

        model: ModelName = option(..., "The detector, as named in [models].")
        min_score: float = option(0.5, "Objects with a lower score are left out.", live=True, ge=0, le=1)
        max_detections: int = option(
            100, "So many objects at most, best first.", live=True, ge=1, le=1000
        )
        labels: tuple[str, ...] = option((), "Only objects of these labels; left out, all.")
        nms: Literal["auto", "always", "never"] = option(
            "auto",
            "Drop boxes of one label that say the same; auto: only where the model has not done so.",
        )
        max_iou: float = option(
            0.5, "Boxes of one label that overlap by more say the same.", live=True, ge=0, le=1
        )
        reset_after: float = option(
            2.0, "A recurrent model starts anew after so long without a frame.", unit="s", gt=0
        )

    options: Options

    def __init__(self, options: Options, context: StageContext) -> None:
        super().__init__(options, context)
        self._run = Runner(context.model(options.model), Candidates, options.reset_after)
        self.stateful = self._run.recurrent
        if "labels" in options.model_fields_set and not options.labels:
            raise ConfigError(
                "names no label, so nothing would be found; leave it out for all", "labels"
            )
        self._wanted = _class_ids(options.labels, self._run.labels)

    def __call__(self, result: Result) -> Result:
        """Add the objects found."""
        options, view = self.options, self._run.view(result.view)
        found = best_candidates(self._run(view), options.min_score, self._wanted)
        if options.nms == "always" or (options.nms == "auto" and not found.suppressed):
            found = without_doubles(found, options.max_iou)
        return result.add(objects_in_frame(found, view, self._run.labels, options.max_detections))


def _class_ids(names: tuple[str, ...], labels: tuple[str, ...]) -> NDArray[np.int32] | None:
    """The classes of the names, None for all; raises ConfigError at `labels` for an unknown name."""
    if not names:
        return None
    for number, name in enumerate(names):
        if name not in labels:
            raise ConfigError(_unknown_label(name, labels), f"labels[{number}]")
    return np.array([i for i, label in enumerate(labels) if label in names], dtype=np.int32)


def _unknown_label(name: str, labels: tuple[str, ...]) -> str:
    if not labels:
        return f"the model has no labels, so none is called {name}; give it a file of labels in [models]"
    near = get_close_matches(name, labels, n=1)
    hint = f", did you mean {near[0]}?" if near else f"; it knows {', '.join(labels[:20])}"
    return f"the model has no label {name}{hint}"
