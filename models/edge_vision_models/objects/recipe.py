"""The recipe of `objects`: our backbone learns 200 kinds of things, and what a teacher says of them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from edge_vision.contracts.options import option
from edge_vision.data.errors import TrainingError
from edge_vision.training.augmentation.options import Augmentation
from edge_vision.training.data.collection import Collection
from edge_vision.training.data_facts import DataFacts
from edge_vision.training.recipes.classify import Classify, ClassifyOptions

WORDS = "words.txt"
"""The file of tiny-imagenet that says what each folder's number means, a line each."""

SEEN = Augmentation(
    scale=(1.0, 1.42),
    aspect=1.28,
    flip=0.5,
    brightness=0.15,
    contrast=0.4,
    saturation=0.4,
    grey=0.2,
    erase=0.1,
)
"""How its pictures are changed: things are cut, mirrored, lit otherwise, and often seen in grey."""


class ObjectsOptions(ClassifyOptions):
    """Options of the recipe `objects`."""

    epochs: int = option(24, "So many times the pictures are gone through.", ge=1)
    batch: int = option(128, "Examples a step.", ge=1)
    learning_rate: float = option(3e-3, "The highest learning rate, reached after the warm-up.", gt=0.0)
    weight_decay: float = option(0.05, "Decay of the weights, as a share of the learning rate.", ge=0.0)
    patience: int = option(0, "Epochs without a better score after which it stops; 0: never.", ge=0)
    every: int = option(2, "Each so many epochs, and after the last, the network is validated.", ge=1)
    size: int = option(64, "Width and height of the pictures.", unit="px", ge=32, le=512)
    clip: float = option(0.0, "Largest norm of all gradients together; 0: any.", ge=0.0)
    dropout: float = option(0.0, "Share of the features that are left out in each step.", ge=0.0, lt=1.0)
    teacher_weight: float = option(1.0, "Weight of a teacher's answers beside the labels.", ge=0)
    augmentation: Augmentation = option(SEEN, "How pictures are changed at random.")


class Objects(Classify):
    """A classifier of 200 kinds of things that gives its embedding too, for others to begin from."""

    name = "objects"
    layout = "scores-and-embedding"
    meanings = {"scores": "scores", "embedding": "embedding"}  # noqa: RUF012 - as the base has it
    about = (
        "Says which of 200 kinds of things a small picture shows, and describes it in 256 numbers, by "
        "which similar things can be found. Its backbone is what our other models begin from."
    )
    limits = (
        "It learnt from 100 small pictures of each kind, so it is often wrong about the kind; its "
        "embedding and its weights are worth more than its labels. It looks at 64 x 64 pixels: cut "
        "things out first."
    )
    data = DataFacts(
        "tiny-imagenet, 200 classes of ImageNet at 64 x 64 pixels, 100 pictures each",
        "ImageNet terms of access: research and education only",
        research_only=True,
        cite="Deng and others, ImageNet: A Large-Scale Hierarchical Image Database, 2009",
        source="https://www.image-net.org",
    )
    forms = ("float16", "int8")
    Options = ObjectsOptions

    def device_graph(self, network: Any) -> Any:
        """One picture in; probabilities and the embedding out."""
        import keras  # noqa: PLC0415 - the recipe can be looked at, and evaluate, without it

        from edge_vision.training.networks.backbone import EMBEDDING  # noqa: PLC0415
        from edge_vision.training.networks.device import for_device  # noqa: PLC0415

        outputs = {
            "scores": network.output["scores"],
            EMBEDDING: network.get_layer(EMBEDDING).output,
        }
        both = keras.Model(network.input, outputs)
        return for_device(both, endings={"scores": "softmax", EMBEDDING: "none"})

    def collection(self, folder: Path) -> Collection:
        """The folders of ImageNet's numbers, with the words that they stand for."""
        collection = super().collection(folder)
        file = folder / WORDS
        return (
            replace(collection, labels=_named(collection.labels, file)) if file.exists() else collection
        )


def _named(numbers: tuple[str, ...], file: Path) -> tuple[str, ...]:
    """The first word for each number, with a second one where two kinds have the same first."""
    lines = file.read_text(encoding="utf-8").splitlines()
    words = dict(line.split("\t", 1) for line in lines if "\t" in line)
    missing = [number for number in numbers if number not in words]
    if missing:
        raise TrainingError(f"{file}: says nothing of {', '.join(missing[:3])}")
    firsts = [words[number].split(", ")[0] for number in numbers]
    return tuple(
        ", ".join(words[number].split(", ")[:2]) if firsts.count(first) > 1 else first
        for number, first in zip(numbers, firsts, strict=True)
    )
