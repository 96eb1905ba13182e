"""The recipe of `paint`, from a few drawn pictures and two styles to a bundle that paints in both."""

from __future__ import annotations

import shutil
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from edge_vision.contracts.model import Model
from edge_vision.contracts.tensors import TensorSpec
from edge_vision.data.errors import TrainingError
from edge_vision.service.cli import main
from edge_vision.service.models import library
from edge_vision.service.training.opening import declared_bundle, opened_bundle
from edge_vision.testing import FakeModel
from tests.small_recipe import SmallRecipe

pytest.importorskip("tensorflow")
pytestmark = [pytest.mark.timeout(300), pytest.mark.slow]

SETTINGS: dict[str, object] = {
    "size": [48, 32],
    "piece": 32,
    "width": 4,
    "blocks": 1,
    "stroke": 40,
    "scales": [1, 2],
    "epochs": 14,
    "every": 14,
    "repeat": 2,
    "learning_rate": 0.03,
}
CONFIGURATION = Path(__file__).parents[2] / "models/edge_vision_models/paint/paint.toml"
STYLES = "the_scream", "wave"


def draw(folder: Path) -> Path:
    """Pictures of boxes to be painted, and two styles: red and smooth, blue with stripes."""
    random = np.random.default_rng(1)
    for part, each in (("train", 10), ("val", 4)):
        (folder / "pictures" / part).mkdir(parents=True)
        for number in range(each):
            picture = np.full((40, 60, 3), random.integers(0, 256, 3), np.uint8)
            for x, y in random.integers(0, 40, (4, 2)).tolist():
                cv2.rectangle(picture, (x, y), (x + 15, y + 9), random.integers(0, 256, 3).tolist(), -1)
            cv2.imwrite(str(folder / "pictures" / part / f"{number}.png"), picture)
    (folder / "styles").mkdir()
    red = random.normal((20, 20, 200), 15.0, (44, 60, 3))
    blue = random.normal((200, 60, 20), 15.0, (44, 60, 3))
    blue[:, ::4] += 50.0
    for name, style in zip(STYLES, (red, blue), strict=True):
        cv2.imwrite(str(folder / "styles" / f"{name}.png"), np.clip(style, 0, 255).astype(np.uint8))
    return folder


@dataclass(frozen=True)
class Shop:
    """A folder with pictures and styles, and what one command made of them."""

    folder: Path

    @property
    def pictures(self) -> Path:
        return self.folder / "pictures"

    @property
    def bundle(self) -> Path:
        return self.folder / "run" / "bundle"

    @property
    def recipe(self) -> SmallRecipe:
        settings = {"styles": self.folder / "styles", **SETTINGS}
        return SmallRecipe("paint", settings, form="float16")


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    made = Shop(draw(tmp_path_factory.mktemp("paint")))
    made.recipe.train(made.pictures, made.folder / "run")
    return made


def paintings(model: Model, shop: Shop) -> dict[int, NDArray[np.uint8]]:
    """What a model paints of the pictures that judge, by the number of the style."""
    from edge_vision_models.paint.painting import painted_by  # noqa: PLC0415

    made = shop.recipe()
    exam = made.exam(shop.pictures, shop.folder, "validation")
    return dict(painted_by(model, exam.source, made.styles, made.warp).painted)  # type: ignore[attr-defined]


def test_its_labels_are_the_names_of_the_style_pictures(shop: Shop, tmp_path: Path) -> None:
    made = shop.recipe()
    parts = made.read(shop.pictures, tmp_path)
    assert parts.labels == STYLES
    assert (len(parts.training), len(parts.validation)) == (10, 4)
    assert parts.training.pictures.shape[1:] == (32, 48, 3)
    assert "2 styles: the_scream, wave" in made.notes
    assert len(made.exam(shop.pictures, tmp_path, "validation").source) == 4
    assert len(shop.recipe(judged=3).exam(shop.pictures, tmp_path, "all").source) == 3


def test_its_bundle_takes_a_view_and_a_label_and_says_how_well_it_paints(shop: Shop) -> None:
    with opened_bundle(declared_bundle(shop.bundle)) as model:
        bundle = model.bundle
    assert (bundle.task, bundle.layout, bundle.labels) == ("generate", "image", STYLES)
    assert {spec.name: (spec.shape, spec.dtype) for spec in bundle.inputs} == {
        "image": ((1, 32, 48, 3), "uint8"),
        "label": ((1, 2), "float32"),
    }
    assert [(spec.name, spec.shape) for spec in bundle.outputs] == [("painted", (1, 32, 48, 3))]
    judged = tomllib.loads((shop.bundle / "bundle.toml").read_text())["made"]["metrics"]["float16"]
    assert [*judged] == ["painted", "style", "content", "flicker"]
    assert judged["painted"] > 0.3
    card = (shop.bundle / "README.md").read_text()
    assert "![Good cases](good.webp)" in card or "![The hardest cases](hardest.webp)" in card


def test_its_bundle_verifies_and_the_shipped_configuration_takes_it(
    shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["models", "verify", str(shop.bundle)]) == 0
    monkeypatch.setenv(library.VARIABLE, str(tmp_path))
    shutil.copytree(shop.bundle, tmp_path / "paint")
    assert main(["check", str(CONFIGURATION)]) == 0
    capsys.readouterr()


def test_the_label_says_in_which_style_it_paints(shop: Shop) -> None:
    with opened_bundle(declared_bundle(shop.bundle)) as model:
        red, blue = (
            painted.mean(axis=(0, 1, 2)) for _, painted in sorted(paintings(model, shop).items())
        )
    assert red[0] > blue[0] + 30
    assert blue[2] > red[2] + 30


def test_the_bundle_paints_what_keras_does(shop: Shop, tmp_path: Path) -> None:
    from edge_vision.training.networks.keras_model import KerasModel  # noqa: PLC0415 - needs Keras

    made = shop.recipe()
    graph = made.device_graph(made.train(session(shop), made.read(shop.pictures, tmp_path)))
    random = np.random.default_rng(1)
    pixels = random.integers(0, 256, (1, 32, 48, 3), np.uint8)
    with opened_bundle(declared_bundle(shop.bundle)) as model:
        for label in np.eye(2, dtype=np.float32):
            inputs = {"image": pixels, "label": label[np.newaxis]}
            wanted = KerasModel(graph)(inputs)["painted"]
            assert (wanted.min(), wanted.max()) > (0.0, 0.1)
            assert wanted.max() < 1.0
            assert model(inputs)["painted"] == pytest.approx(wanted, abs=0.01)


def session(shop: Shop) -> Any:
    """The session of the training that is done, from which it only takes the weights."""
    from edge_vision.service.training.opening import find_model, opened_model  # noqa: PLC0415
    from edge_vision.training.session import Session  # noqa: PLC0415

    run = shop.folder / "run"
    return Session(run, run / "cache", opened_model, find_model, lambda _: None)


def test_the_same_seed_gives_the_same_beginning_and_the_same_epochs(shop: Shop, tmp_path: Path) -> None:
    import keras  # noqa: PLC0415

    made, begun = shop.recipe(), []
    parts = made.read(shop.pictures, tmp_path)
    for _ in range(2):
        keras.utils.set_random_seed(made.options.seed)
        begun.append(made.network(session(shop), parts).get_weights())
    assert all((one == other).all() for one, other in zip(*begun, strict=True))
    first, again = (made.epoch(parts, np.random.default_rng(3), 0) for _ in range(2))
    assert (first.inputs["image"] == again.inputs["image"]).all()
    assert first.inputs["label"].sum(axis=0).tolist() == [10.0, 10.0]
    told = first.targets["painted"]
    assert (told[..., :3] == first.inputs["image"]).all()
    assert (told[:, 0, 0, 3] == first.inputs["label"].argmax(axis=1)).all()


def test_without_steadiness_nothing_is_painted_twice(shop: Shop, tmp_path: Path) -> None:
    parts = shop.recipe().read(shop.pictures, tmp_path)
    for steadiness, outputs in ((20.0, {"painted", "changed"}), (0.0, {"painted"})):
        made = shop.recipe(steadiness=steadiness)
        assert set(made.network(session(shop), parts).output) == outputs
        assert set(made.losses(session(shop), parts)) == outputs


def test_pictures_that_are_not_painted_have_all_of_the_content_and_nothing_of_the_style(
    shop: Shop, tmp_path: Path
) -> None:
    """Any model that gives a picture is judged; one without a label has a single style."""
    image = TensorSpec("image", (1, 32, 48, 3), "uint8", meaning="image")
    picture = TensorSpec("picture", (1, 32, 48, 3), "uint8", meaning="image")

    def same(inputs: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        return {"picture": inputs["image"]}

    made = shop.recipe()
    exam = made.exam(shop.pictures, tmp_path, "validation")
    with pytest.raises(TrainingError, match="takes no label, so it has one style"):
        made.evaluate(FakeModel([image], [picture], same), exam)
    (tmp_path / "one").mkdir()
    shutil.copy(shop.folder / "styles" / "wave.png", tmp_path / "one")
    score = shop.recipe(styles=str(tmp_path / "one")).evaluate(FakeModel([image], [picture], same), exam)
    assert score.values == pytest.approx({"painted": 0.0, "style": 0.0, "content": 1.0, "flicker": 1.0})
    assert score.mistakes == pytest.approx([1.0] * 4)
    assert score.drawing is not None
    assert score.drawing(0, np.zeros((1, 1, 3), np.uint8)).shape == (32, 96, 3)


def test_what_cannot_be_painted_is_said_before_anything_is_learnt(shop: Shop, tmp_path: Path) -> None:
    def problem(**settings: object) -> str:
        with pytest.raises(TrainingError) as caught:
            shop.recipe(**settings).read(shop.pictures, tmp_path)
        return str(caught.value)

    assert "--set styles=FOLDER" in problem(styles="")
    assert "no multiples of 4" in problem(size=[48, 30])
    (tmp_path / "none").mkdir()
    (tmp_path / "none" / "readme.txt").write_text("nothing to see")
    assert "no picture in it" in problem(styles=str(tmp_path / "none"))
    twice = tmp_path / "twice"
    shutil.copytree(shop.folder / "styles", twice)
    shutil.copy(twice / "wave.png", twice / "wave.jpg")
    assert "two styles are called wave" in problem(styles=str(twice))


def test_of_a_model_only_the_styles_are_judged_that_there_is_a_picture_of(
    shop: Shop, tmp_path: Path
) -> None:
    made = shop.recipe()
    exam = made.exam(shop.pictures, tmp_path, "validation")
    with opened_bundle(declared_bundle(shop.bundle)) as model:
        both = made.evaluate(model, exam)
        (tmp_path / "one").mkdir()
        shutil.copy(shop.folder / "styles" / "wave.png", tmp_path / "one")
        one = shop.recipe(styles=str(tmp_path / "one")).evaluate(model, exam)
        (tmp_path / "one" / "wave.png").rename(tmp_path / "one" / "sunset.png")
        with pytest.raises(
            TrainingError, match="paints the_scream, wave, but the style pictures are of"
        ):
            shop.recipe(styles=str(tmp_path / "one")).evaluate(model, exam)
    assert both.values["style"] != one.values["style"] > 0.0
