"""The recipe of `room-actions`, from drawn videos to a bundle that remembers."""

from __future__ import annotations

import shutil
import tomllib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from edge_vision.data.errors import TrainingError
from edge_vision.service.cli import main
from edge_vision.service.models import library
from edge_vision.service.training.finding import find_recipe
from edge_vision.service.training.opening import declared_bundle, opened_bundle
from edge_vision.training.data.cache import cached
from edge_vision.training.data.collection import Collection
from edge_vision.training.data.readers import Reading, read_any
from edge_vision.training.examples import Examples

pytest.importorskip("tensorflow")
pytestmark = pytest.mark.timeout(240)

UNIT, TRUE_UNIT = 0.1, 0.105
"""Seconds in one unit of the table, as stated and in truth."""

SETTINGS = (
    *(f"clock={UNIT}", 'judging=["b"]', "backbone=", "width=0.25", "epochs=3", "copies=1", "batch=8"),
    *(
        "seconds=3",
        "values=8",
        "units=4",
        "delay=0.2",
        "delay_alone=0",
        "dropout=0",
        "learning_rate=0.01",
    ),
)
RECIPE = Path(__file__).parents[2] / "models/edge_vision_models/room_actions/recipe.py"
SCRIPT = (("walk", 2.0), ("sitdown", 1.0), ("sit", 3.0), ("standup", 1.0), ("walk", 2.0))
"""What happens in each video after an empty second, and for how many seconds."""


def draw_video(file: Path, seed: int) -> str:
    """Draw somebody who comes, sits and goes; gives the line of the table."""
    random = np.random.default_rng(seed)
    video = cv2.VideoWriter(str(file), cv2.VideoWriter.fourcc(*"MJPG"), 10.0, (96, 72))
    floor = random.integers(90, 130, (72, 96, 3), np.uint8)
    for _ in range(10):
        video.write(floor)
    cells, began = [file.name], 1.0
    place = np.array([10.0, 20.0])
    for action, seconds in SCRIPT:
        for _ in range(round(seconds * 10)):
            step = {"walk": 4.0, "sit": 0.0}.get(action, 2.0)
            place = (place + step * np.array([1.0, 0.4])) % (90, 60)
            frame = floor.copy()
            cv2.circle(frame, (int(place[0]), int(place[1])), 9, (20, 20, 200), -1)
            video.write(frame)
        cells += [f"{began / TRUE_UNIT:.2f}", f"{(began + seconds) / TRUE_UNIT:.2f}", action]
        began += seconds
    for _ in range(10):
        video.write(floor)
    video.release()
    return ",".join(cells)


def draw_videos(folder: Path) -> Path:
    (folder / "videos").mkdir(parents=True)
    lines = [draw_video(folder / "videos" / f"{name}.avi", seed) for seed, name in enumerate("abc")]
    (folder / "labels.csv").write_text("\n".join(lines) + "\n")
    return folder


def recipe(*settings: str) -> Any:
    kind = find_recipe("room-actions")
    table: dict[str, Any] = {}
    for each in (*SETTINGS, *settings):
        key, value = each.split("=", 1)
        table[key] = tomllib.loads(f"value = {value}")["value"] if value else ""
    return kind(kind.Options.parse(table))


@dataclass(frozen=True)
class Shop:
    """A folder of videos, what one command made of them, and what it said."""

    data: Path
    run: Path
    said: str


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return draw_videos(tmp_path_factory.mktemp("room") / "data")


@pytest.fixture(scope="module")
def shop(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Shop:
    run = tmp_path_factory.mktemp("run") / "room"
    said: list[str] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(library.VARIABLE, str(run.parent / "installed"))
        patch.setattr(library, "SHIPPED_PACKAGE", "edge_vision_models_of_no_one")
        patch.setattr("edge_vision.service.training.commands._say", said.append)
        words = ["train", str(RECIPE), "--data", str(data), "--out", str(run)]
        assert main([*words, *(f"--set={each}" for each in SETTINGS)]) == 0
    return Shop(data, run, "\n".join(said))


@pytest.fixture(scope="module")
def read(data: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Collection, Examples]:
    """The videos' segments by the clock that is stated, and their frames."""
    collection = read_any(data, Reading("segments", UNIT))
    return collection, cached(collection, (48, 36), tmp_path_factory.mktemp("cache"))


def test_times_are_put_right_by_what_moves(read: tuple[Collection, Examples]) -> None:
    from edge_vision_models.room_actions.clock import aligned  # noqa: PLC0415 - needs the models' path

    collection, frames = read
    moved, clocks = aligned(collection, frames, 5.0)
    assert len(clocks) == 3
    for clock in clocks.values():
        assert clock.agreement > 0.7
    last = [item.end or 0.0 for item in moved.items if item.label == collection.labels.index("walk")]
    assert max(last) == pytest.approx(10.0, abs=0.35)
    assert max(item.end or 0.0 for item in collection.items) == pytest.approx(10.0 / 1.05, abs=0.1)


def test_times_stay_where_nothing_is_known_of_what_moves(read: tuple[Collection, Examples]) -> None:
    from edge_vision_models.room_actions.clock import aligned  # noqa: PLC0415

    collection, frames = read
    other = replace(collection, labels=tuple(f"other {label}" for label in collection.labels))
    moved, clocks = aligned(other, replace(frames, pictures=np.zeros_like(frames.pictures)), 5.0)
    assert {(clock.factor, clock.offset) for clock in clocks.values()} == {(1.0, 0.0)}
    assert [item.end for item in moved.items] == [item.end for item in collection.items]


def test_actions_have_our_names_and_labels_that_nobody_knows_keep_theirs() -> None:
    from edge_vision_models.room_actions.actions import named  # noqa: PLC0415

    labels = ("active", "falled", "jumping", "sleeping", "walk")
    made = named(Collection((), labels))
    assert made.labels == ("walking", "lying", "jumping")


def test_a_video_either_teaches_or_judges(data: Path, tmp_path: Path) -> None:
    made = recipe()
    parts = made.read(data, tmp_path)
    assert {name.split("/")[-1] for name in parts.validation.groups} == {"b.avi"}
    assert not set(parts.training.groups) & set(parts.validation.groups)
    exam = made.exam(data, tmp_path, "validation")
    assert len(exam.source) == len(exam.truths) == int((parts.validation.targets["label"] >= 0).sum())
    assert "by what moves" in " ".join(made.notes)
    with pytest.raises(TrainingError, match="no part test"):
        made.exam(data, tmp_path, "test")
    with pytest.raises(TrainingError, match="no video is left to judge by"):
        recipe('judging=["z"]').read(data, tmp_path)


def test_answers_are_wanted_late_by_the_delay(data: Path, tmp_path: Path) -> None:
    soon, late = (recipe(f"delay={delay}").read(data, tmp_path).validation for delay in (0.0, 1.0))
    assert np.array_equal(late.targets["alone"], soon.targets["label"])
    assert np.array_equal(late.targets["label"][5:], soon.targets["label"][:-5])
    away = soon.targets["inside"]
    assert (away >= 0).sum() < (soon.targets["label"] >= 0).sum()
    assert np.array_equal(away[away >= 0], soon.targets["label"][away >= 0])


def test_what_is_kept_of_pictures_before_begins_with_the_first() -> None:
    from edge_vision_models.room_actions.sight import video_differences  # noqa: PLC0415

    frames = np.zeros((40, 144, 192, 3), np.uint8)
    frames[20:, 48:72, 48:72] = 255
    change = video_differences(frames)
    assert not change[:20].any()
    assert change[20, 30, 30] == pytest.approx([1.0, 1.0, 1.0], abs=0.15)
    last, second, ground = change[39, 30, 30]
    assert last == pytest.approx(0.0, abs=1e-6)
    assert 0.0 < second < 0.05 < ground


@pytest.mark.slow
def test_its_bundle_is_one_step_and_tells_all_that_was_judged(shop: Shop) -> None:
    with opened_bundle(declared_bundle(shop.run / "bundle")) as model:
        bundle = model.bundle
    states = {pair.input: pair.output for pair in bundle.state or ()}
    assert states == {f"state_{name}": f"next_{name}" for name in ("pictures", "age", "h")}
    assert (bundle.image_input.shape, bundle.image_input.dtype) == ((1, 144, 192, 3), "uint8")
    assert set(bundle.labels) == {"walking", "sitting-down", "sitting", "standing-up"}
    table = tomllib.loads((shop.run / "bundle" / "bundle.toml").read_text())
    for judged in table["made"]["metrics"].values():
        assert next(iter(judged)) == "macro_f1"
        assert {"macro_f1_without_recurrence", "macro_f1_away_from_changes", "accuracy"} <= judged.keys()
    assert main(["models", "verify", str(shop.run / "bundle")]) == 0


@pytest.mark.slow
def test_the_shipped_configuration_takes_it(
    shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(library.VARIABLE, str(tmp_path))
    shutil.copytree(shop.run / "bundle", tmp_path / "room-actions")
    assert main(["check", str(RECIPE.with_name("room-actions.toml"))]) == 0
    capsys.readouterr()


@pytest.mark.slow
def test_step_by_step_it_says_what_keras_says_of_the_whole_video(shop: Shop, tmp_path: Path) -> None:
    from edge_vision_models.room_actions.sight import video_differences  # noqa: PLC0415

    from edge_vision.service.training.workshop import _session  # noqa: PLC0415 - imports Keras
    from edge_vision.training.fitting.strategy import distribution  # noqa: PLC0415
    from edge_vision.training.networks.keras_model import KerasModel  # noqa: PLC0415

    made = recipe()
    parts = made.read(shop.data, tmp_path)
    session = _session(shop.run, shop.run / "cache", distribution("none", {}), lambda _: None)
    networks = made.train(session, parts)  # trained already, so only its weights are taken
    frames = np.asarray(parts.validation.pictures[:12])
    seen = networks.eyes.predict_on_batch(
        {"image": frames.astype(np.float32), "change": video_differences(frames)}
    )
    logits = networks.memory.predict_on_batch({"features": np.asarray(seen)[np.newaxis]})["scores"]
    shares = np.exp(np.asarray(logits)[0])
    wanted = shares / shares.sum(axis=1, keepdims=True)
    assert stepped(KerasModel(made.device_graph(networks)), frames) == pytest.approx(wanted, abs=2e-3)
    with opened_bundle(declared_bundle(shop.run / "bundle")) as model:
        assert stepped(model, frames) == pytest.approx(wanted, abs=0.05)


def stepped(model: Any, frames: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Scores of frames one after the other, (n, classes)."""
    state = {spec.name: spec.zeros for spec in model.bundle.inputs if spec.name != "image"}
    scores = []
    for frame in frames:
        answer = model({"image": frame[np.newaxis], **state})
        state = {name: answer[name.replace("state_", "next_")] for name in state}
        scores.append(answer["scores"][0])
    return np.stack(scores)
