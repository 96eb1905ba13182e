"""The recipe of `sharpen`, from a few drawn pictures to a bundle that makes others larger."""

from __future__ import annotations

import shutil
import tomllib
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from edge_vision.adapters.enlarging import Enlarger
from edge_vision.data.errors import ConfigError, TrainingError
from edge_vision.service.cli import main
from edge_vision.service.models import library
from edge_vision.service.training.opening import declared_bundle, opened_bundle
from edge_vision.training.data.pictures import read_picture
from edge_vision.training.data.resampling import as_pixels, scaled
from tests.small_recipe import SmallRecipe, Trained

pytest.importorskip("tensorflow")
pytestmark = pytest.mark.timeout(300)

recipe = SmallRecipe(
    "sharpen",
    {
        "width": 8,
        "depth": 1,
        "columns": 24,
        "rows": 16,
        "kept": 48,
        "seen": 32,
        "flat": 0.2,
        "damage": 0.0,
        "epochs": 12,
        "every": 4,
        "batch": 8,
        "learning_rate": 0.004,
        "ema": 0.9,
    },
)
CONFIGURATION = Path(__file__).parents[2] / "models/edge_vision_models/sharpen/sharpen.toml"


def drawn(seed: int, width: int = 120, height: int = 90) -> NDArray[np.uint8]:
    """Discs and lines in colours, (height, width, 3) uint8."""
    random = np.random.default_rng(seed)
    picture = np.full((height, width, 3), random.integers(0, 256, 3), np.uint8)
    for _ in range(25):
        first, second = random.integers(0, (width, height), (2, 2)).tolist()
        colour = random.integers(0, 256, 3).tolist()
        cv2.circle(picture, first, int(random.integers(3, 16)), colour, -1, cv2.LINE_AA)
        cv2.line(picture, first, second, colour[::-1], int(random.integers(1, 4)), cv2.LINE_AA)
    return picture


def draw_pictures(folder: Path, count: int, first: int = 0) -> Path:
    folder.mkdir(parents=True)
    for number in range(first, first + count):
        cv2.imwrite(str(folder / f"{number}.png"), drawn(number))
    return folder


@pytest.fixture(scope="module")
def judging(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Pictures that only judge."""
    return draw_pictures(tmp_path_factory.mktemp("judging") / "judging", 3, 50)


@pytest.fixture(scope="module")
def shop(judging: Path, tmp_path_factory: pytest.TempPathFactory) -> Trained:
    folder = tmp_path_factory.mktemp("sharpen")
    pictures = draw_pictures(folder / "pictures", 10)
    draw_pictures(pictures / "masks", 2, 90)
    return recipe.train(pictures, folder / "run", judged=[str(judging)])


# What it learns from


def test_pictures_become_parts_in_several_sizes_and_half_of_each(shop: Trained, tmp_path: Path) -> None:
    parts = recipe(scales=[1.0, 0.6], flat=0.0).read(shop.data, tmp_path)
    training = parts.training
    # 120 x 90 pixels are covered by 3 x 2 parts, 72 x 54 by 2 x 2; of ten pictures two judge.
    assert len(training) == 8 * (6 + 4)
    assert len(parts.validation) == 2 * (6 + 4)
    assert training.pictures.shape[1:] == (48, 48, 1)
    assert np.asarray(training.targets["small"]).shape[1:] == (24, 24, 1)
    assert not any("masks" in name for name in training.names)
    assert len(set(training.groups) & set(parts.validation.groups)) == 0


def test_a_small_part_is_that_of_the_halved_picture(shop: Trained, tmp_path: Path) -> None:
    part = recipe(scales=[1.0], flat=0.0).read(shop.data, tmp_path).training
    row = next(row for row, name in enumerate(part.names) if name.endswith("at 36, 42"))
    file = shop.data / part.groups[row]
    grey = read_picture(file, channels=1)[..., 0]
    assert (part.pictures[row, ..., 0] == grey[42:90, 36:84]).all()
    halved = as_pixels(scaled(grey, 0.5))
    assert (np.asarray(part.targets["small"])[row, ..., 0] == halved[21:45, 18:42]).all()


def test_parts_with_little_to_sharpen_are_left_out(tmp_path: Path) -> None:
    pictures = draw_pictures(tmp_path / "pictures", 5)
    for number in range(5):
        cv2.imwrite(str(pictures / f"plain-{number}.png"), np.full((60, 60, 3), 40 * number, np.uint8))
    part = recipe(scales=[0.8], flat=0.55).read(pictures, tmp_path).training
    assert not any("plain" in name for name in part.names)


def test_large_pictures_are_made_smaller_and_give_as_many_parts_as_others(tmp_path: Path) -> None:
    pictures = draw_pictures(tmp_path / "pictures", 4)
    cv2.imwrite(str(pictures / "large.png"), drawn(9, 600, 450))
    made = recipe(scales=[1.0], flat=0.0, longest=300, validation=0.4)
    part = made.read(pictures, tmp_path).training
    of_the_large = [name for name in part.names if name.startswith("large.png x 0.5 at ")]
    assert len(of_the_large) == 7 * 5  # of 300 x 225 pixels
    few = recipe(scales=[1.0], flat=0.0, most=8, validation=0.4).read(pictures, tmp_path).training
    assert {name: few.groups.count(name) for name in few.groups} == dict.fromkeys(few.groups, 3)
    assert len(set(few.groups)) == 3


def test_further_folders_are_learnt_from_and_never_judge(
    shop: Trained, judging: Path, tmp_path: Path
) -> None:
    made = recipe(also=[str(judging)])
    parts = made.read(shop.data, tmp_path)
    further = f"{judging.name}/"
    assert any(name.startswith(further) for name in parts.training.groups)
    assert not any(name.startswith(further) for name in parts.validation.groups)


def test_small_and_broken_pictures_are_told_of(tmp_path: Path) -> None:
    pictures = draw_pictures(tmp_path / "pictures", 12)
    cv2.imwrite(str(pictures / "tiny.png"), np.zeros((20, 20, 3), np.uint8))
    (pictures / "broken.png").write_bytes(b"no picture")
    made = recipe(validation=0.3)
    made.read(pictures, tmp_path)
    notes = " ".join(made.notes)
    assert "1 pictures are smaller than 48 pixels" in notes
    assert "1 pictures cannot be read" in notes
    with pytest.raises(TrainingError, match="no picture has 512 x 512 pixels"):
        recipe(kept=512, seen=64).read(pictures, tmp_path)


def test_sides_that_cannot_be_halved_are_refused() -> None:
    with pytest.raises(ConfigError, match="even"):
        recipe(seen=31)
    with pytest.raises(ConfigError, match="at most as large"):
        recipe(seen=64)


def test_what_is_seen_in_an_epoch_belongs_together(shop: Trained, tmp_path: Path) -> None:
    """Halved again, what is to be learnt is what is given, but for the pixels at its edges."""
    made = recipe(dim=0.5)
    parts = made.read(shop.data, tmp_path)
    data = made.epoch(parts, np.random.default_rng(3), 0)
    small, large = data.inputs["image"][..., 0], data.targets["picture"][..., 0]
    assert small.shape[1:] == (16, 16)
    assert large.shape[1:] == (32, 32)
    assert (large.min() >= 0.0, large.max() <= 1.0) == (True, True)
    halved = scaled(255.0 * large, 0.5)
    assert np.abs(halved - small)[:, 2:-2, 2:-2].max() < 2.0
    again = made.epoch(parts, np.random.default_rng(4), 1).inputs["image"]
    assert (again != data.inputs["image"]).any()


def test_damage_is_in_what_is_given_alone(shop: Trained, tmp_path: Path) -> None:
    made = recipe(damage=1.0, dim=0.0)
    data = made.epoch(made.read(shop.data, tmp_path), np.random.default_rng(3), 0)
    halved = scaled(255.0 * data.targets["picture"][..., 0], 0.5)
    assert np.abs(halved - data.inputs["image"][..., 0])[:, 2:-2, 2:-2].mean() > 2.0


def test_the_fewer_parts_there_are_the_more_often_they_are_gone_through(
    shop: Trained, tmp_path: Path
) -> None:
    made = recipe(epochs=0)
    parts = made.read(shop.data, tmp_path)
    assert made.fit_settings(parts).epochs == 200
    assert recipe(epochs=7).fit_settings(parts).epochs == 7
    many = replace(parts, training=parts.training.take(np.zeros(10_000, np.int64)))
    assert made.fit_settings(many).epochs == 16


# What comes out


def test_it_is_judged_on_the_folders_that_only_judge(shop: Trained) -> None:
    table = tomllib.loads((shop.bundle / "bundle.toml").read_text())
    judged = table["made"]["metrics"]
    assert [*judged["keras"]] == ["psnr_y", "bicubic", "gain"]
    for form in ("float16", "int8"):
        assert judged[form]["psnr_y"] > judged["keras"]["psnr_y"] - 0.1
    card = (shop.bundle / "README.md").read_text()
    assert "On 3 examples that it did not learn from." in card
    assert "hardest.webp" in card


def test_who_learns_from_pictures_of_their_own_is_told_nothing_of_other_peoples(shop: Trained) -> None:
    made = tomllib.loads((shop.bundle / "bundle.toml").read_text())["made"]
    assert (made["data"], made["research_only"]) == (["own data"], False)


def test_even_so_few_steps_make_it_better_than_interpolation(shop: Trained) -> None:
    table = tomllib.loads((shop.bundle / "bundle.toml").read_text())
    assert table["made"]["metrics"]["keras"]["gain"] > 0.3


def test_its_bundle_takes_and_gives_brightness(shop: Trained) -> None:
    with opened_bundle(declared_bundle(shop.bundle)) as model:
        bundle = model.bundle
        assert (bundle.task, bundle.layout) == ("generate", "image")
        assert (bundle.image_input.shape, bundle.image_input.dtype) == ((1, 16, 24, 1), "uint8")
        assert [(spec.name, spec.shape) for spec in bundle.outputs] == [("picture", (1, 32, 48, 1))]
        white = model({bundle.image_input.name: np.full((1, 16, 24, 1), 255, np.uint8)})["picture"]
    assert white.max() <= 255.0
    assert white.mean() > 240.0


@pytest.mark.parametrize("form", ["float16", "int8"])
def test_in_tiles_it_gives_what_it_would_of_the_whole_picture(shop: Trained, form: str) -> None:
    """The same graph is opened for a larger picture: no seam is as much as a rounding."""
    from ai_edge_litert.interpreter import Interpreter  # noqa: PLC0415 - the runtime behind the model

    grey = drawn(70, 91, 67)[..., 1]
    with opened_bundle(declared_bundle(shop.bundle, form)) as model:
        enlarge = Enlarger(model)
        assert enlarge.reach == 3
        tiled, file = enlarge.brightness(grey), model.bundle.file
    interpreter = Interpreter(model_path=str(file))
    interpreter.resize_tensor_input(interpreter.get_input_details()[0]["index"], (1, *grey.shape, 1))
    interpreter.allocate_tensors()
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], grey[None, ..., None])
    interpreter.invoke()
    whole = interpreter.get_tensor(interpreter.get_output_details()[0]["index"])[0, ..., 0]
    assert np.abs(tiled - whole).max() <= 0.501


def test_its_bundle_verifies_and_the_shipped_configuration_takes_it(
    shop: Trained, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["models", "verify", str(shop.bundle)]) == 0
    monkeypatch.setenv(library.VARIABLE, str(tmp_path))
    shutil.copytree(shop.bundle, tmp_path / "sharpen")
    assert main(["check", str(CONFIGURATION)]) == 0
    capsys.readouterr()


def test_the_network_of_a_device_is_that_which_learnt(
    shop: Trained, judging: Path, tmp_path: Path
) -> None:
    made = recipe(judged=[str(judging)])
    network = made.train(shop.session(), made.read(shop.data, tmp_path))
    tile = np.random.default_rng(0).integers(0, 256, (1, 16, 24, 1), np.uint8)
    learnt = np.asarray(network.predict_on_batch({"image": tile})["picture"])
    device = np.asarray(made.device_graph(network).predict_on_batch({"image": tile})["picture"])
    assert device == pytest.approx(np.clip(255.0 * learnt, 0.0, 255.0), abs=1e-2)


def test_a_run_may_begin_from_another_one(shop: Trained, judging: Path, tmp_path: Path) -> None:
    made = recipe(judged=[str(judging)])
    parts = made.read(shop.data, tmp_path)
    begun = recipe(start=str(shop.run)).network(shop.session(), parts)
    learnt = made.validate(made.train(shop.session(), parts), parts).chief
    assert made.validate(begun, parts).chief == pytest.approx(learnt, abs=1e-3)
    assert made.validate(recipe().network(shop.session(), parts), parts).chief < learnt - 0.3


def test_any_part_of_the_data_can_be_judged(shop: Trained, tmp_path: Path) -> None:
    made = recipe()
    lengths = {
        part: len(made.exam(shop.data, tmp_path, part).source)
        for part in ("validation", "training", "all")
    }
    assert lengths == {"validation": 2, "training": 8, "all": 10}
    with pytest.raises(TrainingError, match="has no test part"):
        made.exam(shop.data, tmp_path, "test")
