"""The recipe of `digits-maker`: from pictures of wheels to a bundle that draws some to learn from."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from edge_vision_models.digits_maker.circle import PLACE, places, table
from edge_vision_models.digits_maker.judging import Looks, spread
from edge_vision_models.meter_digits.fewer import draw_wheels, fewer, with_drawn
from edge_vision_models.meter_digits.wheels import LABELS
from numpy.typing import NDArray

from edge_vision.contracts.tensors import TensorSpec
from edge_vision.data.errors import TrainingError
from edge_vision.service.cli import main
from edge_vision.testing import FakeModel
from edge_vision.training.examples import Examples
from tests.models.test_meter_recipes import draw_wheels as write_wheels
from tests.models.test_meter_recipes import some_wheels

CONFIGURATION = Path(__file__).parents[2] / "models/edge_vision_models/digits_maker/digits-maker.toml"
TINY = (
    *("epochs=2", "every=2", "reader_epochs=1", "exam_draws=2", "validation=0.25", "batch=32"),
    *("latents=4", "hidden=16", "channels=[8,8,8,8]"),
)


def generator(size: tuple[int, int] = (20, 32), labels: tuple[str, ...] = LABELS) -> FakeModel:
    """A model that draws wheels as red as their tenth, and as green as chance has it."""
    latent = TensorSpec("latent", (1, 4), "float32", meaning="latent")
    label = TensorSpec("label", (1, len(labels)), "float32", meaning="label")
    image = TensorSpec("image", (1, size[1], size[0], 3), "float32", meaning="image")

    def answer(inputs: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        made = np.zeros(image.shape, np.float32)
        made[..., 0] = inputs["label"].argmax() / 255.0
        made[..., 1] = 0.5 + 0.1 * np.clip(inputs["latent"][0, 0], -4, 4)
        return {"image": made}

    return FakeModel([latent, label], [image], answer, labels)


# ---------------------------------------------------------------- fewer wheels, and drawn ones


def test_at_most_so_many_of_each_tenth_are_kept_always_the_same() -> None:
    part = some_wheels(5)
    few = fewer(part, 2, seed=3)
    assert np.bincount(few.targets["label"], minlength=100).tolist() == [2] * 100
    assert np.array_equal(few.pictures, fewer(part, 2, seed=3).pictures)
    assert not np.array_equal(few.pictures, fewer(part, 2, seed=4).pictures)
    assert fewer(part, 0, seed=3) is part
    assert len(fewer(part, 9, seed=3)) == 500


def test_a_generator_draws_the_wanted_tenths_each_time_anew() -> None:
    wanted = np.array([7, 7, 99])
    drawn = draw_wheels(generator(), wanted, np.random.default_rng(1))
    assert drawn.shape == (3, 32, 20, 3)
    assert drawn[:, 0, 0, 0].tolist() == [7, 7, 99]
    assert drawn[0, 0, 0, 1] != drawn[1, 0, 0, 1]
    again = draw_wheels(generator(), wanted, np.random.default_rng(1))
    assert np.array_equal(drawn, again)


def test_drawn_wheels_come_behind_those_that_were_taken() -> None:
    part = some_wheels(2)
    both = with_drawn(part, generator(), 3, seed=1)
    assert len(both) == 200 + 300
    assert np.array_equal(both.pictures[:200], part.pictures)
    assert list(both.targets["label"][200:]) == np.repeat(np.arange(100), 3).tolist()
    named = with_drawn(
        Examples(part.pictures, part.targets, tuple(map(str, range(200)))), generator(), 1, 1
    )
    assert named.names[-1] == "drawn 9.9 0"


@pytest.mark.parametrize(
    ("model", "problem"),
    [
        (generator(labels=("a", "b")), "does not draw the 100 tenths"),
        (generator(size=(16, 16)), "draws 16 x 16, not 20 x 32"),
    ],
)
def test_a_model_that_draws_something_else_is_refused(model: FakeModel, problem: str) -> None:
    with pytest.raises(TrainingError, match=problem):
        draw_wheels(model, np.array([0]), np.random.default_rng(1))


# ---------------------------------------------------------------- judging


def test_places_of_neighbours_are_alike_round_the_circle() -> None:
    where = table()
    assert where.shape == (100, PLACE)
    apart = np.linalg.norm(where - where[0], axis=1)
    assert apart[99] == pytest.approx(apart[1], rel=1e-5)
    assert apart[1] < 0.8 * apart[2] < 0.8 * apart[3]
    assert apart[1:].min() == pytest.approx(apart[1], rel=1e-5)
    assert places(np.array([50.5])) == pytest.approx(places(np.array([150.5])), abs=1e-5)


def test_the_distance_of_looks_is_that_of_normal_distributions() -> None:
    random = np.random.default_rng(1)
    one = random.normal(0.0, 1.0, (20_000, 3))
    other = random.normal((3.0, 0.0, 0.0), 2.0, (20_000, 3))
    assert Looks.of(one).distance(Looks.of(one)) == pytest.approx(0.0, abs=1e-9)
    assert Looks.of(one).distance(Looks.of(other)) == pytest.approx(9.0 + 3 * 1.0, rel=0.05)


def test_the_spread_is_of_pictures_of_one_tenth() -> None:
    pictures = np.zeros((6, 32, 20, 3), np.uint8)
    pictures[3:] = 200  # another tenth, which is no spread
    assert spread(pictures, np.array([0, 0, 0, 1, 1, 1])) == 0.0
    pictures[0] = 30
    assert spread(pictures, np.array([0, 0, 2, 1, 1, 1])) == pytest.approx(0.5 * 30 / np.sqrt(2))


# ---------------------------------------------------------------- from pictures to bundles


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("tensorflow")
    folder = tmp_path_factory.mktemp("digits")
    data = write_wheels(folder / "pictures", each=8)
    words = ["train", "digits-maker", "--data", str(data), "--out", str(folder / "run")]
    assert main([*words, *(f"--set={setting}" for setting in TINY)]) == 0
    return folder


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_wheels_are_learnt_to_be_drawn_and_the_bundle_verifies(run: Path) -> None:
    made = tomllib.loads((run / "run" / "bundle" / "bundle.toml").read_text())
    assert (made["task"], made["layout"]) == ("generate", "image")
    figures = made["made"]["metrics"][made["variant"]]
    assert figures.keys() == {
        "within_one",
        "exact",
        "mean_distance",
        "frechet_distance",
        "diversity",
    }
    assert figures["diversity"] > 0.0
    assert main(["models", "verify", str(run / "run" / "bundle")]) == 0


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_others_learn_from_what_it_draws(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["train", "meter-digits", "--data", str(run / "pictures"), "--out", str(run / "reader")]
    few = ("most_per_class=1", f"drawn_by={run / 'run'}", "drawn=2", "epochs=1", "filters=[[4],[4]]")
    assert main([*words, *(f"--set={setting}" for setting in (*few, "validation=0.25"))]) == 0
    said = capsys.readouterr().out
    assert "draws 2 pictures of each tenth" in said
    assert "300 examples to learn from" in said


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_the_configuration_beside_it_is_good(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = CONFIGURATION.read_text().replace(
        'bundle = "digits-maker"', f'bundle = "{run / "run" / "bundle"}"'
    )
    file = tmp_path / "digits-maker.toml"
    file.write_text(text)
    assert main(["check", str(file)]) == 0, capsys.readouterr().err
