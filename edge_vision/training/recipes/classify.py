"""The recipe for pictures of one's own: a folder for each class becomes a classifier."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from edge_vision.contracts.model import Model
from edge_vision.contracts.options import option
from edge_vision.data.warp import Warp, reference_warp
from edge_vision.training.augmentation.epoch import epoch as augmented
from edge_vision.training.augmentation.mixing import mixup, one_hot
from edge_vision.training.augmentation.options import Augmentation, usual
from edge_vision.training.data.cache import cached
from edge_vision.training.data.collection import Collection
from edge_vision.training.data.folders import read_folders
from edge_vision.training.data.parting import PartingOptions, part_of_split, parted
from edge_vision.training.data.splits import Split
from edge_vision.training.distillation import (
    TEACHER,
    TeacherOptions,
    teacher_answers,
    with_teacher_head,
)
from edge_vision.training.evaluation.classification import evaluate_classifier, scores_of
from edge_vision.training.exam import Exam
from edge_vision.training.examples import Examples, Parts
from edge_vision.training.fitting.epoch_data import EpochData
from edge_vision.training.fitting.settings import FitSettings
from edge_vision.training.recipe import Inputs, Recipe
from edge_vision.training.representative import typical_pictures
from edge_vision.training.score import Score
from edge_vision.training.session import Session

STEPS = 8
"""So many steps an epoch has at least: few pictures are gone through more than once in it."""
LOOKED_AT = 60_000
"""Pictures that a whole training looks at, about, where nobody says how many epochs it has."""
EPOCHS = (12, 40)
"""The fewest and the most epochs where nobody says how many."""
CALIBRATED = 100
"""So many pictures calibrate int8."""
TOGETHER = 64
"""So many pictures are validated at once."""
_ANSWER = "scores"


class ClassifyOptions(TeacherOptions, PartingOptions, FitSettings):
    """Options of the recipe `classify`."""

    epochs: int = option(
        0, "So many times the pictures are gone through; 0: 12 to 40, fewer where there are many.", ge=0
    )
    patience: int = option(12, "Epochs without a better score after which it stops; 0: never.", ge=0)
    weight_decay: float = option(
        0.02, "Decay of the weights, as a share of the learning rate; biases keep theirs.", ge=0.0
    )
    size: int = option(
        96, "Width and height of the pictures that the network sees.", unit="px", ge=32, le=512
    )
    channels: Literal[1, 3] = option(3, "3 for colours, 1 for grey.")
    fit: Literal["stretch", "letterbox"] = option(
        "stretch", "How pictures are made square: stretched, or whole with grey bars."
    )
    width: float = option(1.0, "Channels of our backbone, times the usual.", ge=0.25, le=4)
    backbone: str = option(
        "",
        "What to begin from: a bundle of ours such as objects, a run's folder, or any .tflite "
        "file of floats; left out, nothing.",
    )
    dropout: float = option(0.2, "Share of the features that are left out in each step.", ge=0.0, lt=1.0)
    label_smoothing: float = option(
        0.1, "Share of each truth that is spread over all classes.", ge=0.0, lt=1.0
    )
    balance: float = option(
        0.5, "How far rare classes count more: 0 not at all, 1 until all count the same.", ge=0.0, le=1.0
    )
    mixup: float = option(
        0.2,
        "How much pictures are blended with each other (alpha of mixup); 0: not at all.",
        ge=0.0,
        le=2,
    )
    augmentation: Augmentation = option(usual(), "How pictures are changed at random.")


class Classify(Recipe[ClassifyOptions]):
    """A classifier of pictures: our backbone and a layer of scores."""

    name = "classify"
    task = "classify"
    layout = "scores"
    meanings = {_ANSWER: "scores"}  # noqa: RUF012 - as the base has it
    about = "Says which of its classes a picture shows."
    limits = (
        "It chooses among its classes whatever it is shown, also where none of them fits. Pictures of "
        "other cameras, places and seasons than those it learnt from may be answered worse than the "
        "table says."
    )
    Options = ClassifyOptions

    def __init__(self, options: ClassifyOptions) -> None:
        super().__init__(options)
        self.fit = options.fit
        self._taught: NDArray[np.float32] = np.zeros((0, 0), np.float32)
        self._taught_the_same = False

    def read(self, folder: Path, cache: Path) -> Parts:
        """The pictures of a folder for each class, in two parts that have nothing in common."""
        made = self._split(folder)
        self.notes = [*made.training.notes]
        return Parts(
            self._cached(made.training, cache),
            self._judging(made.validation, cache),
            made.training.labels,
        )

    def exam(self, folder: Path, cache: Path, part: str) -> Exam:
        """The files themselves, so that any model sees them as it would in the daemon."""
        if part == "all":
            collection = self.collection(folder)
        else:
            collection = part_of_split(self._split(folder), part, folder)
        readable = set(self._cached(collection, cache).names)
        chosen = collection.of(item for item in collection.items if item.name in readable)
        return Exam(
            chosen, chosen.labels, tuple(chosen.labels[item.label or 0] for item in chosen.items)
        )

    def network(self, session: Session, parts: Parts) -> Any:
        """Our backbone, or what a .tflite file computes before it decides, and a layer of scores."""
        import keras  # noqa: PLC0415 - the recipe can be looked at, and evaluate, without it

        from edge_vision.training.networks.blocks import class_head  # noqa: PLC0415

        image, features = self._features(session, parts)
        scores = class_head(features, len(parts.labels), dropout=self.options.dropout, name=_ANSWER)
        network = keras.Model({"image": image}, {_ANSWER: scores}, name=self.name)
        if self.options.teacher and not self._learn_from_teacher(session, parts):
            return with_teacher_head(network, self._taught.shape[1])
        return network

    def _learn_from_teacher(self, session: Session, parts: Parts) -> bool:
        """Ask the teacher about all pictures; True where its classes are those of the data."""
        session.say(f"asking {self.options.teacher} about {len(parts.training)} pictures")
        with session.teacher(self.options.teacher) as model:
            logits = teacher_answers(model, parts.training.pictures, session.cache)
            self._taught_the_same = model.bundle.labels == parts.labels
        shares = np.exp(logits - logits.max(axis=1, keepdims=True))
        self._taught = np.asarray(shares / shares.sum(axis=1, keepdims=True), np.float32)
        return self._taught_the_same

    def _features(self, session: Session, parts: Parts) -> tuple[Any, Any]:
        """The picture that goes in, and a vector that says what it shows."""
        from edge_vision.training.networks.backbone import (  # noqa: PLC0415 - needs Keras
            EMBEDDING,
            BackboneOptions,
            backbone,
        )
        from edge_vision.training.transfer.tflite_network import FEATURES, read_network  # noqa: PLC0415

        options, size = self.options, (self.options.size, self.options.size)
        if options.backbone.endswith(".tflite"):
            with session.teacher(options.backbone) as model:
                image = model.bundle.image_input
            read = read_network(Path(options.backbone), image=image, size=size)
            return read.inputs[0], read.output[FEATURES]
        made = backbone(BackboneOptions(width=options.width, channels=options.channels), size)
        if options.backbone:
            shown = typical_pictures(parts.training, size, options.seed)
            session.begin_from(made, options.backbone, shown)
        return made.inputs[0], made.output[EMBEDDING]

    def losses(self, session: Session, parts: Parts) -> Mapping[str, Any]:
        """Cross-entropy, in which rare classes count more, and what a teacher says, if there is one."""
        from edge_vision.training.fitting.learner import Goal  # noqa: PLC0415 - needs Keras
        from edge_vision.training.fitting.losses import (  # noqa: PLC0415
            CrossEntropy,
            Distillation,
            balance,
        )

        options = self.options
        counts = np.bincount(_labels(parts.training), minlength=len(parts.labels))
        learnt: dict[str, Any] = {
            _ANSWER: CrossEntropy(options.label_smoothing, balance(counts, options.balance))
        }
        if options.teacher:
            output = _ANSWER if self._taught_the_same else TEACHER
            loss = Distillation(options.temperature)
            learnt[TEACHER] = Goal(loss, options.teacher_weight, output, TEACHER)
        return learnt

    def epoch(self, parts: Parts, random: np.random.Generator, epoch: int) -> EpochData:
        """All pictures, augmented and blended with each other."""
        options, part, classes = self.options, parts.training, len(parts.labels)
        repeat = _repeats(len(part), options.batch)
        made = augmented(part, options.augmentation, part.size, random, repeat=repeat)
        pictures, truth = made.pictures, one_hot(_labels(made), classes)
        if options.teacher:
            truth = np.concatenate([truth, np.tile(self._taught, (repeat, 1))], axis=1)
        if options.mixup:
            pictures, truth = mixup(pictures, truth, random, options.mixup)
        targets = {_ANSWER: truth[:, :classes], TEACHER: truth[:, classes:]}
        return EpochData(
            {"image": pictures}, targets if options.teacher else {_ANSWER: targets[_ANSWER]}
        )

    def fit_settings(self, parts: Parts) -> FitSettings:
        """As set, with as many epochs as suit the number of pictures where nobody says how many."""
        options = self.options
        if options.epochs:
            return options
        fewest, most = EPOCHS
        seen = _length(parts, options.batch)
        epochs = min(max(round(LOOKED_AT / seen), fewest), most)
        return options.model_copy(update={"epochs": epochs})

    def validate(self, network: Any, parts: Parts) -> Score:
        """The pictures of the validation part in batches, as they are cached."""
        part = parts.validation
        answers = network.predict({"image": part.pictures}, batch_size=TOGETHER, verbose=0)[_ANSWER]
        return scores_of(np.asarray(answers), _labels(part), parts.labels)

    def device_graph(self, network: Any) -> Any:
        """One picture in, probabilities out."""
        from edge_vision.training.networks.device import for_device  # noqa: PLC0415

        return for_device(network, endings={_ANSWER: "softmax"})

    def representative(self, part: Examples) -> Sequence[Sequence[Inputs]]:
        """Pictures of all classes in turn, each by itself."""
        rows = _in_turn(_labels(part))[:CALIBRATED]
        return [[{"image": np.asarray(part.pictures[row : row + 1])}] for row in rows]

    def evaluate(self, model: Model, exam: Exam, warp: Warp = reference_warp) -> Score:
        """Accuracy, also of the best five where there are more classes, and the mean F1 of classes."""
        return evaluate_classifier(model, exam.source, exam.labels, warp)

    def collection(self, folder: Path) -> Collection:
        """What the folder holds: a folder of pictures for each class."""
        return read_folders(folder)

    def _split(self, folder: Path) -> Split:
        return parted(self.collection(folder), self.options, self.options.seed, folder)

    def _judging(self, collection: Collection, cache: Path) -> Examples:
        """The pictures that only judge."""
        return self._cached(collection, cache)

    def _cached(self, collection: Collection, cache: Path) -> Examples:
        options = self.options
        size = (options.size, options.size)
        return cached(collection, size, cache, options.fit, options.channels, warp=self.warp)


def _labels(part: Examples) -> NDArray[np.int64]:
    """The class of each example, (n,)."""
    return np.asarray(part.targets["label"], np.int64)


def _repeats(pictures: int, batch: int) -> int:
    """So often few pictures are gone through in one epoch."""
    return max(1, math.ceil(STEPS * batch / pictures))


def _length(parts: Parts, batch: int) -> int:
    """So many pictures an epoch has."""
    return len(parts.training) * _repeats(len(parts.training), batch)


def _in_turn(labels: NDArray[np.int64]) -> list[int]:
    """All rows, one of each class in turn."""
    turns = np.zeros(len(labels), np.int64)
    for number in np.unique(labels):
        rows = np.flatnonzero(labels == number)
        turns[rows] = np.arange(len(rows))
    return [int(row) for row in np.lexsort((labels, turns))]
