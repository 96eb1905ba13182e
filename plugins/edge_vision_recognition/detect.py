"""The stage detect: what is in the view, and where."""

from __future__ import annotations

from difflib import get_close_matches
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from edge_vision import (
    Candidates,
    ConfigError,
    Detections,
    ModelName,
    Result,
    Runner,
    Stage,
    StageContext,
    StageNames,
    View,
    geometry,
    option,
)
from edge_vision import Options as BaseOptions
from edge_vision_recognition.answers import best_candidates, objects_in_frame, without_doubles
from edge_vision_recognition.collage import Part, arranged, collage, cut_off, of_part
from edge_vision_recognition.cutting import cut_out
from edge_vision_recognition.watching import Watch, hidden_behind, moving_regions, outside, together


class Detect(Stage):
    """Says what is in the view and where, by a model that gives boxes, scores and classes.

    With `where` it looks only where earlier stages found something, such as motion, several places at
    once where they are small; what was found elsewhere is still there until the next look at all.
    """

    name = "detect"

    class Options(BaseOptions):
        """Options of detect."""

        model: ModelName = option(..., "The detector, as named in [models].")
        min_score: float = option(0.5, "Objects with a lower score are left out.", live=True, ge=0, le=1)
        max_detections: int = option(
            100, "So many objects at most, best first.", live=True, ge=1, le=1000
        )
        labels: tuple[str, ...] = option((), "Only objects of these labels; left out, all.")
        where: StageNames = option(
            (), "Look only where these earlier stages found something; left out, everywhere."
        )
        full_every: float = option(
            10.0,
            "With `where`, the whole view is looked at after so long all the same.",
            unit="s",
            live=True,
            ge=0.1,
            le=86400,
        )
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
        self.stateful = self._run.recurrent or bool(options.where)
        self._watch = Watch()
        if self._run.recurrent and options.where:
            raise ConfigError("is for models without a state: this one has to see every frame", "where")
        if "labels" in options.model_fields_set and not options.labels:
            raise ConfigError(
                "names no label, so nothing would be found; leave it out for all", "labels"
            )
        self._wanted = _class_ids(options.labels, self._run.labels)

    def __call__(self, result: Result) -> Result:
        """Add the objects found."""
        view = result.view
        known = self._watch.knows(view, self.options.full_every) if self.options.where else None
        if known is None:
            found = self._looked(view)
        else:
            moved = [part.xyxy for part in result.detections if part.stage in self.options.where]
            found = self._looked_again(view, known, np.concatenate([*moved, known.xyxy[:0]]))
        return result.add(found)

    def _looked(self, view: View) -> Detections:
        """What is found in the whole view."""
        seen = self._run.view(view)
        found = objects_in_frame(self._best(seen), seen, self._run.labels, self.options.max_detections)
        if self.options.where:
            self._watch.saw_all(view, found)
        return found

    def _looked_again(self, view: View, known: Detections, moved: geometry.Boxes) -> Detections:
        """What is found where something moved, and what is still there elsewhere."""
        regions = moving_regions(moved, known, view)
        parts = arranged(regions, view.size, self._run.size) if regions else ()
        if parts is None:
            return self._looked(view)
        kept = outside(known, [part.region for part in parts], view)
        found = self._found_in(view, parts, kept) if parts else ()
        now = together(found, kept, self.options.max_iou, self.options.max_detections)
        self._watch.saw(view.frame, now)
        return now

    def _found_in(self, view: View, parts: tuple[Part, ...], kept: Detections) -> list[Detections]:
        """What is found in each part of the view, without what belongs to something that is kept."""
        size, labels, most = self._run.size, self._run.labels, self.options.max_detections
        best = self._best(collage(view, parts, size))
        found = []
        for part in parts:
            own, shown = of_part(best, part, size), cut_out(view, part.region)
            ends = cut_off(own, part, view.size)
            cut = objects_in_frame(own[ends], shown, labels, most)
            found += [objects_in_frame(own[~ends], shown, labels, most), cut[~hidden_behind(cut, kept)]]
        return found

    def _best(self, seen: View) -> Candidates:
        """What the model finds in a view of its own size that is sure enough, best first."""
        options = self.options
        found = best_candidates(self._run(seen), options.min_score, self._wanted)
        if options.nms == "always" or (options.nms == "auto" and not found.suppressed):
            found = without_doubles(found, options.max_iou)
        return found


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
