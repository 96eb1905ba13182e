"""`edge-vision models verify`: a bundle proves itself on this computer, or says by how much it fails."""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter, OpResolverType
from numpy.typing import NDArray

from edge_vision.builtin import litert
from edge_vision.service.models.golden import Case, read_cases, write_case
from tests.recurrent_models import accumulator
from tests.service.models import Command, colours
from tests.service.test_models_inspect import SHARED
from tests.tiny_models import averaging, copying


@pytest.fixture
def bundle(models: Command, tmp_path: Path) -> Path:
    """An installed bundle named colours."""
    models("add", colours(tmp_path))
    return models.installed / "colours"


def change(folder: Path, changed: Callable[[Case], Case]) -> None:
    """Change a bundle's golden files."""
    for case in list(read_cases(folder)):
        write_case(changed(case), folder / "golden")


def with_values(by: float) -> Callable[[Case], Case]:
    """A case whose outputs are so much larger."""
    return lambda case: replace(case, kept={name: array + by for name, array in case.kept.items()})


def test_a_bundle_is_good_where_it_was_made(models: Command, bundle: Path) -> None:
    answer = models("verify", "colours", "--json")
    assert answer.status == 0
    said = answer.json
    assert said["good"] is True
    assert said["cases"] == ["gradient", "noise", "scene"]
    assert said["digest"] == "checked"
    (output,) = said["outputs"]
    assert (output["name"], output["meaning"]) == ("means", "scores")
    assert (output["largest"], output["mean"], output["equal"], output["inside"]) == (0.0, 0.0, 1.0, 1.0)
    assert output["steps"] is None
    assert 0.0 < output["tolerance"] < 0.01


def test_a_person_is_told_in_a_table(models: Command, bundle: Path) -> None:
    answer = models("verify", bundle)
    assert answer.status == 0
    assert "means (scores)" in answer.out
    assert "good" in answer.out


@pytest.mark.parametrize("by", [1e-5, 0.25])
def test_differences_are_told_and_judged_by_the_tolerance(
    models: Command, bundle: Path, by: float
) -> None:
    change(bundle, with_values(by))
    answer = models("verify", "colours", "--json")
    (output,) = answer.json["outputs"]
    assert output["largest"] == pytest.approx(by, rel=0.05)
    assert output["mean"] == pytest.approx(by, rel=0.05)
    assert output["good"] is (by < 1e-3)
    assert answer.status == (0 if output["good"] else 1)
    if answer.status:
        assert answer.err.count("\n") == 1
        assert "does not give here what its golden files say: means is beyond" in answer.err


def test_a_tolerance_that_is_declared_decides(models: Command, bundle: Path) -> None:
    change(bundle, with_values(0.25))
    file = bundle / "bundle.toml"
    lines = file.read_text().splitlines()
    file.write_text(
        "\n".join("tolerance = 0.3" if line.startswith("tolerance") else line for line in lines)
    )
    assert models("verify", "colours").status == 0


def test_steps_of_a_quantised_output_are_told(models: Command, tmp_path: Path) -> None:
    models(
        "add",
        copying(tmp_path / "q.tflite", (1, 8, 8, 3), (1, 192), dtype="uint8", quantisation=(0.5, 3)),
    )
    folder = models.installed / "q"
    for steps, good in ((2, True), (3, False)):
        models("add", tmp_path / "q.tflite", "--replace")
        change(folder, lambda case, by=steps: with_values(by)(case))  # type: ignore[misc]
        change(
            folder,
            lambda case: replace(case, kept={n: a.astype(np.uint8) for n, a in case.kept.items()}),
        )
        (output,) = models("verify", "q", "--json").json["outputs"]
        assert output["good"] is good


def test_what_is_no_number_here_is_infinitely_far(models: Command, bundle: Path) -> None:
    change(bundle, with_values(float("nan")))
    answer = models("verify", "colours", "--json")
    assert answer.status == 1
    assert answer.json["outputs"][0]["largest"] is None


def test_another_digest_is_refused(models: Command, bundle: Path) -> None:
    averaging(bundle / "model.tflite", 8, 8)
    line = models("verify", "colours").line
    assert "its digest is" in line
    assert "the file is damaged or was replaced" in line


def test_a_bundle_without_a_digest_is_said_to_have_none(models: Command, bundle: Path) -> None:
    file = bundle / "bundle.toml"
    file.write_text("".join(f"{x}\n" for x in file.read_text().splitlines() if "sha256" not in x))
    assert models("verify", "colours", "--json").json["digest"] == "not stated"
    assert "the digest is not stated in bundle.toml" in models("verify", "colours").out


def test_golden_files_of_another_model_are_an_error(models: Command, bundle: Path) -> None:
    change(bundle, lambda case: replace(case, kept={"x": case.kept["means"]}, every={"x": 1}))
    assert "is of another model: this one has no output x" in models("verify", "colours").line
    for file in (bundle / "golden").glob("*.npz"):
        file.unlink()
    inputs = {"image": np.zeros((1, 1, 2, 2, 3), np.float32)}
    write_case(
        Case("small", inputs, {"means": np.zeros((1, 3), np.float32)}, {"means": 1}), bundle / "golden"
    )
    assert "the input image is (1, 4, 4, 3) float32" in models("verify", "colours").line
    inputs = {"image": np.zeros((1, 1, 4, 4, 3), np.float32)}
    write_case(
        Case("small", inputs, {"means": np.zeros((1, 4), np.float32)}, {"means": 1}), bundle / "golden"
    )
    assert "is of another model: means has 3 values" in models("verify", "colours").line


def damages() -> Iterator[tuple[str, Callable[[Path], object]]]:
    yield "empty", lambda file: file.write_bytes(b"")
    yield "text", lambda file: file.write_text("no archive")
    yield "cut", lambda file: file.write_bytes(file.read_bytes()[:-40])

    def flip(file: Path) -> None:
        content = bytearray(file.read_bytes())
        content[len(content) // 3] ^= 0xFF
        file.write_bytes(bytes(content))

    yield "flipped", flip

    def without_outputs(file: Path) -> None:
        np.savez(file, **{"input:image": np.zeros(3)})  # type: ignore[arg-type]

    yield "without outputs", without_outputs

    def pickled(file: Path) -> None:
        np.savez(file, **{"output:means": np.array([{}])}, allow_pickle=True)

    yield "pickled", pickled

    def other_member(file: Path) -> None:
        with zipfile.ZipFile(file, "w") as archive:
            archive.writestr("notes.txt", "hello")

    yield "other member", other_member

    def unequal(file: Path) -> None:
        kept = {"output:means": np.zeros((2, 3), np.float32), "every:means": np.array(1)}
        np.savez(file, **{"input:image": np.zeros((1, 1, 4, 4, 3), np.float32)}, **kept)  # type: ignore[arg-type]

    yield "unequal", unequal


@pytest.mark.parametrize("damage", [pytest.param(each, id=name) for name, each in damages()])
def test_a_damaged_golden_file_is_an_error(
    models: Command, bundle: Path, damage: Callable[[Path], object]
) -> None:
    damage(bundle / "golden" / "noise.npz")
    line = models("verify", "colours", "--json").line
    assert "noise.npz" in line


def test_a_bundle_without_golden_files_is_an_error(models: Command, bundle: Path) -> None:
    for file in (bundle / "golden").iterdir():
        file.unlink()
    assert "has no golden files to compare with" in models("verify", "colours").line


def test_a_file_is_no_bundle(models: Command, tmp_path: Path) -> None:
    assert "only a bundle, a folder, has golden files" in models("verify", colours(tmp_path)).line


def test_a_name_that_nothing_has_is_an_error(models: Command, bundle: Path) -> None:
    assert "is called colors, did you mean colours?" in models("verify", "colors").line


def test_a_state_that_is_not_carried_is_found_out(models: Command, tmp_path: Path) -> None:
    models("add", accumulator(tmp_path / "sum.tflite"))
    folder = models.installed / "sum"
    change(folder, lambda case: replace(case, kept={n: a[[0, 0, 0]] for n, a in case.kept.items()}))
    said = models("verify", "sum", "--json").json
    assert [output["good"] for output in said["outputs"]] == [False, False]


Outputs = dict[str, NDArray[Any]]
Swap = Callable[[list[Outputs]], list[Outputs]]
SWAPS: dict[str, Swap] = {
    "rotated": lambda kept: [*kept[1:], kept[0]],
    "first replaced": lambda kept: [kept[1], *kept[1:]],
    "last replaced": lambda kept: [*kept[:-1], kept[0]],
    "reversed": lambda kept: [{n: a[..., ::-1].copy() for n, a in each.items()} for each in kept],
    "zeros": lambda kept: [{n: np.zeros_like(a) for n, a in each.items()} for each in kept],
}
"""Ways to keep outputs that are not those of the model for its inputs."""


def swaps_that_are_good(models: Command, name: str) -> list[str]:
    """The ways to change the golden files of a bundle that `verify` does not find out."""
    folder = models.installed / name
    cases = list(read_cases(folder))
    good = []
    for way, swap in SWAPS.items():
        for case, kept in zip(cases, swap([case.kept for case in cases]), strict=True):
            write_case(replace(case, kept=kept), folder / "golden")
        if models("verify", name).status == 0:
            good.append(way)
    for case in cases:
        write_case(case, folder / "golden")
    assert models("verify", name).status == 0
    return good


def test_answers_to_something_else_are_found_out(models: Command, bundle: Path) -> None:
    assert swaps_that_are_good(models, "colours") == []


def test_a_single_case_with_the_answer_to_another_is_found_out(models: Command, bundle: Path) -> None:
    _, noise, scene = read_cases(bundle)
    write_case(replace(noise, kept=scene.kept), bundle / "golden")
    said = models("verify", "colours", "--json").json
    assert said["good"] is False
    assert said["outputs"][0]["told"] is False
    assert said["outputs"][0]["inside"] < 0.5, "of the case that is worst, not of all"


def test_another_best_class_is_found_out_however_few_values_differ(
    models: Command, bundle: Path
) -> None:
    def exchanged(case: Case) -> Case:
        means = case.kept["means"].copy()
        best, second = means[0].argsort()[::-1][:2]
        means[0, [best, second]] = means[0, [second, best]]
        return replace(case, kept={"means": means})

    file = bundle / "bundle.toml"
    lines = [line for line in file.read_text().splitlines() if "tolerance" not in line]
    file.write_text("\n".join("share = 0.1" if "share" in line else line for line in lines))
    change(bundle, exchanged)
    assert models("verify", "colours", "--json").json["outputs"][0]["same"] is False


@pytest.mark.slow
@pytest.mark.shared
@pytest.mark.parametrize("name", SHARED)
def test_real_models_do_not_verify_with_answers_to_something_else(
    models: Command, shared: Path, name: str
) -> None:
    assert models("add", shared / "models" / f"{name}.tflite", "--name", "real").status == 0
    assert swaps_that_are_good(models, "real") == []


@pytest.mark.slow
@pytest.mark.shared
@pytest.mark.parametrize("kernels", ["BUILTIN_WITHOUT_DEFAULT_DELEGATES", "BUILTIN_REF"])
@pytest.mark.parametrize("name", SHARED)
def test_real_models_verify_with_other_kernels(
    models: Command, shared: Path, monkeypatch: pytest.MonkeyPatch, name: str, kernels: str
) -> None:
    """XNNPACK made the golden files; other kernels round otherwise, as another processor may."""
    assert models("add", shared / "models" / f"{name}.tflite", "--name", "real").status == 0
    assert models("verify", "real").status == 0
    other = partial(Interpreter, experimental_op_resolver_type=getattr(OpResolverType, kernels))
    monkeypatch.setattr(litert, "find_runtime", lambda: other)
    answer = models("verify", "real")
    assert answer.status == 0, answer.out


@pytest.mark.shared
@pytest.mark.parametrize("name", SHARED)
def test_real_models_do_not_verify_with_the_answers_to_other_pictures(
    models: Command, shared: Path, name: str
) -> None:
    file = shared / "models" / f"{name}.tflite"
    pictures = [shared / "images" / f"{each}.bmp" for each in ("squat", "0001", "bird_segmentation")]
    answer = models("add", file, "--name", "real", "--pictures", *pictures)
    assert answer.status == 0
    folder = models.installed / "real"
    cases = list(read_cases(folder))
    for one, other in zip(cases, (*cases[1:], cases[0]), strict=True):
        write_case(replace(one, kept=other.kept), folder / "golden")
    if len(cases) == 1:  # steps of a recurrent model
        change(folder, lambda case: replace(case, kept={n: a[[1, 2, 0]] for n, a in case.kept.items()}))
    assert models("verify", "real").status == 1
