"""The folder of a run: what it remembers, and what it refuses."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from edge_vision.contracts.options import Options, option
from edge_vision.data.errors import TrainingError
from edge_vision.service.training.data_digest import digest_of
from edge_vision.service.training.run_folder import Run, RunFolder, differences


@pytest.fixture
def data(tmp_path: Path) -> Path:
    (tmp_path / "data" / "cats").mkdir(parents=True)
    (tmp_path / "data" / "cats" / "a.png").write_bytes(b"1234")
    return tmp_path / "data"


@pytest.fixture
def run(data: Path) -> Run:
    options = {"epochs": 3, "augmentation": {"flip": 0.5}, "labels": ["a", "b"]}
    return Run("classify", "edge-vision train", "pets", options, data, digest_of(data))


def test_a_run_goes_on_where_it_was(tmp_path: Path, run: Run) -> None:
    folder = RunFolder(tmp_path / "out")
    with folder.held():
        begun = folder.begin(run, restart=False)
        folder.finish(begun)
        again = folder.begin(run, restart=False)
    assert again.is_trained
    assert again.started == begun.started
    assert again.versions
    assert RunFolder(tmp_path / "out").read() == again


def test_another_run_is_refused_with_what_differs(tmp_path: Path, run: Run, data: Path) -> None:
    folder = RunFolder(tmp_path / "out")
    (data / "cats" / "b.png").write_bytes(b"12")
    other = replace(run, options={**run.options, "epochs": 4}, digest=digest_of(data))
    with folder.held():
        folder.finish(folder.begin(run, restart=False))
        with pytest.raises(TrainingError, match="epochs = 3, not 4; its data were other files") as told:
            folder.begin(other, restart=False)
        assert "--restart" in str(told.value)
        (folder.path / "fit").mkdir()
        assert folder.begin(other, restart=True).options["epochs"] == 4
        assert not (folder.path / "fit").exists()


def test_a_folder_of_something_else_is_left_alone(tmp_path: Path, run: Run, data: Path) -> None:
    folder = RunFolder(data)
    with folder.held(), pytest.raises(TrainingError, match="holds cats and is no run's folder"):
        folder.begin(run, restart=True)
    assert (data / "cats" / "a.png").exists()


def test_two_trainings_do_not_share_a_folder(tmp_path: Path) -> None:
    with (
        RunFolder(tmp_path).held(),
        pytest.raises(TrainingError, match="another training runs there"),
        RunFolder(tmp_path).held(),
    ):
        pass


def test_a_damaged_note_of_a_run_is_told(tmp_path: Path) -> None:
    (tmp_path / "run.toml").write_text("recipe = ")
    with pytest.raises(TrainingError, match="is no run's"):
        RunFolder(tmp_path).read()


def test_a_run_that_learnt_nothing_gives_its_folder_up_and_keeps_what_it_read(
    tmp_path: Path, run: Run
) -> None:
    folder = RunFolder(tmp_path / "out")
    corrected = replace(run, options={**run.options, "backbone": "objects"})
    with folder.held():
        folder.begin(run, restart=False)
        (folder.path / "cache").mkdir()
        (folder.path / "fit" / "tensorboard").mkdir(parents=True)
        assert folder.begin(corrected, restart=False).options["backbone"] == "objects"
        assert {each.name for each in folder.path.iterdir()} == {"cache", "run.toml"}
        (folder.path / "fit").mkdir()
        (folder.path / "fit" / "checkpoint.npz").write_bytes(b"")
        with pytest.raises(TrainingError, match="holds another run: backbone = objects"):
            folder.begin(run, restart=False)


def test_a_run_keeps_its_name_until_another_one_is_given(tmp_path: Path, run: Run) -> None:
    folder = RunFolder(tmp_path / "out")
    unnamed = replace(run, name="")
    with folder.held():
        assert folder.begin(unnamed, restart=False).name == "out"
        assert folder.begin(run, restart=False).name == "pets"
        assert folder.begin(unnamed, restart=False).name == "pets"


def test_options_that_an_earlier_version_did_not_have_were_what_is_usual(run: Run) -> None:
    class Changes(Options):
        flip: float = option(0.5, "so often")
        noise: float = option(1.0, "so much")

    class Later(Options):
        width: int = option(8, "so wide")
        also: str = option("", "what else")
        changes: Changes = option(Changes(noise=3.0), "how")

    before = replace(run, options={"width": 8, "changes": {"flip": 0.5}})
    now = replace(run, options=Later().model_dump(mode="json"), kind=Later)
    assert differences(before, now) == []
    other = Later(also="more", changes=Changes(noise=2.0))
    assert differences(before, replace(now, options=other.model_dump(mode="json"))) == [
        "also = , not more",
        "changes.noise = 3.0, not 2.0",
    ]


def test_digests_of_earlier_versions_are_not_compared(run: Run) -> None:
    assert differences(replace(run, digest="0" * 64), run) == []
    assert differences(replace(run, digest="content:0"), run) != []
