"""Recurrent models in the daemon: an accumulator whose every answer is known."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from tests.recurrent_models import accumulator_bundle
from tests.service.process import daemon

COUNT = 30
SIDE = 32

HELPERS = """
import numpy as np
from edge_vision import Detections, Stage, hookimpl


class Missing(Stage):
    name = "missing"

    def __call__(self, result):
        return None if 10 <= result.frame.index < 20 else result


class Tracker(Stage):
    name = "tracker"

    def __call__(self, result):
        height, width = result.frame.height, result.frame.width
        boxes = [[0, 0, width / 2, height], [width / 2, 0, width, height]]
        if result.frame.index % 2:  # two things that change places all the time
            boxes.reverse()
        found = Detections(np.array(boxes), np.ones(2), np.zeros(2), track_id=np.array([5, 6]))
        return result.add(found)


@hookimpl
def register_stages(register):
    register(Missing)
    register(Tracker)
"""


def colours(seed: int, count: int = COUNT) -> NDArray[np.uint8]:
    """A colour (blue, green, red) for each picture, (count, 3)."""
    return np.random.default_rng(seed).integers(0, 256, (count, 3), dtype=np.uint8)


def write_pictures(folder: Path, *halves: NDArray[np.uint8]) -> None:
    """Pictures of one colour each, or of one to the left and one to the right."""
    folder.mkdir()
    for index, sides in enumerate(zip(*halves, strict=True)):
        image = np.concatenate([np.tile(side, (SIDE, SIDE, 1)) for side in sides], axis=1)
        assert cv2.imwrite(str(folder / f"{index}.png"), image)


def sums(seen: NDArray[np.uint8]) -> NDArray[np.float64]:
    """What the accumulator says after each of these colours: red, green, blue, 1 for white."""
    return np.asarray(np.cumsum(seen[:, ::-1] / 255.0, axis=0))


def results(folder: Path, workers: int, cameras: str) -> list[dict[str, Any]]:
    """All results of a daemon that runs over recordings with the accumulator, named sum."""
    if not (folder / "sum").exists():
        accumulator_bundle(folder / "sum")
        (folder / "plugins").mkdir()
        (folder / "plugins" / "helpers.py").write_text(HELPERS)
    config = folder / "config.toml"
    config.write_text(
        f'node = "bench"\nworkers = {workers}\n[models.sum]\nbundle = "sum"\n'
        f'[plugins]\nfolder = "plugins"\n{cameras}'
    )
    with daemon(config) as process:
        assert process.wait() == 0, "".join(process.log)
        return process.results()


def camera(name: str, stages: str, folder: str = "", options: str = "") -> str:
    source = f'{{ uses = "pictures", path = "{folder or name}", fps = 10 }}'
    return f"[cameras.{name}]\nsource = {source}\nstages = [{stages}]\n{options}"


def answers(found: list[dict[str, Any]], camera: str, track: int | None = None) -> list[list[float]]:
    """The vectors of a camera, or of one of its tracks, frame by frame."""
    return [
        vector["vector"]
        for result in found
        if result["camera"] == camera
        for vector in result["embeddings"]
        if vector.get("track") == track
    ]


def assert_equal(found: list[list[float]], expected: NDArray[np.float64]) -> None:
    assert len(found) == len(expected)
    np.testing.assert_allclose(found, expected, rtol=6e-5)  # five digits are published


EMBED = '{ uses = "embed", model = "sum" }'


@pytest.mark.parametrize("workers", [1, 2])
def test_state_is_carried_over_every_frame_and_cameras_are_not_mixed(
    tmp_path: Path, workers: int
) -> None:
    names = ("porch", "yard", "gate")
    for seed, name in enumerate(names):
        write_pictures(tmp_path / name, colours(seed))
    found = results(tmp_path, workers, "".join(camera(name, EMBED) for name in names))
    for seed, name in enumerate(names):
        assert [r["frame"]["index"] for r in found if r["camera"] == name] == list(range(COUNT))
        assert_equal(answers(found, name), sums(colours(seed)))


@pytest.mark.parametrize("workers", [1, 2])
def test_two_stages_of_a_camera_have_a_state_each(tmp_path: Path, workers: int) -> None:
    write_pictures(tmp_path / "porch", colours(1))
    stages = (
        f'{EMBED}, {{ uses = "gamma", gamma = 2.0 }}, {{ uses = "embed", name = "b", model = "sum" }}'
    )
    found = results(tmp_path, workers, camera("porch", stages))
    first = [result["embeddings"][0] for result in found]
    assert {vector["stage"] for vector in first} == {"embed"}
    assert_equal([vector["vector"] for vector in first], sums(colours(1)))
    second = np.array([result["embeddings"][1]["vector"] for result in found])
    assert (np.diff(second, axis=0) >= 0).all()
    assert not np.allclose(second, sums(colours(1)))


@pytest.mark.parametrize("workers", [1, 2])
def test_state_starts_anew_after_a_gap(tmp_path: Path, workers: int) -> None:
    """Ten pictures of ten a second are missing, which is a second."""
    write_pictures(tmp_path / "pictures", colours(3))
    seen = colours(3)
    embed = '{ uses = "missing" }, { uses = "embed", model = "sum", reset_after = %s }'
    found = results(
        tmp_path,
        workers,
        camera("short", embed % 0.9, "pictures") + camera("long", embed % 1.2, "pictures"),
    )
    assert_equal(answers(found, "short"), np.concatenate([sums(seen[:10]), sums(seen[20:])]))
    assert_equal(answers(found, "long"), sums(np.concatenate([seen[:10], seen[20:]])))


def test_state_does_not_go_over_the_seam_of_a_loop(tmp_path: Path) -> None:
    seen = colours(9, 4)
    write_pictures(tmp_path / "porch", seen)
    accumulator_bundle(tmp_path / "sum")
    config = tmp_path / "config.toml"
    config.write_text(
        '[models.sum]\nbundle = "sum"\n[cameras.porch]\nstages = ['
        f'{EMBED}]\nsource = {{ uses = "pictures", path = "porch", fps = 10, loop = true }}\n'
    )
    with daemon(config) as process:
        process.until(lambda: len(process.out) >= 10)
        found = [json.loads(line) for line in process.out[:10]]
    vectors = answers([each for each in found if "embeddings" in each], "porch")
    rounds = np.tile(sums(seen), (3, 1))
    assert len(vectors) > 2 * len(seen)
    assert_equal(vectors, rounds[: len(vectors)])


def test_frames_that_are_further_apart_than_reset_after_are_each_the_first(tmp_path: Path) -> None:
    write_pictures(tmp_path / "pictures", colours(4))
    embed = '{ uses = "embed", model = "sum", reset_after = 0.4 }'
    found = results(tmp_path, 2, camera("slow", embed, "pictures", "fps = 2\n"))
    assert_equal(answers(found, "slow"), colours(4)[::5, ::-1] / 255.0)


@pytest.mark.parametrize("workers", [1, 2])
def test_tracks_are_not_mixed_wherever_they_go(tmp_path: Path, workers: int) -> None:
    first, second = colours(5), colours(6)
    even = (np.arange(COUNT) % 2 == 0)[:, np.newaxis]
    left, right = np.where(even, first, second), np.where(even, second, first)
    write_pictures(tmp_path / "porch", left, right)
    write_pictures(tmp_path / "yard", right, left)
    stages = '{ uses = "tracker" }, { uses = "crops", model = "sum", margin = 0.0 }'
    found = results(tmp_path, workers, camera("porch", stages) + camera("yard", stages))
    for name, track, seen in (
        ("porch", 5, first),
        ("porch", 6, second),
        ("yard", 5, second),
        ("yard", 6, first),
    ):
        assert_equal(answers(found, name, track), sums(seen))


def test_without_tracks_a_recurrent_model_of_crops_says_what_it_needs(tmp_path: Path) -> None:
    write_pictures(tmp_path / "porch", colours(7), colours(8))
    accumulator_bundle(tmp_path / "sum")
    (tmp_path / "plugins").mkdir()
    helpers = HELPERS.replace(", track_id=np.array([5, 6])", "")
    (tmp_path / "plugins" / "helpers.py").write_text(helpers)
    config = tmp_path / "config.toml"
    stages = '{ uses = "tracker" }, { uses = "crops", model = "sum" }'
    config.write_text(
        f'[models.sum]\nbundle = "sum"\n[plugins]\nfolder = "plugins"\n{camera("porch", stages)}'
    )
    with daemon(config) as process:
        process.wait()
        assert process.said("needs a tracker before it: what tracker finds has no tracks")
