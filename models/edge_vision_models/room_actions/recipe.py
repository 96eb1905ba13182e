"""The recipe of `room-actions`: our backbone looks at frames, and a GRU learns what goes on in them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from edge_vision.contracts.model import Model
from edge_vision.data.errors import ModelError
from edge_vision.data.warp import Warp, reference_warp
from edge_vision.training.data_facts import DataFacts
from edge_vision.training.exam import Exam
from edge_vision.training.examples import Examples, Parts
from edge_vision.training.fitting.epoch_data import EpochData
from edge_vision.training.recipe import Inputs, Recipe, label_names
from edge_vision.training.score import Score
from edge_vision.training.session import Session
from edge_vision_models.room_actions.options import OBJECTS, RoomActionsOptions
from edge_vision_models.room_actions.scoring import ActionsExam, score_of_model, score_of_network
from edge_vision_models.room_actions.videos import (
    ALONE,
    ALONE_INSIDE,
    INSIDE,
    LABEL,
    Videos,
    read_videos,
)

if TYPE_CHECKING:
    from edge_vision_models.room_actions.features import Take, Watcher
    from edge_vision_models.room_actions.network import Networks

SEQUENCES, STEPS = 24, 6
"""So many runs of so many frames calibrate int8; the first of them become golden files."""

_SCORES, _FEATURES = "scores", "features"


class RoomActions(Recipe[RoomActionsOptions]):
    """A classifier of what somebody does, which remembers what was before."""

    name = "room-actions"
    task = "classify"
    layout = "scores"
    meanings = {_SCORES: "scores"}  # noqa: RUF012 - as the base has it
    about = (
        "Says what somebody does in a room that a camera looks down into: walking, sitting down, "
        "sitting, standing up, falling, lying. It remembers what it has seen of each camera, five "
        "frames a second, and says what was done 1.5 s ago: only then is it seen what a movement became."
    )
    limits = (
        "It learnt from 13 videos of two rooms with a bed and a chair, and of few people, who fell on a "
        "bed; never rely on it where a fall is an emergency. It learnt nothing of empty rooms, so what "
        "it says of one means nothing. It wants five frames a second and a camera that stands still, "
        "and some seconds to know a new view. The data set tells nine actions; here walk and active are "
        "walking, and falled, sleeping and lying (the way down on a bed) are lying. The times of its "
        "labels are put right by what moves: the data's notes say 3.20 to 3.35 frames a unit, the "
        "pictures 3.06. What it says is of 1.5 s ago, and judged so. macro_f1 counts all labelled "
        "frames, macro_f1_away_from_changes those further than 0.4 s from a change, as labels are right "
        "to half a second. macro_f1_without_recurrence is that of the same features where nothing is "
        "carried on: how a picture differs from the last one is seen, and a layer stands in the GRU's "
        "place. macro_f1_of_averages is that of this layer where the running averages of the pictures "
        "before are kept, which are a memory, too; macro_f1_of_single_pictures is that of the picture "
        "alone. Each was trained for itself, to tell what was 1 s ago, which is best for them."
    )
    data = DataFacts(
        "FIR-Image-Action, 17 of its videos in colour of a room from above, with labelled actions",
        "none stated: nobody says what its videos may be used for; the backbone that this model "
        "begins from, that of objects, learnt from ImageNet, which is for research and education only",
        research_only=True,
        cite="noahzhy, FIR-Image-Action-Dataset, 2020",
        source="https://github.com/noahzhy/FIR-Image-Action-Dataset",
    )
    forms = ("float16", "weight-int8", "int8")
    Options = RoomActionsOptions

    def __init__(self, options: RoomActionsOptions) -> None:
        super().__init__(options)
        self._compared: dict[str, float] = {}

    def read(self, folder: Path, cache: Path) -> Parts:
        """The frames of all videos, five a second, with the labels that are right by what moves."""
        videos = self._videos(folder, cache)
        self.notes = [*videos.notes]
        return Parts(videos.part("training"), videos.part("validation"), videos.labels)

    def exam(self, folder: Path, cache: Path, part: str) -> Exam:
        """The videos of a part, with all their segments."""
        videos = self._videos(folder, cache)
        frames = videos.part(part)
        shown = frames.take(np.flatnonzero(np.asarray(frames.targets[LABEL]) >= 0))
        truths = label_names(shown, videos.labels)
        return ActionsExam(shown, videos.labels, truths, videos.segments_of(part))

    def train(self, session: Session, parts: Parts) -> Networks:
        """Look at all videos once, then learn to remember, and beside it to do without."""
        from edge_vision_models.room_actions.network import Scale, with_memory  # noqa: PLC0415

        options = self.options
        watcher, look = self._watcher(session)
        learnt = watcher.takes(parts.training, LABEL, range(options.copies + 1))
        scale = Scale.of(np.concatenate([take.features for take in learnt]))
        size = (options.values, options.units, len(parts.labels), options.dropout)
        with session.scope(options.seed):
            networks = with_memory(look, scale, *size)
        told, inside = (watcher.takes(parts.validation, name, (0,)) for name in (LABEL, INSIDE))
        judge = self._judge(told, inside, parts.labels)
        self._fit(session, networks.memory, learnt, judge, "memory")
        self._compare(session, watcher, parts)
        return networks

    def device_graph(self, network: Networks) -> Any:
        """A picture and what was before it in, probabilities and what is kept out."""
        from edge_vision_models.room_actions.network import device_step  # noqa: PLC0415 - needs Keras

        return device_step(network)

    def representative(self, part: Examples) -> Sequence[Sequence[Inputs]]:
        """Some seconds of videos, evenly apart."""
        groups = np.array(part.groups)
        last = np.flatnonzero(groups[STEPS - 1 :] == groups[: len(groups) - STEPS + 1])
        firsts = last[np.linspace(0, len(last) - 1, min(SEQUENCES, len(last))).astype(int)]
        return [
            [{"image": np.asarray(part.pictures[row : row + 1])} for row in range(first, first + STEPS)]
            for first in firsts.tolist()
        ]

    def evaluate(self, model: Model, exam: Exam, warp: Warp = reference_warp) -> Score:
        """The mean F1 of the actions over all frames of the videos, then without those near a change."""
        if not isinstance(exam, ActionsExam):
            raise TypeError("models of this recipe are judged on its own exams")
        score = score_of_model(model, exam.segments, warp)
        chief = {"macro_f1": score.values["macro_f1"]}
        return replace(score, values={**chief, **self._compared, **score.values})

    def _compare(self, session: Session, watcher: Watcher, parts: Parts) -> None:
        """Train what has no GRU, for itself, on ever less of what was before a picture."""
        from edge_vision_models.room_actions.network import Scale, without_memory  # noqa: PLC0415

        options = self.options
        for name, averages, values, figure in (
            ("last", False, None, "macro_f1_without_recurrence"),
            ("averages", True, None, "macro_f1_of_averages"),
            ("picture", True, watcher.of_picture, "macro_f1_of_single_pictures"),
        ):
            learnt, told, inside = (
                [take.first(values) for take in watcher.takes(part, labels, copies, averages)]
                for part, labels, copies in (
                    (parts.training, ALONE, range(options.copies + 1)),
                    (parts.validation, ALONE, (0,)),
                    (parts.validation, ALONE_INSIDE, (0,)),
                )
            )
            scaled = Scale.of(np.concatenate([take.features for take in learnt]))
            with session.scope(options.seed):
                network = without_memory(
                    scaled, options.values, options.units, len(parts.labels), options.dropout
                )
            judge = self._judge(told, inside, parts.labels)
            self._fit(session, network, learnt, judge, name)
            self._compared[figure] = judge(network).chief

    def _videos(self, folder: Path, cache: Path) -> Videos:
        return read_videos(folder, cache, self.options, self.warp)

    def _watcher(self, session: Session) -> tuple[Watcher, Any]:
        """What looks at videos, and the network that it looks with."""
        from edge_vision.training.networks.backbone import EMBEDDING  # noqa: PLC0415
        from edge_vision_models.room_actions.features import Copying, Watcher  # noqa: PLC0415
        from edge_vision_models.room_actions.network import eyes, seeing_backbone  # noqa: PLC0415

        options = self.options
        with session.scope(options.seed):
            body = seeing_backbone(options.width)
            if options.backbone:
                try:
                    session.begin_from(body, options.backbone)
                except ModelError as error:
                    if options.backbone != OBJECTS:
                        raise
                    session.say(f"{error}; it looks with a backbone that learnt nothing, so worse")
            look = eyes(body)
        copying = Copying(options.augmentation, options.speed, options.seed)
        values = body.output[EMBEDDING].shape[-1]
        return Watcher(look, values, copying, session.cache, session.say), look

    def _judge(
        self, takes: Sequence[Take], inside: Sequence[Take], names: Sequence[str]
    ) -> Callable[[Any], Score]:
        """What says how well a network tells videos by their features."""
        away = [take.labels for take in inside]
        return lambda network: score_of_network(network, takes, names, away)

    def _fit(
        self,
        session: Session,
        network: Any,
        takes: Sequence[Take],
        validate: Callable[[Any], Score],
        name: str,
    ) -> None:
        """Train on pieces of videos, cut anew in each epoch."""
        from edge_vision.training.fitting.losses import CrossEntropy, balance  # noqa: PLC0415
        from edge_vision_models.room_actions.features import pieces  # noqa: PLC0415

        options = self.options
        told = np.concatenate([take.labels for take in takes])
        classes = network.output[_SCORES].shape[-1]
        counts = np.bincount(told[told >= 0], minlength=classes)
        loss = CrossEntropy(options.label_smoothing, balance(counts, options.balance))

        def epoch(_: int, random: np.random.Generator) -> EpochData:
            features, labels = pieces(takes, options.seconds, random)
            return EpochData({_FEATURES: features}, {_SCORES: labels})

        session.fit(network, {_SCORES: loss}, epoch, validate, options, name)
