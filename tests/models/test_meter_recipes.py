"""The recipes of meters: wheels that move, rows that carry, and both trained on drawn digits."""

from __future__ import annotations

import json
import subprocess
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import pytest
from edge_vision_models.meter_digits import wheels
from edge_vision_models.meter_digits.recipe import MeterDigits, MeterDigitsOptions
from edge_vision_models.meter_digits.wheels import LABELS, SIZE, WheelOptions
from edge_vision_models.meter_reader.rows import (
    BLANK,
    NO_WHEEL,
    PLACES,
    Composer,
    Rows,
    digits_of,
    draw_numbers,
    positions,
    texts_of,
)
from edge_vision_models.meter_reader.rules import best_offsets, by_digit, by_rule, compared, told_of
from edge_vision_models.meter_reader.scoring import rows_score

from edge_vision.builtin.scene.wheels import Wheel, wheel_positions
from edge_vision.data import geometry
from edge_vision.data.errors import TrainingError
from edge_vision.service.cli import main
from edge_vision.training.examples import Examples


def draw_wheels(folder: Path, each: int = 4) -> Path:
    """Write so many pictures of wheels at each tenth as folder/tenth/number.png; gives the folder."""
    random = np.random.default_rng(1)
    shades = [((40, 40, 45), (235, 235, 230)), ((220, 225, 225), (30, 30, 30))]
    for number in range(each):
        ground, digit = shades[number % len(shades)]
        wheel = Wheel(SIZE, ground, digit)
        for tenth, label in enumerate(LABELS):
            (folder / label).mkdir(parents=True, exist_ok=True)
            drawn = wheel.draw(tenth / 10) * random.uniform(0.8, 1.0) + random.normal(0, 4, (32, 20, 3))
            picture = np.clip(drawn, 0, 255).astype(np.uint8)
            cv2.imwrite(str(folder / label / f"{number}.png"), picture)
    return folder


def some_wheels(each: int = 3) -> Examples:
    """Pictures of every tenth, each filled with its number, in three shades of red."""
    label = np.repeat(np.arange(100), each)
    pictures = np.zeros((len(label), 32, 20, 3), np.uint8)
    pictures[..., 1] = label[:, None, None]
    pictures[..., 0] = (np.arange(len(label)) % each * 100)[:, None, None]
    return Examples(pictures, {"label": label})


# ---------------------------------------------------------------- wheels


@pytest.mark.parametrize(("down", "tenths"), [(0.0, 50.0), (1.0, 49.63), (-2.0, 50.74)])
def test_a_wheel_that_is_moved_down_shows_less(down: float, tenths: float) -> None:
    moved = geometry.translation(3.0, down)[np.newaxis]
    assert wheels.moved_positions(np.array([50]), moved, -0.37) == pytest.approx([tenths])


def test_turning_and_scaling_about_the_middle_leaves_what_a_wheel_shows() -> None:
    about = geometry.translation(10, 16) @ geometry.scaling(1.2, 0.9) @ geometry.translation(-10, -16)
    assert wheels.moved_positions(np.array([7]), about[np.newaxis], -0.37) == pytest.approx([7.0])


def test_the_label_moves_as_the_drawn_wheel_does() -> None:
    wheel = Wheel(SIZE, (30, 30, 30), (240, 240, 240))
    higher = wheel.draw(4.0)[1:-4]  # all of it a pixel higher
    apart = [float(np.abs(wheel.draw(4.0 + step / 100)[:-5] - higher).mean()) for step in range(-8, 9)]
    assert (int(np.argmin(apart)) - 8) / 10 == pytest.approx(0.37, abs=0.1)


def test_truth_is_spread_round_the_circle() -> None:
    truth = wheels.circular_truth(np.array([0.0, 49.5]), 0.7)
    assert truth.sum(axis=1) == pytest.approx([1, 1])
    assert truth[0].argmax() == 0
    assert truth[0, 99] == pytest.approx(truth[0, 1])
    assert truth[1, 49] == pytest.approx(truth[1, 50])


def test_without_strength_wheels_stay_what_they_are() -> None:
    part, options = some_wheels(), WheelOptions.parse({})
    made = wheels.augmented_wheels(part, options, 0.0, np.random.default_rng(1))
    assert np.array_equal(made.pictures, part.pictures)
    assert np.array_equal(made.positions, part.targets["label"])


def test_augmentation_depends_on_chance_alone_and_keeps_some_wheels_in_place() -> None:
    part, options = some_wheels(), WheelOptions.parse({"still": 0.5})
    first, again = (
        wheels.augmented_wheels(part, options, 1.0, np.random.default_rng(1)) for _ in range(2)
    )
    assert np.array_equal(first.pictures, again.pictures)
    moved = first.positions != part.targets["label"]
    assert 0.3 < moved.mean() < 0.7
    assert np.abs(first.positions - part.targets["label"]).max() < 1.5


def test_folders_of_other_names_are_refused(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        cv2.imwrite(str(tmp_path / name / "1.png"), np.zeros((32, 20, 3), np.uint8))
    recipe = MeterDigits(MeterDigitsOptions.parse({}))
    with pytest.raises(TrainingError, match=r"100 folders, 0\.0 to 9\.9, not in 2: a, b"):
        recipe.read(tmp_path, tmp_path / "cache")


# ---------------------------------------------------------------- rows


@pytest.mark.parametrize(
    ("number", "tenths"),
    [
        (123_0, [10, 20, 30]),  # 123.0: all at rest
        (129_5, [10, 25, 95]),  # the last half way from 9 to 0, and the next with it
        (199_9, [19, 99, 99]),
        (999_2, [92, 92, 92]),
        (890_0, [80, 90, 0]),  # 9 at rest pushes nobody
    ],
)
def test_a_wheel_turns_while_its_right_neighbour_goes_from_nine_to_zero(
    number: int, tenths: list[int]
) -> None:
    assert positions(np.array([number]), np.zeros((1, 3)))[0].tolist() == tenths
    assert texts_of(digits_of(np.array([number]), np.array([3]))) == (str(number // 10),)


def test_rows_turn_as_the_drawn_meter_does() -> None:
    numbers = draw_numbers(np.random.default_rng(2), 300, 6)
    places = positions(numbers, np.zeros((300, 6)))
    for number, row in zip(numbers.tolist(), places.tolist(), strict=True):
        drawn = np.array(wheel_positions(number / 10, 6)) * 10
        assert np.rint(drawn) % 100 == pytest.approx(row, abs=1e-6)


def test_slop_moves_a_wheel_but_neither_its_neighbours_nor_the_last_one() -> None:
    places = positions(np.array([120_0]), np.array([[0.1, -0.2, 9.0]]))
    assert places[0].tolist() == [11, 18, 0]


def test_what_is_to_be_read_follows_the_last_wheel_by_a_tenth_and_no_further() -> None:
    numbers, counts = np.array([12300_0, 12300_0, 12300_0, 99999_9]), np.full(4, 5)
    rows = Rows(np.zeros((4, 8), np.int64), digits_of(numbers, counts), numbers, counts)
    assert rows.as_seen(np.array([99, 1, 98, 0])).texts == ("12299", "12300", "12300", "00000")


def test_rows_are_composed_of_wheels_of_the_tenths_that_are_wanted() -> None:
    part = some_wheels()
    rows = Composer(part).compose(np.random.default_rng(3), 200, (0.0, 0.0))
    assert set(rows.counts.tolist()) == {5, 6, 7, 8}
    shown = np.asarray(part.targets["label"])[rows.wheels]
    pictures = rows.pictures(part.pictures)
    assert pictures.shape == (200, 32, 160, 3)
    for row, (count, text) in enumerate(zip(rows.counts.tolist(), rows.texts, strict=True)):
        empty = PLACES - count
        assert (rows.wheels[row, :empty] == NO_WHEEL).all()
        assert (rows.digits[row, :empty] == BLANK).all()
        assert not pictures[row, :, : empty * 20].any()
        wanted = positions(rows.numbers[row : row + 1], np.zeros((1, count)))
        assert shown[row, empty:].tolist() == wanted[0].tolist()
        assert (pictures[row, 5, empty * 20 :: 20, 1] == wanted[0]).all()
        assert len(text) == count
    reds = pictures[:, 5, 7 * 20, 0] == pictures[:, 5, 4 * 20, 0]
    assert reds.mean() > 0.6  # a row is of one style where there is a choice


def test_a_row_may_be_off_by_a_tenth_of_its_last_wheel() -> None:
    numbers, counts = np.array([12345_0, 99999_9, 12345_5, 12345_0]), np.full(4, 5)
    score = rows_score(("12344", "00000", "12346", "1245"), numbers, counts)
    assert score.values["exact"] == 0.0
    assert score.values["within_tenth"] == 0.5
    assert score.values["exact_between_turns"] == 0.0
    assert rows_score(("12345",), numbers[:1], counts[:1]).values == {
        "exact": 1.0,
        "within_tenth": 1.0,
        "digits": 1.0,
    }


def test_between_turns_a_tenth_more_or_less_makes_no_difference() -> None:
    numbers, counts = np.array([12345_0, 12345_1, 12345_8, 12345_9]), np.full(4, 5)
    score = rows_score(("12344", "12345", "12345", "12346"), numbers, counts)
    assert score.values["exact"] == 0.5
    assert score.values["exact_between_turns"] == 1.0


def test_the_rule_reads_ideal_rows_and_reading_by_digit_those_without_slop() -> None:
    part = some_wheels()
    composer, label = Composer(part), np.asarray(part.targets["label"])
    ideal = composer.compose(np.random.default_rng(4), 300, (0.0, 0.0))
    told = told_of(ideal, label)
    assert by_rule(ideal, told) == ideal.texts
    assert by_digit(ideal, told, 0.0, 0.0) == ideal.texts
    loose = composer.compose(np.random.default_rng(5), 300)
    offsets = best_offsets(loose, told_of(loose, label))
    assert 0.1 <= offsets[0] <= 0.4
    values = compared(loose, told_of(loose, label), loose, told_of(loose, label))
    assert values["by_rule_exact"] > 0.99
    assert values["by_digit_exact"] < 0.95


# ---------------------------------------------------------------- from pictures to bundles

TINY = (
    *("filters=[[8],[12],[16]]", "hidden=32", "validation=0.25", "dropout=0", "batch=16", "epochs=14"),
    *("strength=[0.2,0.1]", "learning_rate=0.006", "ema=0"),
)
READER = (
    *(*TINY, "memory_epochs=3", "memory_rows=6000", "memory_rate=0.01"),
    "exam_rows=100",
)


@dataclass(frozen=True)
class Shop:
    """Pictures of drawn wheels, and where runs go."""

    pictures: Path
    runs: Path

    def train(self, recipe: str, *settings: str) -> tuple[Path, str]:
        """The run of a recipe, and what was said."""
        run = self.runs / recipe
        words = [
            "train",
            recipe,
            "--data",
            self.pictures,
            "--out",
            run,
            *(f"--set={s}" for s in settings),
        ]
        call = [sys.executable, "-m", "edge_vision", *map(str, words)]
        done = subprocess.run(call, capture_output=True, text=True, check=False, timeout=500)
        assert done.returncode == 0, done.stderr
        assert "Traceback" not in done.stderr
        return run, done.stdout


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    pytest.importorskip("tensorflow")
    folder = tmp_path_factory.mktemp("meters")
    return Shop(draw_wheels(folder / "pictures"), folder / "runs")


def judged(capsys: pytest.CaptureFixture[str], *words: str | Path) -> dict[str, float]:
    capsys.readouterr()
    assert main(["evaluate", *map(str, words), "--json"]) == 0
    metrics: dict[str, float] = json.loads(capsys.readouterr().out)["metrics"]
    return metrics


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_tenths_are_learnt_and_the_bundle_verifies(
    shop: Shop, capsys: pytest.CaptureFixture[str]
) -> None:
    run, _ = shop.train("meter-digits", *TINY)
    made = tomllib.loads((run / "bundle" / "bundle.toml").read_text())
    assert made["task"] == "classify"
    assert made["made"]["metrics"][made["variant"]]["within_one"] >= 0.9
    assert main(["models", "verify", str(run / "bundle")]) == 0
    same = ["--recipe", "meter-digits", "--set=validation=0.25"]
    metrics = judged(capsys, run, "--data", shop.pictures, *same)
    assert metrics == pytest.approx(made["made"]["metrics"][made["variant"]], abs=1e-4)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_rows_are_learnt_and_the_bundle_verifies(shop: Shop, capsys: pytest.CaptureFixture[str]) -> None:
    run, _ = shop.train("meter-reader", *READER)
    made = tomllib.loads((run / "bundle" / "bundle.toml").read_text())
    assert (made["task"], made["layout"]) == ("read", "slots")
    figures = made["made"]["metrics"]["float16"]
    assert figures["digits"] >= 0.9
    assert {"by_digit_exact", "by_rule_exact"} <= figures.keys()
    assert main(["models", "verify", str(run / "bundle")]) == 0
    same = ["--recipe", "meter-reader", "--set=validation=0.25", "--set=exam_rows=100"]
    metrics = judged(capsys, run, "--data", shop.pictures, *same)
    assert metrics["exact"] == pytest.approx(figures["exact"], abs=1e-4)
