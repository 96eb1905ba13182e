"""The recipe of `people-mask`, from a few drawn pictures to a bundle whose mask `anonymise` follows."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from edge_vision_generation import Anonymise
from edge_vision_models.people_mask.judging import AS_LABELLED, unlabelled, with_unlabelled
from edge_vision_segmentation import Segment
from numpy.typing import NDArray

from edge_vision import Image, Result, Stage, TensorSpec
from edge_vision.service.cli import main
from edge_vision.service.models import library
from edge_vision.service.training.opening import declared_bundle, opened_bundle
from edge_vision.testing import FakeModel, make_frame, make_stage
from edge_vision.training.data.collection import VOID, Collection
from edge_vision.training.evaluation.segmentation import mask_of
from tests.boxed_shapes import draw_boxed_shapes
from tests.masked_shapes import draw_masked_shapes
from tests.small_recipe import SmallRecipe

pytest.importorskip("tensorflow")
pytestmark = [pytest.mark.timeout(300), pytest.mark.slow]

CONFIGURATION = Path(__file__).parents[2] / "models/edge_vision_models/people_mask/people-mask.toml"
recipe = SmallRecipe(
    "people-mask",
    {
        "backbone": "''",
        "duplicates": "false",
        "columns": 4,
        "rows": 4,
        "width": 0.5,
        "channels": 16,
        "epochs": 8,
        "every": 8,
        "repeat": 2,
        "ema": 0.9,
        "learning_rate": 0.005,
        "augmentation": "{scale = [0.9, 1.2], rotate = 0.0, saturation = 0.0, brightness = 0.05}",
    },
    form="int8",
)
STILL = "{rotate = 0.0, scale = [1.0, 1.0], aspect = 1.0, shift = 0.0, flip = 0.0, blur = 0.0}"
"""An augmentation that leaves everything where it is."""


def called(folder: Path, *names: str) -> Path:
    (folder / "classes.txt").write_text("\n".join(names) + "\n")
    return folder


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Disks and squares, all of them people, with boxes and masks."""
    folder = draw_boxed_shapes(tmp_path_factory.mktemp("people"), count=32, masked=True)
    return called(folder, "PASpersonStanding", "PASpersonWalking")


@pytest.fixture(scope="module")
def scenes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Squares that are people, and disks that are none; without masks."""
    return called(
        draw_boxed_shapes(tmp_path_factory.mktemp("scenes"), count=10, seed=4), "ball", "person"
    )


def test_it_trains_and_anonymise_follows_its_mask(
    people: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(library.VARIABLE, str(tmp_path / "installed"))
    run = recipe.train(people, tmp_path / "run").run
    assert main(["models", "verify", str(run)]) == 0
    with opened_bundle(declared_bundle(run / "bundle")) as model:
        bundle = model.bundle
    assert (bundle.layout, bundle.labels) == ("mask", ("background", "person"))
    assert [spec.shape for spec in bundle.outputs] == [(1, 64, 64, 1)]
    shutil.copytree(run / "bundle", tmp_path / "installed" / "people-mask")
    assert main(["check", str(CONFIGURATION)]) == 0
    capsys.readouterr()
    with opened_bundle(declared_bundle(run / "bundle")) as model:
        stages = (
            make_stage(Segment, {"people-mask": model}, model="people-mask"),
            make_stage(Anonymise, method="fill", colour=[255, 0, 255], margin=0.1),
        )
        shares = [_hidden(file, stages) for file in sorted((people / "images").iterdir())]
    shown, others = np.mean(shares, axis=0)
    assert shown > 0.9, "of the people"
    assert others < 0.2, "of what is around them"


def _hidden(file: Path, stages: Sequence[Stage]) -> tuple[float, float]:
    """How much of the people in a picture is hidden, and how much of all else."""
    mask = cv2.imread(str(file.parents[1] / "masks" / file.name), cv2.IMREAD_UNCHANGED)
    image: Image = np.asarray(cv2.imread(str(file)), np.uint8)
    result = Result.of(make_frame(image))
    for stage in stages:
        made = stage(result)
        assert made is not None
        result = made
    gone = (result.frame.image != image).any(axis=-1)
    return float(gone[mask == 1].mean()), float(gone[mask == 0].mean())


def test_it_judges_by_what_pedestrians_does_not_learn(people: Path, tmp_path: Path) -> None:
    own = recipe()
    theirs = SmallRecipe("pedestrians", {"backbone": "''", "duplicates": "false"})()
    parts = own.read(people, tmp_path)
    assert parts.labels == ("background", "person")
    assert parts.validation.names == theirs.read(people, tmp_path).validation.names
    exam = own.exam(people, tmp_path, "validation")
    assert len(exam.source) == len(parts.validation)


def test_people_in_scenes_without_masks_count_for_nothing(
    people: Path, scenes: Path, tmp_path: Path
) -> None:
    made = recipe(scenes=f'["{scenes}"]', paste=0.0, augmentation=STILL, repeat=1)
    parts = made.read(people, tmp_path)
    masked = len(parts.training) - 10
    data = made.epoch(parts, np.random.default_rng(0), 0)
    masks, pictures = data.targets["classes"], data.inputs["image"]
    assert len(masks) == len(parts.training)
    assert set(np.unique(masks[:masked])) == {0, 1}
    scene = np.asarray(masks[masked:])
    assert set(np.unique(scene)) == {0, VOID}
    squares, balls = pictures[masked:, ..., 0] < 60, pictures[masked:, ..., 0] > 200
    assert (scene[squares] == VOID).mean() > 0.95, "squares are people"
    assert (scene[balls] == 0).mean() > 0.8, "and balls are none"


def test_as_many_scenes_are_shown_as_masks(people: Path, tmp_path: Path) -> None:
    many = called(draw_boxed_shapes(tmp_path / "many", count=40, seed=5), "ball", "person")
    made = recipe(scenes=f'["{many}"]', repeat=1)
    parts = made.read(people, tmp_path)
    assert len(made.epoch(parts, np.random.default_rng(0), 0)) == 2 * (len(parts.training) - 40)


def test_people_are_cut_out_and_pasted(people: Path, scenes: Path, tmp_path: Path) -> None:
    shares = []
    for paste in (0.0, 1.0):
        made = recipe(scenes=f'["{scenes}"]', paste=paste, augmentation=STILL, repeat=1)
        parts = made.read(people, tmp_path)
        masks = made.epoch(parts, np.random.default_rng(0), 0).targets["classes"]
        shares.append([(masks[rows] == 1).mean() for rows in (slice(-10), slice(-10, None))])
    (masked, none), (more, pasted) = shares
    assert none == 0.0
    assert pasted > 0.03
    assert more > masked


def test_people_whom_the_masks_leave_out_count_for_nothing(tmp_path: Path) -> None:
    name, (box, *_) = next((n, boxes) for n, boxes in unlabelled().items() if len(boxes) == 1)
    x1, y1, x2, y2 = box
    folder, written = tmp_path / "data", tmp_path / "written"
    for part in ("images", "masks"):
        (folder / part).mkdir(parents=True)
    written.mkdir()
    mask = np.zeros((y2 + 9, x2 + 9), np.uint8)
    mask[:, x1 : x1 + 3] = 1
    for stem in (name, "another"):
        cv2.imwrite(str(folder / "images" / f"{stem}.png"), np.full((*mask.shape, 3), 90, np.uint8))
        cv2.imwrite(str(folder / "masks" / f"{stem}.png"), mask)
    made = recipe()
    collection = made.collection(folder, tmp_path / "cache")  # type: ignore[attr-defined]
    judging = with_unlabelled(collection, written)
    masks = {item.file.stem: mask_of(judging, row) for row, item in enumerate(judging.items)}
    assert (masks["another"] == mask).all()
    inside = masks[name][y1:y2, x1:x2]
    assert (inside[:, :3] == 1).all()
    assert (inside[:, 3:] == VOID).all()
    assert (masks[name] == VOID).sum() == (x2 - x1 - 3) * (y2 - y1)


def test_both_figures_are_told_where_it_matters(people: Path, tmp_path: Path) -> None:
    def everyone(inputs: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        return {"mask": np.ones((1, 8, 8, 1), np.float32)}

    image, mask = TensorSpec("image", (1, 8, 8, 3), "uint8"), TensorSpec("mask", (1, 8, 8, 1), "float32")
    said = FakeModel([image], [replace(mask, meaning="mask")], everyone, ("background", "person"))
    exam = recipe().exam(people, tmp_path, "validation")
    assert AS_LABELLED not in recipe().evaluate(said, exam).values
    assert isinstance(exam.source, Collection)
    known = exam.source.items[0]
    name = next(iter(unlabelled()))
    picture = known.file.with_stem(name)
    shutil.copy(known.file, picture)
    try:
        renamed = exam.source.of([replace(known, file=picture)])
        values = recipe().evaluate(said, replace(exam, source=renamed)).values
    finally:
        picture.unlink()
    assert values["iou_person"] >= values[AS_LABELLED]


def test_masks_without_boxes_will_do(tmp_path: Path) -> None:
    folder = draw_masked_shapes(tmp_path / "pictures", count=10, named=False, alike=True)
    made = recipe()
    parts = made.read(folder, tmp_path / "cache")
    data = made.epoch(parts, np.random.default_rng(0), 0)
    assert len(data) == 2 * len(parts.training)
    assert {0, 1} <= set(np.unique(data.targets["classes"]))
