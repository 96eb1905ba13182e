"""The recipe for pictures with masks: from a few drawn ones to a bundle that follows outlines."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge_vision.adapters.runner import Runner
from edge_vision.adapters.segmentation import ClassMap
from edge_vision.data.errors import TrainingError
from edge_vision.data.view import View
from edge_vision.service.cli import main
from edge_vision.service.training.opening import declared_bundle, opened_bundle
from edge_vision.training.data.collection import VOID
from edge_vision.training.evaluation.sights import as_frame
from tests.masked_shapes import LABELS, SIZE, draw_masked_shapes
from tests.service.process import daemon
from tests.small_recipe import SmallRecipe, Trained

pytest.importorskip("tensorflow")
pytestmark = pytest.mark.timeout(300)

recipe = SmallRecipe(
    "segment",
    {
        "columns": 4,
        "rows": 4,
        "width": 0.5,
        "channels": 16,
        "epochs": 10,
        "every": 10,
        "ema": 0.9,
        "learning_rate": 0.005,
        "augmentation": "{scale = [0.9, 1.2], rotate = 0.0, saturation = 0.0, brightness = 0.05}",
    },
    form="int8",
)


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Trained:
    folder = tmp_path_factory.mktemp("segment")
    return recipe.train(draw_masked_shapes(folder / "pictures"), folder / "run")


def test_its_bundle_tells_what_it_is_and_how_well_it_does(shop: Trained) -> None:
    with opened_bundle(declared_bundle(shop.bundle)) as model:
        bundle = model.bundle
    assert (bundle.task, bundle.layout, bundle.labels) == ("segment", "class-scores", LABELS)
    assert (bundle.image_input.shape, bundle.image_input.dtype) == ((1, 64, 64, 3), "uint8")
    assert [spec.shape for spec in bundle.outputs] == [(1, 32, 32, 3)]
    judged = tomllib.loads((shop.bundle / "bundle.toml").read_text())["made"]["metrics"]
    assert [*judged] == ["keras", "int8"]
    assert [*judged["int8"]] == ["miou", "pixel_accuracy", *(f"iou_{label}" for label in LABELS)]
    assert judged["int8"]["miou"] >= 0.75


def test_its_bundle_verifies(shop: Trained, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "verify", str(shop.bundle)]) == 0
    capsys.readouterr()


def test_the_daemon_tells_the_classes_of_new_pictures(shop: Trained, tmp_path: Path) -> None:
    new = draw_masked_shapes(tmp_path / "new", count=6, seed=9)
    config = tmp_path / "shapes.toml"
    config.write_text(
        f"""
[models.shapes]
bundle = {json.dumps(str(shop.bundle))}

[cameras.table]
source = {json.dumps(str(new / "images"))}
stages = [{{ uses = "segment", model = "shapes" }}]
"""
    )
    with daemon(config) as process:
        assert process.wait() == 0
        results = process.results()
    assert len(results) == 6
    for number, result in enumerate(results):
        mask = np.asarray(cv2.imread(str(new / "masks" / f"{number:02}.png"), cv2.IMREAD_UNCHANGED))
        shares = {each["label"]: each["share"] for each in result["segments"]}
        for value, label in enumerate(LABELS):
            assert shares[label] == pytest.approx((mask == value).mean(), abs=0.06)


def test_what_is_found_after_an_epoch_is_what_the_daemon_finds(shop: Trained, tmp_path: Path) -> None:
    from edge_vision.training.networks.keras_model import KerasModel, Purpose  # noqa: PLC0415

    made = recipe()
    parts = made.read(shop.data, tmp_path)
    network = made.network(None, parts)  # type: ignore[arg-type] # nothing to begin from
    weights = [np.random.default_rng(0).normal(0, 0.3, each.shape) for each in network.get_weights()]
    network.set_weights([np.abs(each) if each.ndim == 1 else each for each in weights])
    model = KerasModel(
        made.device_graph(network), Purpose("x", parts.labels, "segment", made.layout, made.meanings)
    )
    exam = made.exam(shop.data, tmp_path, "validation")
    judged, seen = made.evaluate(model, exam), made.validate(network, parts)
    assert [*seen.values] == [*judged.values]
    # One looks at the pictures' own pixels, the other at those that the network sees.
    assert seen.chief == pytest.approx(judged.chief, abs=0.03)
    assert seen.examples == judged.examples == 6


@pytest.mark.parametrize("stride", [1, 2, 4])
def test_masks_move_with_their_pictures(shop: Trained, tmp_path: Path, stride: int) -> None:
    made = recipe(
        stride=stride,
        augmentation="{scale = [0.8, 1.5], rotate = 10.0, brightness = 0.0, contrast = 0.0, grey = 0.0}",
    )
    parts = made.read(shop.data, tmp_path)
    data = made.epoch(parts, np.random.default_rng(1), 0)
    pictures, masks = data.inputs["image"], np.asarray(data.targets["classes"])
    assert len(pictures) == 2 * len(parts.training)
    assert masks.shape == (len(pictures), 64 // stride, 64 // stride)
    red = pictures[:, stride // 2 :: stride, stride // 2 :: stride, 0].astype(int)
    assert red[masks == 1].mean() > 210, "disks are bright"
    assert red[masks == 2].mean() < 50, "squares are dark"
    assert {0, 1, 2, VOID} == set(np.unique(masks))


def test_two_classes_are_told_by_a_mask(tmp_path: Path) -> None:
    from edge_vision.training.networks.keras_model import KerasModel, Purpose  # noqa: PLC0415

    pictures = draw_masked_shapes(tmp_path / "pictures", count=10, named=False, alike=True)
    made = recipe(instances="true", labels='["table", "thing"]', stride=4)
    parts = made.read(pictures, tmp_path / "cache")
    assert parts.labels == ("table", "thing")
    assert (made.layout, made.meanings) == ("mask", {"mask": "mask"})
    network = made.network(None, parts)  # type: ignore[arg-type] # nothing to begin from
    graph = made.device_graph(network)
    assert {name: tuple(each.shape) for name, each in graph.output.items()} == {"mask": (1, 16, 16, 1)}
    losses = made.losses(None, parts)  # type: ignore[arg-type] # needs no session
    data = made.epoch(parts, np.random.default_rng(0), 0)
    said = network.predict_on_batch({"image": data.inputs["image"][:4]})["classes"]
    for loss in (losses["classes"], losses["overlap"].loss):
        assert np.isfinite(float(loss(data.targets["classes"][:4], said)))
    model = KerasModel(graph, Purpose("x", parts.labels, "segment", made.layout, made.meanings))
    view = View.of(as_frame(np.zeros((*SIZE[::-1], 3), np.uint8), 0))
    run = Runner(model, ClassMap)
    assert set(np.unique(run(run.view(view)).classes)) <= {0, 1}
    assert run.labels == ("table", "thing")


def test_rare_classes_count_more(shop: Trained, tmp_path: Path) -> None:
    parts = recipe().read(shop.data, tmp_path)
    even = recipe(balance=0.0, overlap_weight=0.0).losses(None, parts)  # type: ignore[arg-type]
    weights = recipe().losses(None, parts)["classes"].class_weights  # type: ignore[arg-type]
    assert [*even] == ["classes"]
    np.testing.assert_allclose(even["classes"].class_weights, 1.0, rtol=1e-6)
    assert weights[0] < 1.0 < min(weights[1:])


def test_further_folders_are_learnt_from_and_never_judge(shop: Trained, tmp_path: Path) -> None:
    also = draw_masked_shapes(tmp_path / "also", count=4, seed=7)
    plain = recipe().read(shop.data, tmp_path)
    made = recipe(also=f'["{also}"]').read(shop.data, tmp_path)
    assert made.validation.names == plain.validation.names
    assert len(made.training) == len(plain.training) + 4


def test_masks_of_other_classes_do_not_join(shop: Trained, tmp_path: Path) -> None:
    also = draw_masked_shapes(tmp_path / "also", count=4, seed=7)
    (also / "labels.txt").write_text("table\nring\nsquare\n")
    with pytest.raises(TrainingError, match="do not join"):
        recipe(also=f'["{also}"]').read(shop.data, tmp_path)


def test_one_class_is_nothing_to_tell_apart(shop: Trained, tmp_path: Path) -> None:
    folder = draw_masked_shapes(tmp_path / "pictures", count=4)
    for file in (folder / "masks").iterdir():
        cv2.imwrite(str(file), np.zeros(SIZE[::-1], np.uint8))
    (folder / "labels.txt").write_text("table\n")
    with pytest.raises(TrainingError, match="the masks tell 1 class; a segmenter needs two or more"):
        recipe().read(folder, tmp_path)


def test_a_part_that_is_not_there_is_not_judged(shop: Trained, tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match=r"has no test part; declare it by a folder test/"):
        recipe().exam(shop.data, tmp_path, "test")
    assert len(recipe().exam(shop.data, tmp_path, "all").source) == 32
