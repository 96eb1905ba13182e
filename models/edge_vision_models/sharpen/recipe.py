"""The recipe of `sharpen`: a small network learns what small pictures have lost, from any pictures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_vision.contracts.model import Model
from edge_vision.data.warp import Warp, reference_warp
from edge_vision.training.data.collection import Collection
from edge_vision.training.data.files import MASK_FOLDERS, TEXT_FOLDERS, folder_kind
from edge_vision.training.data.parting import part_of_split, parted
from edge_vision.training.data.splits import Split
from edge_vision.training.data.unlabelled import read_unlabelled
from edge_vision.training.data_facts import OWN_DATA, DataFacts
from edge_vision.training.evaluation.enlarging import evaluate_enlarger
from edge_vision.training.exam import Exam
from edge_vision.training.examples import Examples, Parts
from edge_vision.training.fitting.epoch_data import EpochData
from edge_vision.training.fitting.settings import FitSettings
from edge_vision.training.recipe import Inputs, Recipe
from edge_vision.training.score import Score
from edge_vision.training.session import Session
from edge_vision_models.sharpen.changes import seen_parts
from edge_vision_models.sharpen.options import SharpenOptions
from edge_vision_models.sharpen.parts import SMALL, Cutting, cut_parts

LOOKED_AT, EPOCHS = 160_000, (12, 200)
"""Parts that a whole training looks at, about, and its fewest and most epochs, where nobody says."""
CALIBRATED = 100
"""So many pictures calibrate int8."""
TOGETHER = 32
"""So many parts are validated at once."""
SHIPPED = frozenset(("penn-fudan", "coco128", "camvid"))
"""The folders that the shipped model learnt from: whatever else is learnt from is somebody's own."""
SHAVED = 2
"""Large pixels at the edges of each part that do not count."""
_PICTURE = "picture"


class Sharpen(Recipe[SharpenOptions]):
    """Super-resolution: brightness in twice the width and height."""

    name = "sharpen"
    task = "generate"
    layout = "image"
    meanings = {_PICTURE: "image"}  # noqa: RUF012 - as the base has it
    about = (
        "Makes pictures twice as wide and high, and sharper than interpolation does: brightness through "
        "the network, colours by interpolation. Pictures of any size go through it in tiles; the stages "
        "`sharpen` and `crops` do that."
    )
    data = DataFacts(
        "pictures of COCO (128 + 128), Penn-Fudan (120) and CamVid (468), made smaller",
        "COCO: pictures under various Creative Commons licences, some for non-commercial use only; "
        "Penn-Fudan: none stated, academic; CamVid: CC BY-NC 4.0, for research",
        research_only=True,
        cite="Lin and others, Microsoft COCO, 2014; Wang, Shi, Song and Shen, Object Detection "
        "Combining Recognition and Segmentation, 2007; Brostow, Fauqueur and Cipolla, Semantic Object "
        "Classes in Video, 2009; judged on Set5 (Bevilacqua and others, 2012) and Set14 (Zeyde, Elad "
        "and Protter, 2010)",
    )
    limits = (
        "psnr_y is in decibels, as papers have it: brightness in studio range, two pixels at each edge "
        "left out, the mean over pictures that were made smaller by bicubic interpolation with "
        "antialiasing; bicubic is what interpolation reaches, gain the difference. What is blurred, "
        "noisy or a coarse JPEG gains little, and loses: 0.2 dB at JPEG's quality 50, 0.3 dB where "
        "noise has a deviation of 5 levels; --set damage=0.2 trains a model that mends some of it, and "
        "is less sharp on what is good. It invents nothing: letters of three pixels "
        "stay unreadable. Colours are as soft as interpolation leaves them. The shipped model learnt in "
        "two runs: one with damage=0.2 (its folder is called damaged), and from there a short one "
        "without."
    )
    forms = ("float16", "int8")
    largest_loss = 0.1
    Options = SharpenOptions
    options: SharpenOptions

    def read(self, folder: Path, cache: Path) -> Parts:
        """Parts of the pictures of a folder, and of others that are learnt from; those judge nothing."""
        made, options = self._split(folder), self.options
        if {folder.name, *(place.name for place in options.also)} != SHIPPED:
            self.data = OWN_DATA
        learnt = [*made.training.items]
        for place in options.also:
            further = _pictures(place)
            learnt += [replace(item, name=f"{place.name}/{item.name}") for item in further.items]
        cutting = Cutting(options.kept, options.longest, options.scales, options.most, options.flat)
        training, self.notes = cut_parts(made.training.of(learnt), cutting)
        validation, notes = cut_parts(made.validation, cutting)
        self.notes += [f"of those that judge, {note}" for note in notes]
        return Parts(training, validation)

    def exam(self, folder: Path, cache: Path, part: str) -> Exam:
        """The pictures themselves: of the folders that were named to judge by, else of the part."""
        if part == "validation" and self.options.judged:
            chosen = _judging(self.options.judged)
        elif part == "all":
            chosen = _pictures(folder)
        else:
            chosen = part_of_split(self._split(folder), part, folder)
        return Exam(chosen, truths=tuple(item.name for item in chosen.items))

    def network(self, session: Session, parts: Parts) -> Any:
        """Convolutions at the small size."""
        from edge_vision_models.sharpen.network import enlarging_network  # noqa: PLC0415 - needs Keras

        made = enlarging_network(self.options.width, self.options.depth)
        if self.options.start:
            session.begin_from(made, self.options.start)
        return made

    def losses(self, session: Session, parts: Parts) -> Mapping[str, Any]:
        """Differences of brightness."""
        from edge_vision_models.sharpen.charbonnier import Charbonnier  # noqa: PLC0415 - needs Keras

        return {_PICTURE: Charbonnier()}

    def epoch(self, parts: Parts, random: np.random.Generator, epoch: int) -> EpochData:
        """A piece of each part, turned and mirrored."""
        small, large = seen_parts(parts.training, self.options, random)
        return EpochData({"image": small}, {_PICTURE: large})

    def fit_settings(self, parts: Parts) -> FitSettings:
        """What a person set; left out, more epochs where there are fewer parts."""
        usual = min(max(round(LOOKED_AT / len(parts.training)), EPOCHS[0]), EPOCHS[1])
        return self.options.model_copy(update={"epochs": self.options.epochs or usual})

    def validate(self, network: Any, parts: Parts) -> Score:
        """The ratio in decibels over all parts of the validation at once."""
        part = parts.validation
        made = network.predict(
            {"image": np.asarray(part.targets[SMALL])}, batch_size=TOGETHER, verbose=0
        )
        inner = slice(SHAVED, -SHAVED)
        errors = np.asarray(made[_PICTURE]) - part.pictures / np.float32(255.0)
        error = float(np.square(errors[:, inner, inner]).mean())
        return Score({"psnr": -10.0 * float(np.log10(max(error, 1e-10)))}, len(part))

    def device_graph(self, network: Any) -> Any:
        """One tile in, four times its pixels out."""
        from edge_vision_models.sharpen.network import device_graph  # noqa: PLC0415 - needs Keras

        return device_graph(network, self.options.size)

    def decoding(self, labels: Sequence[str]) -> Mapping[str, Any]:
        """Black is 0 and white 255, as in what goes in."""
        return {"range": "0..255"}

    def representative(self, part: Examples) -> Sequence[Sequence[Inputs]]:
        """Tiles, mirrored where they are larger than parts."""
        small = np.asarray(part.targets[SMALL])
        rows = np.linspace(0, len(small) - 1, min(CALIBRATED, len(small))).round().astype(int)
        return [[{"image": _tile(small[row], self.options.size)}] for row in rows]

    def evaluate(self, model: Model, exam: Exam, warp: Warp = reference_warp) -> Score:
        """Decibels above bicubic interpolation, as papers count them."""
        return evaluate_enlarger(model, exam.source)

    def _split(self, folder: Path) -> Split:
        """The parts that folders declare, else made here."""
        return parted(_pictures(folder), self.options, self.options.seed, folder)


def _pictures(folder: Path) -> Collection:
    """All pictures below a folder but for masks of others."""
    found = read_unlabelled(folder)
    kinds = (*MASK_FOLDERS, *TEXT_FOLDERS)
    return found.of(i for i in found.items if folder_kind(PurePosixPath(i.name)) not in kinds)


def _judging(folders: Sequence[Path]) -> Collection:
    """The pictures of folders that only judge; of several, the folder is part of the name."""
    found = [_pictures(folder) for folder in folders]
    if len(found) == 1:
        return found[0]
    return found[0].of(
        replace(item, name=f"{folder.name}/{item.name}")
        for folder, each in zip(folders, found, strict=True)
        for item in each.items
    )


def _tile(small: NDArray[np.uint8], size: tuple[int, int]) -> NDArray[np.uint8]:
    """A picture (height, width, 1) cut, or mirrored on, to a size (width, height), (1, ..., 1)."""
    cut = small[: size[1], : size[0]]
    missing = size[1] - cut.shape[0], size[0] - cut.shape[1]
    return np.pad(cut, ((0, missing[0]), (0, missing[1]), (0, 0)), mode="reflect")[np.newaxis]
