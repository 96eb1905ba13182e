"""Bundles of several variants in `edge-vision models`: proven, timed, listed, inspected, installed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from edge_vision.builtin.tflite.runtime import VARIABLE
from edge_vision.contracts.bundle_table import read_table
from edge_vision.service.models.golden import read_cases
from edge_vision.service.models.inspection import opened
from edge_vision.service.models.verification import observed
from tests.recurrent_models import accumulator
from tests.service.models import Command
from tests.service.variants import NAMES, add_row, colour_bundle, darker
from tests.tiny_models import averaging


@pytest.fixture
def bundle(models: Command, tmp_path: Path) -> Path:
    return colour_bundle(models, tmp_path)


def test_every_variant_is_proven_by_the_same_golden_files(models: Command, bundle: Path) -> None:
    said = models("verify", "colours", "--json").json
    assert said["good"] is True
    assert [each["name"] for each in said["variants"]] == list(NAMES)
    assert all(each["good"] and each["digest"] == "checked" for each in said["variants"])
    outputs = {each["name"]: each["outputs"][0] for each in said["variants"]}
    assert said["outputs"] == [outputs["float32"]]
    assert outputs["renamed"]["largest"] == 0.0, "its tensors go by the names of its signature"
    for name in ("int8", "uint8"):
        assert 0.0 < outputs[name]["largest"] < 0.01
        assert 0.05 < outputs[name]["tolerance"] < 0.2
    text = models("verify", "colours").out
    assert "4 variants, 3 cases" in text
    assert "uint8 (uint8.tflite): the digest is" in text


def test_golden_files_of_a_quantised_model_prove_one_in_floats(models: Command, tmp_path: Path) -> None:
    file = averaging(tmp_path / "bytes.tflite", dtype="int8")
    assert models("add", file).status == 0
    folder = models.installed / "bytes"
    averaging(folder / "float32.tflite")
    add_row(folder, "float32", "float32.tflite")
    said = models("verify", "bytes", "--json").json
    assert said["good"] is True
    assert [each["outputs"][0]["steps"] is None for each in said["variants"]] == [False, True]


def test_the_variant_that_answers_otherwise_is_named(models: Command, bundle: Path) -> None:
    darker(bundle / "dark.tflite")
    add_row(bundle, "dark", "dark.tflite")
    answer = models("verify", "colours", "--json")
    assert answer.status == 1
    assert "golden files say: result of dark is beyond" in answer.err
    assert [each["good"] for each in answer.json["variants"]] == [True, True, True, True, False]


def test_a_variant_may_declare_how_far_it_is(models: Command, bundle: Path) -> None:
    darker(bundle / "dark.tflite")
    declared = '[[variants.outputs]]\nname = "scores"\ntolerance = 0.5\n'
    add_row(bundle, "dark", "dark.tflite", declared)
    dark = models("verify", "colours", "--json").json["variants"][-1]["outputs"][0]
    assert (dark["tolerance"], dark["inside"], dark["share"]) == (0.5, 1.0, 0.9)
    assert dark["good"] is True


def test_what_a_variant_gives_tells_the_tolerance_to_declare(models: Command, bundle: Path) -> None:
    cases = list(read_cases(bundle))
    with opened(bundle, variant="int8") as model:
        (allowed,) = observed(model, cases).values()
    assert 0.001 < allowed.within < 0.01, "much less than is usual"
    with opened(bundle, variant="renamed") as model:
        assert observed(model, cases)["Call:0"].within == pytest.approx(1e-6)


def test_state_is_carried_between_the_runs_of_each_variant(models: Command, tmp_path: Path) -> None:
    assert models("add", accumulator(tmp_path / "sum.tflite")).status == 0
    folder = models.installed / "sum"
    accumulator(folder / "again.tflite")
    add_row(folder, "again", "again.tflite")
    assert models("verify", "sum").status == 0
    (case, *_) = read_cases(folder)
    assert case.inputs["image"].shape == (3, 4, 4, 3)


def test_a_variant_of_another_model_is_refused(models: Command, bundle: Path) -> None:
    averaging(bundle / "large.tflite", 8, 8, called=("image", "scores"))
    add_row(bundle, "large", "large.tflite")
    line = models("verify", "colours").line
    assert "large.tflite: the variant large has the inputs image (1, 8, 8, 3) (image)" in line
    assert "float32 has image (1, 4, 4, 3) (image)" in line


def test_variants_are_timed_and_the_choice_is_told(models: Command, bundle: Path) -> None:
    bench = models("verify", "colours", "--bench", "--json").json["bench"]
    rows = {row["name"]: row for row in bench["variants"]}
    assert list(rows) == list(NAMES)
    assert min(row["ratio"] for row in rows.values()) == 1.0
    assert rows[bench["chosen"]]["ratio"] <= 1.06
    assert all(0.0 < row["median_ms"] <= row["p90_ms"] for row in rows.values())
    assert rows["int8"]["size"] == (bundle / "int8.tflite").stat().st_size
    text = models("verify", "colours", "--bench").out
    assert "median" in text
    assert text.count("chosen here") == 1


@pytest.mark.parametrize("wanted", ["tensorflow", "litert"])
def test_the_same_golden_files_pass_with_another_runtime(
    models: Command, bundle: Path, wanted: str
) -> None:
    if wanted == "tensorflow":
        pytest.importorskip("tensorflow")
    answer = models("verify", "colours", "--runtime", wanted)
    assert (answer.status, answer.err) == (0, "")


def test_a_runtime_that_nobody_knows_is_answered(
    models: Command, bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, "tensorflaw")
    assert "there is no runtime 'tensorflaw', did you mean tensorflow?" in models("verify", bundle).line


MADE = """
[made]
recipe = "colours"
licence = "CC BY-NC 4.0"
data = ["paints", "walls"]
research_only = true
parameters = 12
when = 2026-11-23
[made.metrics.int8]
top-1 = 0.91
note = "of 1,000"
"""


def test_the_list_tells_variants_and_licence(models: Command, bundle: Path) -> None:
    with (bundle / "bundle.toml").open("a") as table:
        table.write(MADE)
    (row,) = models("list", "--json").json
    assert row["error"] == ""
    assert [each["name"] for each in row["variants"]] == list(NAMES)
    assert row["size"] == sum(each.stat().st_size for each in bundle.rglob("*.tflite"))
    made = row["made"]
    assert (made["licence"], made["research_only"]) == ("CC BY-NC 4.0", True)
    assert (made["data"], made["parameters"]) == (["paints", "walls"], 12)
    assert made["metrics"] == {"int8": {"top-1": 0.91}}
    text = models("list").out
    assert "CC BY-NC 4.0, research only" in text
    assert "float32, renamed, int8, uint8" in text


def test_inspect_tells_the_variants(models: Command, bundle: Path) -> None:
    assert "variants   float32, which this is; renamed, int8, uint8" in models("inspect", "colours").out
    said = models("inspect", "colours", "--json").json
    assert (said["variant"], said["variants"]) == ("float32", list(NAMES))


def elsewhere(models: Command, bundle: Path, tmp_path: Path) -> Path:
    """The bundle as a training leaves it: not installed."""
    return bundle.rename(tmp_path / "bundle")


def test_a_folder_is_installed_whole(models: Command, bundle: Path, tmp_path: Path) -> None:
    source = elsewhere(models, bundle, tmp_path)
    (source / "README.md").write_text("# Colours\n")
    (source / ".cache").mkdir()
    (source / "__pycache__").mkdir()
    answer = models("add", source)
    assert answer.status == 0, answer.err
    folder = models.installed / "colours"
    assert 'bundle = "colours"' in answer.out
    copied = {str(each.relative_to(folder)) for each in folder.rglob("*") if each.is_file()}
    assert copied == {str(each.relative_to(source)) for each in source.rglob("*") if each.is_file()}
    assert "small/uint8.tflite" in copied
    assert [each.name for each in models.installed.iterdir()] == ["colours"]
    assert "--replace puts this one in its place" in models("add", source).line
    assert models("add", source, "--replace").status == 0
    assert models("add", source, "--name", "paint").status == 0
    assert (models.installed / "paint" / "int8.tflite").is_file()


def test_a_folder_that_does_not_verify_is_not_installed(
    models: Command, bundle: Path, tmp_path: Path
) -> None:
    source = elsewhere(models, bundle, tmp_path)
    darker(source / "dark.tflite")
    add_row(source, "dark", "dark.tflite")
    line = models("add", source).line
    assert line.startswith(f"{source}: does not give here what its golden files say: result of dark")
    assert list(models.installed.iterdir()) == []


def test_a_link_is_not_copied_into_a_bundle(models: Command, bundle: Path, tmp_path: Path) -> None:
    source = elsewhere(models, bundle, tmp_path)
    (source / "notes.txt").symlink_to("/etc/hostname")
    assert "notes.txt: is no regular file" in models("add", source).line
    assert list(models.installed.iterdir()) == []


def test_what_is_said_of_a_file_is_not_said_of_a_folder(
    models: Command, bundle: Path, tmp_path: Path
) -> None:
    source = elsewhere(models, bundle, tmp_path)
    line = models("add", source, "--task", "classify").line
    assert "a bundle, which is installed as it is; --task is for a file" in line
    (tmp_path / "empty").mkdir()
    assert "folder without a bundle.toml" in models("add", tmp_path / "empty").line


def test_golden_values_of_bytes_are_stored_with_their_scale(models: Command, tmp_path: Path) -> None:
    assert models("add", averaging(tmp_path / "bytes.tflite", dtype="int8")).status == 0
    for case in read_cases(models.installed / "bytes"):
        stored = case.scales["output:means"]
        assert case.kept["means"].dtype == np.int8
        assert stored.scale == pytest.approx(1 / 255)
        assert stored.zero_point == -128
        assert case.inputs["image"].dtype == np.uint8


def test_a_bundle_made_by_add_has_one_variant(models: Command, tmp_path: Path) -> None:
    models("add", averaging(tmp_path / "colours.tflite"))
    assert read_table(models.installed / "colours").variants == ()
    said = models("verify", "colours", "--json").json
    assert [each["name"] for each in said["variants"]] == ["model"]
