"""The recipe for pictures with boxes: from a few drawn ones to a bundle that finds them."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import numpy as np
import pytest

from edge_vision.data.errors import TrainingError
from edge_vision.service.cli import main
from edge_vision.service.training.opening import declared_bundle, opened_bundle
from edge_vision.training.data.collection import VOID, Collection
from tests.boxed_shapes import LABELS, draw_boxed_shapes
from tests.service.process import daemon
from tests.shapes import draw_shapes
from tests.small_recipe import SmallRecipe, Trained

pytest.importorskip("tensorflow")
pytestmark = [pytest.mark.timeout(300), pytest.mark.slow]

recipe = SmallRecipe(
    "detect",
    {
        "columns": 8,
        "rows": 8,
        "width": 0.5,
        "channels": 16,
        "epochs": 16,
        "every": 16,
        "repeat": 2,
        "ema": 0.0,
        "batch": 8,
        "learning_rate": 0.005,
        "augmentation": "{flip = 0.5, brightness = 0.05}",
    },
    form="float16",
)


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Trained:
    folder = tmp_path_factory.mktemp("detect")
    return recipe.train(draw_boxed_shapes(folder / "pictures"), folder / "run")


def test_its_bundle_tells_what_it_is_and_how_well_it_finds(shop: Trained) -> None:
    with opened_bundle(declared_bundle(shop.bundle)) as model:
        bundle = model.bundle
    assert (bundle.task, bundle.layout, bundle.labels) == ("detect", "centres", LABELS)
    assert (bundle.image_input.shape, bundle.image_input.dtype) == ((1, 64, 64, 3), "uint8")
    assert {spec.name: spec.shape for spec in bundle.outputs} == {
        "centres": (1, 8, 8, 2),
        "sides": (1, 8, 8, 4),
    }
    judged = tomllib.loads((shop.bundle / "bundle.toml").read_text())["made"]["metrics"]["float16"]
    assert [*judged] == ["ap", "ap50", "ap50_disk", "ap50_square"]
    assert judged["ap50"] >= 0.8


def test_its_bundle_verifies(shop: Trained, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "verify", str(shop.bundle)]) == 0
    capsys.readouterr()


def test_the_daemon_finds_in_new_pictures_what_is_in_them(shop: Trained, tmp_path: Path) -> None:
    new = draw_boxed_shapes(tmp_path / "new", count=12, seed=9)
    config = tmp_path / "shapes.toml"
    config.write_text(
        f"""
[models.shapes]
bundle = {json.dumps(str(shop.bundle))}

[cameras.table]
source = {json.dumps(str(new / "images"))}
stages = [{{ uses = "detect", model = "shapes", min_score = 0.3 }}]
"""
    )
    with daemon(config) as process:
        assert process.wait() == 0
        results = process.results()
    assert len(results) == 12
    truth = [(new / "labels" / f"{number:02}.txt").read_text().splitlines() for number in range(12)]
    right = sum(
        sorted(each["label"] for each in result["detections"])
        == sorted(LABELS[int(line[0])] for line in lines)
        for result, lines in zip(results, truth, strict=True)
    )
    assert right >= 8


def test_what_is_found_after_an_epoch_is_what_the_daemon_finds(shop: Trained, tmp_path: Path) -> None:
    from edge_vision.training.networks.keras_model import KerasModel, Purpose  # noqa: PLC0415

    made = recipe()
    parts = made.read(shop.data, tmp_path)
    network = made.network(None, parts)  # type: ignore[arg-type] # nothing to begin from
    weights = [np.random.default_rng(0).normal(0, 0.3, each.shape) for each in network.get_weights()]
    network.set_weights([np.abs(each) if each.ndim == 1 else each for each in weights])
    model = KerasModel(
        made.device_graph(network), Purpose("x", parts.labels, "detect", "centres", made.meanings)
    )
    judged = made.evaluate(model, made.exam(shop.data, tmp_path, "validation"))
    assert made.validate(network, parts).values == pytest.approx(judged.values, abs=1e-4)


def test_pictures_without_boxes_are_marked_by_a_teacher(shop: Trained, tmp_path: Path) -> None:
    plain = draw_boxed_shapes(tmp_path / "plain", count=20, seed=5, labelled=False)
    with pytest.raises(TrainingError, match="no known kind of data set"):
        recipe().read(plain, tmp_path / "cache")
    taught = recipe(teacher=shop.bundle, teacher_score=0.3)
    parts = taught.read(plain, tmp_path / "cache")
    assert parts.labels == LABELS
    boxes = sum(len(each) for each in parts.training.targets["boxes"])
    assert boxes >= 0.8 * len(parts.training)
    assert any("marked" in note for note in taught.notes)
    truth = draw_boxed_shapes(tmp_path / "truth", count=20, seed=5)
    exam = recipe(teacher=shop.bundle).exam(truth, tmp_path / "cache", "all")
    with opened_bundle(declared_bundle(shop.bundle)) as model:
        assert taught.evaluate(model, exam).values["ap50"] >= 0.7


def test_further_folders_are_learnt_from_and_never_judge(shop: Trained, tmp_path: Path) -> None:
    also = draw_boxed_shapes(tmp_path / "also", count=4, seed=7)
    empty = draw_shapes(tmp_path / "empty", each=2)
    plain = recipe().read(shop.data, tmp_path)
    made = recipe(also=f'["{also}"]', empty=f'["{empty}"]').read(shop.data, tmp_path)
    assert made.validation.names == plain.validation.names
    assert len(made.training) == len(plain.training) + 4 + 6
    without = [len(boxes) for boxes in made.training.targets["boxes"][-6:]]
    assert without == [0] * 6


def test_classes_that_only_further_folders_have_are_refused(shop: Trained, tmp_path: Path) -> None:
    also = draw_boxed_shapes(tmp_path / "also", count=4, seed=7)
    (also / "classes.txt").write_text("disk\ncar\n")
    with pytest.raises(TrainingError, match=r"add classes that .* does not have: car"):
        recipe(also=f'["{also}"]').read(shop.data, tmp_path)


def test_only_classes_that_are_wanted_are_learnt(shop: Trained, tmp_path: Path) -> None:
    made = recipe(classes='{round = ["disk"]}')
    parts = made.read(shop.data, tmp_path)
    assert parts.labels == ("round",)
    assert all((each == 0).all() for each in parts.training.targets["classes"])
    source = made.exam(shop.data, tmp_path, "training").source
    assert isinstance(source, Collection)
    assert source.labels == ("round",)


def test_objects_are_cut_out_by_masks_and_pasted(shop: Trained, tmp_path: Path) -> None:
    masked = draw_boxed_shapes(tmp_path / "masked", count=20, masked=True)
    also = draw_boxed_shapes(tmp_path / "also", count=4, seed=7)
    made = recipe(paste=1.0, also=f'["{also}"]', augmentation="{}")
    parts = made.read(masked, tmp_path)
    assert (np.asarray(parts.training.targets["mask"][-4:]) == VOID).all()
    plain = sum(len(boxes) for boxes in parts.training.targets["boxes"])
    first, again = (made.epoch(parts, np.random.default_rng(seed), 0) for seed in (1, 2))
    middles = (first.targets["centres"] == 1.0).sum()
    assert middles > 2 * 1.3 * plain  # each picture is seen twice
    assert not np.array_equal(first.inputs["image"], again.inputs["image"])
    with pytest.raises(TrainingError, match="has no masks to cut objects out by; leave paste out"):
        recipe(paste=0.5).read(shop.data, tmp_path)
