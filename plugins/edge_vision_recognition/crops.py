"""The stage crops: a second model, run on each of the things that earlier stages found."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from edge_vision import (
    Candidates,
    ClassScores,
    Detection,
    Detections,
    Embedding,
    Enlarger,
    Finding,
    Labels,
    ModelError,
    ModelName,
    Poses,
    ReadText,
    Result,
    Runner,
    Stage,
    StageContext,
    StageError,
    StageNames,
    Text,
    Vector,
    View,
    geometry,
    option,
)
from edge_vision import Options as BaseOptions
from edge_vision_recognition.answers import (
    best_candidates,
    joined,
    objects_in_frame,
    poses_in_frame,
    without_doubles,
)
from edge_vision_recognition.cutting import cut_out, regions_around

USUAL_SCORES = {"classify": 0.0, "read": 0.0, "embed": 0.0, "keypoints": 0.3, "detect": 0.5}
"""What a model may be for, and the score below which its answers are usually left out."""

MOST_OBJECTS = 100
"""So many objects in a crop at most."""

MAX_IOU = 0.5
"""Objects of one label that overlap by more are one that was seen twice."""


@dataclass(frozen=True, slots=True)
class _Target:
    """Something found that is looked at closely.

    stage     who found it
    found     what was found
    region    what is cut out, x1, y1, x2, y2 in pixels of the view
    """

    stage: str
    found: Detection
    region: NDArray[np.float64]

    @property
    def key(self) -> tuple[str, int | None]:
        """Whose state a recurrent model carries."""
        return self.stage, self.found.track_id


class Crops(Stage):
    """Runs a model on each thing that earlier stages found: to classify it, to read it, to look closer.

    What the model says of a thing carries its box and its track. The state of a recurrent model belongs
    to the track, so such a model needs a tracker before it.
    """

    name = "crops"

    class Options(BaseOptions):
        """Options of crops."""

        model: ModelName = option(..., "The model that looks at each thing, as named in [models].")
        of: StageNames = option((), "Look at what these earlier stages found; left out, all of them.")
        labels: tuple[str, ...] = option((), "Look at things of these labels only; left out, all.")
        min_score: float = option(
            0.0, "Things found with a lower score are not looked at.", live=True, ge=0, le=1
        )
        most: int = option(8, "So many things a frame at most, best first.", live=True, ge=1, le=100)
        margin: float = option(
            0.1, "By this share of its sides a box is made larger all around.", live=True, ge=0, le=2
        )
        keep_aspect: bool = option(
            True, "Widen each crop to the model's aspect ratio, so that nothing is stretched."
        )
        sharpen: ModelName | None = option(
            None, "The model that first makes crops larger which are smaller than the other one wants."
        )
        top: int = option(1, "So many labels of a thing at most, best first.", live=True, ge=1, le=100)
        min_answer_score: float | None = option(
            None,
            "Answers with a lower score are left out; left out, 0.5 for objects, 0.3 for key points, 0 "
            "for all others.",
            live=True,
            ge=0,
            le=1,
        )
        reset_after: float = option(
            2.0, "A recurrent model forgets a track after so long without it.", unit="s", gt=0
        )

    options: Options

    def __init__(self, options: Options, context: StageContext) -> None:
        super().__init__(options, context)
        self._run = Runner(context.model(options.model), object, options.reset_after)
        bundle = self._run.bundle
        if bundle.task not in USUAL_SCORES:
            raise ModelError(
                f"{bundle.name}: is a model to {bundle.task}; crops runs models to "
                f"{', '.join(USUAL_SCORES)}"
            )
        self._enlarge = Enlarger(context.model(options.sharpen)) if options.sharpen else None
        self._aspect = self._run.size[0] / self._run.size[1] if options.keep_aspect else None
        self._task = bundle.task
        self.stateful = self._run.recurrent

    def __call__(self, result: Result) -> Result:
        """Add what the model says of each thing."""
        options = self.options
        said: list[Finding] = []
        closer: list[Detections] = []
        for target in self._targets(result, options):
            view = self._run.view(self._sharpened(cut_out(result.view, target.region)))
            reading = self._run(view, key=target.key)
            answer = self._answer(reading, view, target.found, options)
            if isinstance(answer, Detections):
                closer.append(answer)
            elif answer is not None:
                said.append(answer)
        return result.add(*said, *self._together(closer))

    def _sharpened(self, crop: View) -> View:
        """A crop in more pixels where it has fewer than the model that looks at it wants."""
        return crop if self._enlarge is None else self._enlarge.view_for(crop, self._run.size)

    def _targets(self, result: Result, options: Crops.Options) -> list[_Target]:
        """What is looked at, best first.

        Raises StageError where the model is recurrent and something has no track. Where a track was
        found twice, its better one counts.
        """
        things = [
            (found.stage, row)
            for found in result.all(Detections, options.of or None)
            for row in found
            if row.score >= options.min_score and (not options.labels or row.label in options.labels)
        ]
        things.sort(key=lambda thing: -thing[1].score)
        boxes = np.array([row.box for _, row in things], dtype=np.float32).reshape(-1, 4)
        regions, visible = regions_around(boxes, result.view, options.margin, self._aspect)
        targets = [
            _Target(stage, row, region)
            for (stage, row), region, can_be_cut in zip(things, regions, visible, strict=True)
            if can_be_cut
        ]
        return (_one_a_track(targets) if self.stateful else targets)[: options.most]

    def _answer(
        self, reading: object, view: View, thing: Detection, options: Crops.Options
    ) -> Finding | None:
        """What a reading says of a thing; None for nothing.

        view  what the model looked at
        """
        wanted = options.min_answer_score
        min_score = USUAL_SCORES[self._task] if wanted is None else wanted
        box, track = thing.box, thing.track_id
        match reading:
            case ClassScores():
                return Labels(reading.best(options.top, min_score), box=box, track_id=track)
            case ReadText(text, score):
                said = text.strip()
                return Text(said, score, box, track_id=track) if said and score >= min_score else None
            case Vector(values):
                return Embedding(values, box, track)
            case Poses():
                return _of_track(poses_in_frame(reading, view, min_score), track)
            case Candidates():
                best = best_candidates(reading, min_score)
                if not best.suppressed:
                    best = without_doubles(best, MAX_IOU)
                found = objects_in_frame(best, view, self._run.labels, MOST_OBJECTS)
                return _of_track(found, track)
        raise StageError(f"crops has no use for {type(reading).__name__}")

    def _together(self, parts: Sequence[Detections]) -> Iterator[Detections]:
        """What was found in all crops, those of tracks and the others; crops that overlap see a thing
        twice.
        """
        for tracked in (True, False):
            same = [part for part in parts if (part.track_id is not None) is tracked]
            if same:
                found = joined(same)
                doubles = self._task == "detect"
                yield _without_doubles(found) if doubles else found


def _one_a_track(targets: Sequence[_Target]) -> list[_Target]:
    first: dict[tuple[str, int | None], _Target] = {}
    for target in targets:
        if target.found.track_id is None:
            raise StageError(
                f"the model of crops is recurrent and needs a tracker before it: what {target.stage} "
                "finds has no tracks"
            )
        first.setdefault(target.key, target)
    return list(first.values())


def _of_track(found: Detections, track_id: int | None) -> Detections:
    """The detections as part of a track."""
    return found if track_id is None else replace(found, track_id=np.full(len(found), track_id))


def _without_doubles(found: Detections) -> Detections:
    return found[geometry.suppress(found.xyxy, found.score, found.class_id, MAX_IOU)]
