"""The recipe of `scenes`: our backbone learns 15 kinds of scene, and a GRU to see them over time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from edge_vision.contracts.model import Model
from edge_vision.contracts.options import option
from edge_vision.data.errors import ModelError
from edge_vision.data.warp import Warp, reference_warp
from edge_vision.training.augmentation.epoch import epoch as augmented
from edge_vision.training.augmentation.mixing import mixup, one_hot
from edge_vision.training.augmentation.options import Augmentation
from edge_vision.training.clips import MovingView, chance, clip
from edge_vision.training.data.cache import cached
from edge_vision.training.data.collection import Collection
from edge_vision.training.data.folders import read_folders
from edge_vision.training.data.splits import Split, split
from edge_vision.training.data_facts import DataFacts
from edge_vision.training.distillation import TEACHER
from edge_vision.training.evaluation.classification import evaluate_classifier
from edge_vision.training.exam import Exam
from edge_vision.training.examples import Examples, Parts
from edge_vision.training.fitting.epoch_data import EpochData
from edge_vision.training.fitting.settings import FitSettings
from edge_vision.training.recipe import Inputs
from edge_vision.training.recipes.classify import Classify, ClassifyOptions
from edge_vision.training.score import Score
from edge_vision.training.session import Session
from edge_vision_models.scenes.moving import JUDGED, evaluate_moving, moving_figures

if TYPE_CHECKING:
    from edge_vision_models.scenes.network import Networks

OBJECTS = "objects"
"""The shipped model whose backbone this one begins from."""

CALIBRATED, STEPS = 60, 4
"""So many clips of so many frames calibrate int8; the first of them become golden files."""

_SCORES, _FEATURES = "scores", "features"
_SHOWN = "shown"
"""Beside the labels of the pictures that judge: how a camera's view of each would be shown."""

SEEN = Augmentation(
    scale=(1.0, 1.49),
    aspect=1.5,
    flip=0.5,
    border="reflect",
    brightness=0.15,
    contrast=0.4,
    erase=0.25,
)
"""How still pictures are changed: parts of 45 % to all of them, mirrored, and in other light."""


class RecurrenceSettings(FitSettings):
    """How the memory is trained, and how large it is."""

    epochs: int = option(20, "So many times the clips are gone through.", ge=1)
    batch: int = option(64, "Clips a step.", ge=1)
    learning_rate: float = option(2e-3, "The highest learning rate, reached after the warm-up.", gt=0.0)
    weight_decay: float = option(0.05, "Decay of the weights, as a share of the learning rate.", ge=0.0)
    units: int = option(64, "Values of its state.", ge=1, le=1024)
    dropout: float = option(0.5, "Share of the features that a clip goes without.", ge=0.0, lt=1.0)
    rounds: int = option(6, "So many clips are made of each picture.", ge=1, le=100)
    steady: float = option(0.2, "Share of the clips that show their picture unmoved.", ge=0.0, le=1.0)


class ScenesOptions(ClassifyOptions):
    """Options of the recipe `scenes`."""

    epochs: int = option(30, "So many times the pictures are gone through.", ge=1)
    weight_decay: float = option(0.05, "Decay of the weights, as a share of the learning rate.", ge=0.0)
    warm_up: float = option(0.07, "Share of the steps in which the learning rate rises.", ge=0, le=1)
    final_rate: float = option(0.05, "Share of the learning rate that is left at the end.", ge=0, le=1)
    patience: int = option(0, "Epochs without a better score after which it stops; 0: never.", ge=0)
    every: int = option(3, "Each so many epochs, and after the last, the network is validated.", ge=1)
    clip: float = option(5.0, "Largest norm of all gradients together; 0: any.", ge=0.0)
    size: int = option(128, "Width and height of what the network sees.", unit="px", ge=32, le=512)
    kept: int = option(
        144, "Width and height in which pictures are kept, to be cut from.", unit="px", ge=32, le=1024
    )
    channels: Literal[1, 3] = option(1, "1 to look at everything in grey, 3 in colour.")
    backbone: str = option(
        OBJECTS,
        "What to begin from: a bundle of ours, a run's folder, an .npz file; or nothing.",
    )
    dropout: float = option(0.3, "Share of the features that are left out in each step.", ge=0.0, lt=1.0)
    moving: float = option(0.3, "Share of the pictures seen as in a moving view.", ge=0.0, le=1.0)
    mixup: float = option(0.3, "How much every second picture is blended with another.", ge=0.0, le=2)
    augmentation: Augmentation = option(SEEN, "How pictures are changed at random.")
    view: MovingView = option(MovingView(), "How views move in clips.")
    recurrence: RecurrenceSettings = option(RecurrenceSettings(), "How the memory is trained.")
    judged: int = option(0, "So many clips are judged, of pictures evenly apart; 0: of all.", ge=0)


class Scenes(Classify):
    """A classifier of scenes that becomes surer while it looks on."""

    name = "scenes"
    about = (
        "Says which of 15 kinds of scene a view shows: rooms, streets, open country. It remembers what "
        "it has seen of a camera's view so far, so a view that moves, shakes or is hidden for a moment "
        "is told better than any one of its frames."
    )
    data = DataFacts(
        "15-Scene: 15 categories of natural scenes, 100 pictures of each to learn from",
        "none stated: nobody says what its pictures may be used for; the backbone that this model "
        "begins from, that of objects, learnt from ImageNet, which is for research and education only",
        research_only=True,
        cite="Lazebnik, Schmid and Ponce, Beyond Bags of Features: Spatial Pyramid Matching for "
        "Recognizing Natural Scene Categories, 2006; Fei-Fei and Perona, 2005; Oliva and Torralba, 2001",
    )
    limits = (
        "It learnt from grey photographs of about 2000 to 2005, most of them well taken; a camera's "
        "colours are turned to grey. It chooses among its 15 kinds whatever it is shown. It is judged "
        "on the data set's own test pictures, as is usual with it; the epochs that were kept were "
        "chosen on the same pictures, so expect a little less on others. accuracy, top5 and macro_f1 "
        "are of "
        "still pictures. The moving views are made from those by a window that wanders over them, with "
        "blur, noise, other light and something passing in front; no real video was learnt from. Of "
        "these, moving_accuracy is what it says after the last frame, moving_mean the mean of what it "
        "says of each frame alone, and moving_single how often a frame alone is right. Trained for "
        "research."
    )
    forms = ("weight-int8", "int8")
    Options = ScenesOptions
    options: ScenesOptions

    def exam(self, folder: Path, cache: Path, part: str) -> Exam:
        """The files themselves; the test part, where no other is declared, is the validation part."""
        return super().exam(folder, cache, "validation" if part == "test" else part)

    def train(self, session: Session, parts: Parts) -> Networks:
        """First what single views show, then, on top of that, what is remembered of moving ones."""
        from edge_vision_models.scenes.network import with_memory  # noqa: PLC0415 - needs Keras

        options = self.options
        with session.scope(options.seed):
            still = self.network(session, parts)
            losses = self.losses(session, parts)
        session.fit(
            still,
            losses,
            lambda epoch, random: self.epoch(parts, random, epoch),
            lambda learnt: self.validate(learnt, parts),
            self.fit_settings(parts),
            "features",
        )
        with session.scope(options.recurrence.seed):
            networks = with_memory(still, options.recurrence.units, options.recurrence.dropout)
        self._remember(session, parts, networks)
        return networks

    def epoch(self, parts: Parts, random: np.random.Generator, epoch: int) -> EpochData:
        """All pictures, parts of them, every second one blended with another."""
        options, part, classes = self.options, parts.training, len(parts.labels)
        size = (options.size, options.size)
        made = augmented(part, options.augmentation, size, random)
        pictures, truth = made.pictures, one_hot(_labels(made), classes)
        suffering = options.view.model_copy(update={"frames": 1})
        for row in np.flatnonzero(random.random(len(pictures)) < options.moving):
            pictures[row] = clip(part.pictures[row], suffering, size, random)[0]
        if options.teacher:
            truth = np.concatenate([truth, self._taught], axis=1)
        if options.mixup:
            mixed = mixup(pictures, truth, random, options.mixup)
            chosen = random.random(len(pictures)) < 0.5
            pictures[chosen], truth[chosen] = mixed.pictures[chosen], mixed.targets[chosen]
        targets = {_SCORES: truth[:, :classes]}
        if options.teacher:
            targets[TEACHER] = truth[:, classes:]
        return EpochData({"image": pictures}, targets)

    def validate(self, network: Any, parts: Parts) -> Score:
        """The pictures of the validation part, whole, as the network is shown them by a camera."""
        part = parts.validation
        shown = replace(part, pictures=np.asarray(part.targets[_SHOWN], np.uint8))
        return super().validate(network, replace(parts, validation=shown))

    def device_graph(self, network: Networks) -> Any:
        """One view in colour and the state before it in; probabilities and the state after it out."""
        from edge_vision_models.scenes.network import device_step  # noqa: PLC0415 - needs Keras

        return device_step(network)

    def representative(self, part: Examples) -> Sequence[Sequence[Inputs]]:
        """Short clips of pictures of all classes in turn, each fourth one unmoved."""
        size = (self.options.size, self.options.size)
        sequences = []
        for number, [still] in enumerate(super().representative(part)[:CALIBRATED]):
            steady = 1.0 if number % 4 == 3 else 0.0
            view = self.options.view.model_copy(update={"frames": STEPS, "steady": steady})
            frames = clip(still["image"][0], view, size, chance(JUDGED, number))
            coloured = np.repeat(frames, 3, axis=3) if frames.shape[3] == 1 else frames
            sequences.append([{"image": frame[np.newaxis]} for frame in coloured])
        return sequences

    def evaluate(self, model: Model, exam: Exam, warp: Warp = reference_warp) -> Score:
        """Accuracy on stills first, then on moving views, with memory and without."""
        options = self.options
        score = evaluate_classifier(model, exam.source, exam.labels, warp)
        count = min(options.judged or len(exam.source), len(exam.source))
        rows = np.linspace(0, len(exam.source) - 1, count).round().astype(int).tolist()
        sizes = (options.kept, options.size)
        moving = evaluate_moving(model, exam, options.view, sizes, rows, warp)
        return replace(score, values={**score.values, **moving})

    def _remember(self, session: Session, parts: Parts, networks: Networks) -> None:
        """Train the memory on what the network for single views, as it is, makes of clips."""
        from edge_vision.training.fitting.losses import CrossEntropy  # noqa: PLC0415 - needs Keras
        from edge_vision_models.scenes.features import clip_features  # noqa: PLC0415
        from edge_vision_models.scenes.network import still_features  # noqa: PLC0415

        options, settings = self.options, self.options.recurrence
        look = still_features(networks.still)
        learnt = options.view.model_copy(update={"steady": settings.steady})
        keys = [(settings.seed, number) for number in range(1, settings.rounds + 1)]
        told = session.cache, session.say
        rounds = clip_features(look, parts.training, learnt, keys, *told)
        judged = clip_features(look, parts.validation, options.view, [JUDGED], *told)[0]
        clips = rounds.reshape(-1, *rounds.shape[2:])
        truth = np.repeat(_labels(parts.training)[np.newaxis, :, np.newaxis], settings.rounds, axis=0)
        truth = np.repeat(truth.reshape(-1, 1), clips.shape[1], axis=1)
        session.fit(
            networks.memory,
            {_SCORES: CrossEntropy(options.label_smoothing)},
            lambda *_: EpochData({_FEATURES: clips}, {_SCORES: truth}),
            lambda memory: _judged(memory, judged, _labels(parts.validation)),
            settings,
            "recurrence",
        )

    def _features(self, session: Session, parts: Parts) -> tuple[Any, Any]:
        """Our backbone; begun from `objects` where that is there."""
        if self.options.backbone == OBJECTS:
            try:
                session.found(OBJECTS)
            except ModelError as error:
                session.say(f"{error}; the backbone begins from nothing, and will be worse for it")
                plain = Scenes(self.options.model_copy(update={"backbone": ""}))
                return plain._features(session, parts)
        return super()._features(session, parts)

    def _split(self, folder: Path) -> Split:
        """Two parts; the declared test part judges, where no validation part is declared."""
        collection = read_folders(folder)
        if len(collection.part("test")) and not len(collection.part("validation")):
            judging = (
                replace(i, part="validation") if i.part == "test" else i for i in collection.items
            )
            return split(collection.of(judging), seed=self.options.seed)
        return super()._split(folder)

    def _judging(self, collection: Collection, cache: Path) -> Examples:
        """The pictures as they are kept, and, beside their labels, as the network is shown them."""
        kept = self._cached(collection, cache)
        shown = self._in_size(self.options.size, collection, cache).pictures
        return replace(kept, targets={**kept.targets, _SHOWN: shown})

    def _cached(self, collection: Collection, cache: Path) -> Examples:
        return self._in_size(self.options.kept, collection, cache)

    def _in_size(self, side: int, collection: Collection, cache: Path) -> Examples:
        """The pictures of a collection in so many pixels a side."""
        fit, channels = self.options.fit, self.options.channels
        return cached(collection, (side, side), cache, fit, channels, warp=self.warp)


def _judged(memory: Any, clips: NDArray[np.float32], labels: NDArray[np.int64]) -> Score:
    """How well a memory tells clips by their features, (clips, frames, values)."""
    alone = memory.predict({_FEATURES: clips.reshape(-1, 1, clips.shape[2])}, batch_size=512, verbose=0)
    carried = memory.predict({_FEATURES: clips}, batch_size=64, verbose=0)
    single = _softmax(np.asarray(alone[_SCORES])).reshape(*clips.shape[:2], -1)
    return Score(moving_figures(np.asarray(carried[_SCORES]), single, labels), len(labels))


def _softmax(logits: NDArray[np.floating]) -> NDArray[np.floating]:
    shares = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return np.asarray(shares / shares.sum(axis=-1, keepdims=True))


def _labels(part: Examples) -> NDArray[np.int64]:
    """The class of each example, (n,)."""
    return np.asarray(part.targets["label"], np.int64)
