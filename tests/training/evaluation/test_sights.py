"""What models are shown of files: as the daemon would see it, and each file decoded once."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from edge_vision.adapters.classification import ClassScores
from edge_vision.builtin.warp import opencv_warp
from edge_vision.data.view import View
from edge_vision.training.data.collection import Collection, Item
from edge_vision.training.data.pictures import read_picture
from edge_vision.training.evaluation import sights
from edge_vision.training.evaluation.glances import Glance, Glances
from edge_vision.training.evaluation.sights import look
from tests.training.evaluation.conftest import LABELS, colour_model, write


@pytest.fixture
def decoded(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The files that are decoded, in their order; nothing is known at first."""
    files: list[Path] = []
    known = read_picture

    def read(file: Path) -> NDArray[np.uint8]:
        files.append(file)
        return known(file)

    monkeypatch.setattr(sights, "read_picture", read)
    monkeypatch.setattr(sights, "_glances", Glances())
    return files


def random_files(folder: Path, count: int = 3) -> Collection:
    random = np.random.default_rng(4)
    items = []
    for i in range(count):
        pixels = random.integers(0, 256, (40 + i, 61, 3), np.uint8)
        items.append(Item(write(folder / f"{i}.png", pixels), f"{i}.png", f"{i}.png", label=0))
    return Collection(tuple(items), LABELS)


def answers(source: Collection) -> list[NDArray[np.floating]]:
    return [each.reading.score for each in look(colour_model(), ClassScores, source, warp=opencv_warp)]


def test_forms_of_a_model_share_what_was_decoded(tmp_path: Path, decoded: list[Path]) -> None:
    source = random_files(tmp_path)
    first, again = answers(source), answers(source)
    assert sorted(decoded) == [item.file for item in source.items]
    np.testing.assert_array_equal(first, again)


def test_what_is_kept_is_what_a_camera_would_show(tmp_path: Path, decoded: list[Path]) -> None:
    source = random_files(tmp_path, 1)
    for _ in range(2):
        (seen,) = look(colour_model(), ClassScores, source, warp=opencv_warp)
        frame = sights.as_frame(sights.picture_of(source, 0), 0)
        whole = View.of(frame, opencv_warp).resized((8, 6))
        np.testing.assert_array_equal(seen.view.pixels(), whole.pixels())
        np.testing.assert_array_equal(seen.view.to_frame, whole.to_frame)
        assert (seen.view.frame.width, seen.view.frame.height) == (61, 40)


def test_a_file_that_was_changed_is_decoded_again(tmp_path: Path, decoded: list[Path]) -> None:
    source = random_files(tmp_path, 1)
    before = answers(source)
    write(source.items[0].file, np.full((30, 30, 3), (255, 0, 0), np.uint8))
    assert answers(source)[0][0] > before[0][0] + 0.3
    assert len(decoded) == 2


def test_small_pictures_make_room_for_large_ones() -> None:
    pixels = np.zeros((10, 10, 3), np.uint8)
    kept = Glances(room=650)
    for name, side in (("middle", 500), ("large", 5000), ("small", 50), ("huge", 20_000)):
        kept.keep(name, Glance.of(pixels, (side, side)))
    found = [name for name in ("middle", "large", "small", "huge") if kept.recall(name) is not None]
    assert found == ["large", "huge"]


def test_a_long_judgement_says_how_far_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sights, "TOLD_SECONDS", 0.0)
    answers(random_files(tmp_path))
    assert capsys.readouterr().err == "judging: 1 of 3\njudging: 2 of 3\n"
