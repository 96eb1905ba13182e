"""`edge-vision models add`: a file becomes a bundle, whole or not at all."""

from __future__ import annotations

import hashlib
import os
import re
import tomllib
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge_vision.contracts.bundle_table import read_table
from edge_vision.contracts.bundles import load_bundle
from edge_vision.service.cli import main
from edge_vision.service.models import installation
from edge_vision.service.models.golden import read_cases
from edge_vision.service.models.installation import labels_text
from edge_vision.service.models.toml_text import toml_text
from tests.recurrent_models import accumulator, lstm
from tests.service.models import Command, colours, labels
from tests.tiny_models import TinyModel, copying, detecting


def test_a_file_becomes_a_bundle(models: Command, tmp_path: Path) -> None:
    file = colours(tmp_path)
    answer = models("add", file, "--labels", labels(tmp_path, "red", "green", "blue"))
    assert answer.status == 0
    assert answer.err == ""
    folder = models.installed / "colours"
    assert answer.out.splitlines()[0] == str(folder)
    assert 'bundle = "colours"' in answer.out
    assert (folder / "model.tflite").read_bytes() == file.read_bytes()
    assert (folder / "labels.txt").read_text() == "red\ngreen\nblue\n"
    table = tomllib.loads((folder / "bundle.toml").read_text())
    assert (table["name"], table["task"], table["layout"]) == ("colours", "classify", "scores")
    assert table["sha256"] == hashlib.sha256(file.read_bytes()).hexdigest()
    assert table["labels"] == "labels.txt"
    assert table["input"] == {"mean": 0.0, "std": 255.0, "order": "rgb", "fit": "stretch"}
    assert [(row["name"], row["meaning"]) for row in table["outputs"]] == [("means", "scores")]
    assert {case.name for case in read_cases(folder)} == {"scene", "noise", "gradient"}
    assert models("verify", "colours").status == 0


def test_it_is_used_by_its_name(
    models: Command, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    models("add", colours(tmp_path), "--name", "paint")
    config = tmp_path / "config.toml"
    config.write_text(
        '[models.m]\nbundle = "paint"\n[cameras.porch]\nsource = "test"\n'
        'stages = [{ uses = "classify", model = "m" }]\n'
    )
    assert main(["check", str(config)]) == 0, capsys.readouterr().err


def test_golden_files_hold_what_the_model_takes_and_gives(models: Command, tmp_path: Path) -> None:
    models("add", colours(tmp_path))
    for case in read_cases(models.installed / "colours"):
        assert case.inputs["image"].shape == (1, 4, 4, 3)
        assert case.inputs["image"].dtype == np.uint8, "pixels, blue first, whatever the model takes"
        wanted = case.inputs["image"][..., ::-1].mean(axis=(1, 2)) / 255.0
        np.testing.assert_allclose(case.kept["means"], wanted, rtol=1e-5)


def test_of_a_large_output_values_of_all_places_and_channels_are_kept(
    models: Command, tmp_path: Path
) -> None:
    models("add", copying(tmp_path / "large.tflite", [1, 192, 192, 3], names=("image", "picture")))
    for case in read_cases(models.installed / "large"):
        (every,) = case.every.values()
        places = np.unravel_index(np.arange(0, 192 * 192 * 3, every), (192, 192, 3))
        assert [len(np.unique(side)) for side in places] == [192, 192, 3]
        assert case.kept["picture"].size <= 1 << 16


def test_of_a_recurrent_model_three_runs_in_a_row_are_kept(models: Command, tmp_path: Path) -> None:
    models("add", accumulator(tmp_path / "sum.tflite"))
    for case in read_cases(models.installed / "sum"):
        assert list(case.inputs) == ["image"], "the state starts as zeros"
        means = case.inputs["image"][..., ::-1].mean(axis=(1, 2)) / 255.0
        np.testing.assert_allclose(case.kept["sums"], means.cumsum(axis=0), rtol=1e-5)
        assert case.steps == 3
    table = read_table(models.installed / "sum")
    assert [(pair.input, pair.output) for pair in table.state or ()] == [("total_in", "total_out")]
    assert models("verify", "sum").status == 0


def test_variables_that_are_carried_are_declared_and_verified(models: Command, tmp_path: Path) -> None:
    bundle = tmp_path / "lstm"
    bundle.mkdir()
    lstm(bundle / "model.tflite", 5)
    (bundle / "bundle.toml").write_text('[[state]]\noutput = "hidden"\n[[state]]\noutput = "cell"\n')
    text = models("inspect", bundle, "--json").json["bundle_toml"]
    assert tomllib.loads(text)["state"] == [{"output": "hidden"}, {"output": "cell"}]


def test_own_pictures_are_shown_to_it(models: Command, tmp_path: Path) -> None:
    folder = tmp_path / "pictures"
    folder.mkdir()
    for name, colour in (("a", (255, 0, 0)), ("b", (0, 0, 255))):
        cv2.imwrite(str(folder / f"{name}.png"), np.full((8, 8, 3), colour, np.uint8))
    models("add", colours(tmp_path), "--pictures", folder, folder / "a.png")
    blue, red, again = read_cases(models.installed / "colours")
    np.testing.assert_allclose(blue.kept["means"], [[0.0, 0.0, 1.0]])
    np.testing.assert_allclose(red.kept["means"], [[1.0, 0.0, 0.0]])
    np.testing.assert_allclose(again.kept["means"], blue.kept["means"])


def test_own_pictures_are_steps_of_a_recurrent_model(models: Command, tmp_path: Path) -> None:
    for number in range(3):
        cv2.imwrite(str(tmp_path / f"{number}.png"), np.full((8, 8, 3), 255, np.uint8))
    models("add", accumulator(tmp_path / "sum.tflite"), "--pictures", tmp_path)
    (case,) = read_cases(models.installed / "sum")
    np.testing.assert_allclose(case.kept["sums"], [[1.0] * 3, [2.0] * 3, [3.0] * 3])


def test_pictures_that_are_not_there_are_an_error(models: Command, tmp_path: Path) -> None:
    line = models("add", colours(tmp_path), "--pictures", tmp_path / "none.png").line
    assert "none.png" in line
    assert not list(models.installed.iterdir())


def test_golden_files_that_prove_little_are_told(models: Command, tmp_path: Path) -> None:
    answer = models("add", detecting(tmp_path / "same.tflite"))
    assert answer.status == 0
    assert "its golden files prove little" in answer.out
    assert "prove little" not in models("add", colours(tmp_path)).out


def test_a_folder_whose_golden_files_prove_little_is_told_too(models: Command, tmp_path: Path) -> None:
    models("add", detecting(tmp_path / "same.tflite"))
    models("add", colours(tmp_path))
    told = models("add", models.installed / "same", "--name", "again").out
    assert "Doubtful:" in told
    assert "its golden files prove little" in told
    assert "Doubtful" not in models("add", models.installed / "colours", "--name", "other").out


def test_what_the_maker_of_a_bundle_doubts_is_told(models: Command, tmp_path: Path) -> None:
    models("add", colours(tmp_path))
    table = models.installed / "colours" / "bundle.toml"
    table.write_text(f'{table.read_text()}\n[made]\ndoubts = ["it has learnt nothing", 7]\n')
    told = models("add", table.parent, "--name", "again").out
    assert told.endswith("Doubtful:\n\n- it has learnt nothing\n")


INLINE = """# Mine.
task = "classify" # sure
variant = "float32"
variants = [{ name = "second", file = "second.tflite" }, { name = "third", file = "third.tflite" }]
"""
TABLES = """# Mine.
variant = "float32"
sha256 = ""

[[variants]]
# file = "third.tflite"
name = "second"
file = "second.tflite"   # as it was

[[variants]]
file = 'third.tflite'
name = "third"
[made]
licence = "of my own"
"""


@pytest.mark.parametrize("text", [INLINE, TABLES, TABLES.replace("\n", "\r\n")])
def test_a_copied_bundle_gets_the_digests_that_it_lacks(
    text: str, models: Command, tmp_path: Path
) -> None:
    models("add", colours(tmp_path))
    source = tmp_path / "source"
    (models.installed / "colours").rename(source)
    for name in ("second", "third"):
        (source / f"{name}.tflite").write_bytes((source / "model.tflite").read_bytes() + name.encode())
    (source / "bundle.toml").write_bytes(text.encode())
    answer = models("add", source, "--name", "copy")
    assert answer.status == 0, answer.err
    written = (models.installed / "copy" / "bundle.toml").read_bytes().decode()
    said = tomllib.loads(written)
    rows = {"model.tflite": said.pop("sha256")}
    rows |= {row["file"]: row.pop("sha256") for row in said["variants"]}
    assert rows == {
        name: hashlib.sha256((source / name).read_bytes()).hexdigest()
        for name in ("model.tflite", "second.tflite", "third.tflite")
    }
    before = tomllib.loads(text)
    before.pop("sha256", None)
    assert said == before
    assert re.findall("#.*", written) == re.findall("#.*", text)
    assert (source / "bundle.toml").read_bytes() == text.encode()


def test_a_bundle_is_not_replaced_unless_that_is_wanted(models: Command, tmp_path: Path) -> None:
    models("add", colours(tmp_path))
    kept = (models.installed / "colours" / "bundle.toml").stat().st_ino
    assert "--replace puts this one in its place" in models("add", tmp_path / "colours.tflite").line
    assert (models.installed / "colours" / "bundle.toml").stat().st_ino == kept
    assert models("add", tmp_path / "colours.tflite", "--replace").status == 0
    assert (models.installed / "colours" / "bundle.toml").stat().st_ino != kept
    assert [path.name for path in models.installed.iterdir()] == ["colours"]


def test_what_is_no_folder_is_never_replaced(models: Command, tmp_path: Path) -> None:
    models.installed.mkdir()
    (models.installed / "colours").write_text("mine")
    assert "is no folder" in models("add", colours(tmp_path), "--replace").line
    assert (models.installed / "colours").read_text() == "mine"


@pytest.mark.parametrize("earlier", [False, True])
def test_nothing_is_left_where_it_fails_half_way(
    models: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, earlier: bool
) -> None:
    if earlier:
        models("add", colours(tmp_path))

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device", str(models.installed / "x.npz"))

    monkeypatch.setattr(installation, "write_case", full)
    line = models("add", colours(tmp_path), "--replace").line
    assert "cannot be written: No space left on device" in line
    assert [path.name for path in models.installed.iterdir()] == (["colours"] if earlier else [])
    if earlier:
        assert models("verify", "colours").status == 0


def test_the_old_bundle_comes_back_where_the_new_one_cannot_take_its_place(
    models: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    models("add", colours(tmp_path))
    rename, done = Path.rename, []

    def failing(path: Path, target: Path) -> Path:
        done.append(path)
        if len(done) == 2:
            raise OSError(5, "Input/output error")
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", failing)
    assert "Input/output error" in models("add", colours(tmp_path), "--replace").line
    assert [path.name for path in models.installed.iterdir()] == ["colours"]
    assert models("verify", "colours").status == 0


def test_a_model_of_no_use_is_not_installed(models: Command, tmp_path: Path) -> None:
    line = models("add", colours(tmp_path), "--labels", labels(tmp_path, *"abcdef")).line
    assert "has 3 classes but 6 labels" in line
    assert not models.installed.exists()


def test_the_task_that_is_said_goes_before_what_is_told(models: Command, tmp_path: Path) -> None:
    models("add", colours(tmp_path), "--task", "embed")
    assert read_table(models.installed / "colours").task == "embed"
    assert models("inspect", "colours", "--json").json["task"] == "embed"


def test_another_folder_is_said_in_the_configuration(models: Command, tmp_path: Path) -> None:
    answer = models("add", colours(tmp_path), "--to", tmp_path / "mine")
    assert f'bundle = "{tmp_path / "mine" / "colours"}"' in answer.out
    assert (tmp_path / "mine" / "colours" / "bundle.toml").is_file()


@pytest.mark.parametrize("name", ["", "a b", "../up", "-x", "x" * 65])
def test_a_name_that_could_not_stand_in_a_configuration_is_wrong_usage(
    models: Command, tmp_path: Path, name: str
) -> None:
    with pytest.raises(SystemExit) as ended:
        models("add", colours(tmp_path), f"--name={name}")
    assert ended.value.code == 2


@pytest.mark.parametrize(
    ("file", "name"),
    [("mobilenet v2.1.tflite", "mobilenet-v2-1"), ("ünï.tflite", "n"), ("-.tflite", "model")],
)
def test_the_name_is_made_of_the_files(models: Command, tmp_path: Path, file: str, name: str) -> None:
    models("add", colours(tmp_path, file))
    assert [path.name for path in models.installed.iterdir()] == [name]


ODD = ('a "quoted" one', "back\\slash", "größer 数字", "tab\tinside", "# no remark", "\x7f")


def test_odd_names_survive(models: Command, tmp_path: Path) -> None:
    file = copying(tmp_path / "m.tflite", (1, 4, 4, 3), (1, 48), names=(ODD[0], "größer\\\n'x' \x7f"))
    models("add", file)
    assert read_table(models.installed / "m").outputs[0].name == "größer\\\n'x' \x7f"
    assert models("verify", "m").status == 0


@pytest.mark.parametrize(
    "names",
    [ODD, ("0 degrees", "1 degree", "2 degrees"), ("5", "6"), ("0", "1"), ("0  a", "1  b")],
)
def test_labels_are_read_back_as_they_were(tmp_path: Path, names: tuple[str, ...]) -> None:
    file = tmp_path / "m.tflite"
    file.write_bytes(b"\x1c\x00\x00\x00TFL3" + bytes(40))
    (tmp_path / "labels.txt").write_bytes(labels_text(names))
    assert load_bundle(file, "m", labels=tmp_path / "labels.txt").labels == names


def test_labels_that_no_file_could_hold_are_an_error(
    models: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(installation, "labels_text", lambda _: b"other\n")
    line = models("add", colours(tmp_path), "--labels", labels(tmp_path, *"abc")).line
    assert "its labels cannot be written" in line
    assert not list(models.installed.iterdir())


def test_a_table_is_written_as_it_is_read() -> None:
    table = {
        "text": ODD[0],
        "flag": True,
        "numbers": [1, -2.5, 1e-7, 1e300],
        "empty": [],
        "anchors": {"sizes": [[1, 2], [3, 4]], "of": {"inner key": "ä"}},
        "rows": [{"name": text, "share": 0.5} for text in ODD],
    }
    assert tomllib.loads(toml_text(table)) == table


def test_outputs_that_hold_no_numbers_cannot_be_compared_with(models: Command, tmp_path: Path) -> None:
    model = TinyModel()
    image = model.tensor("image", [1, 4, 4, 3])
    wanted = model.tensor("shape", [2], "int32", value=np.array([1, 3]))
    values = model.tensor("values", [3], value=np.array([np.nan, 1.0, 2.0]))
    result = model.tensor("result", [1, 3])
    model.operator("RESHAPE", [values, wanted], [result], newShape=[1, 3])
    file = model.write(tmp_path / "nan.tflite", [image], [result])
    assert "no numbers" in models("add", file).line
    assert not models.installed.exists()
    assert "its output result held values that are no numbers" in models("inspect", file).line


def test_a_golden_file_that_is_a_pipe_is_refused(models: Command, tmp_path: Path) -> None:
    models("add", colours(tmp_path))
    case = models.installed / "colours" / "golden" / "scene.npz"
    case.unlink()
    os.mkfifo(case)
    assert "scene.npz: is not a regular file" in models("verify", "colours").line
