"""`edge-vision models add --form fastest`: the float form of a quantised model, where it is faster."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from edge_vision.contracts.bundle_table import read_table
from edge_vision.service.config import ModelTable
from edge_vision.service.models import choice, fastest_form
from edge_vision.service.models.choice import Choice, remembered
from edge_vision.service.models.fastest_form import Agreement, agreement_of
from edge_vision.service.models.form_cache import cache_folder
from edge_vision.service.models.proof import Benchmark
from edge_vision.service.models.timing import Times
from edge_vision.service.plugins import load_plugins
from edge_vision.service.shelf import Shelf
from tests.builtin.test_float_form import network
from tests.service.models import Command, colours
from tests.service.variants import add_row, darker
from tests.tiny_models import averaging

pytestmark = pytest.mark.filterwarnings("error::DeprecationWarning")


@pytest.fixture
def quantised(tmp_path: Path) -> Path:
    return averaging(tmp_path / "means.tflite", dtype="uint8")


class Clock:
    """Stands in for the measurement: the variant that it names is the fastest."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.fastest = "float32"
        monkeypatch.setattr(fastest_form, "benchmark_of", self._measure)

    def _measure(self, folder: Path) -> Benchmark:
        table = read_table(folder)
        names = [table.variant, *(row.name for row in table.variants)]
        ms = {name: 1.0 if name == self.fastest else 2.0 for name in names}
        times = {name: Times((each,)) for name, each in ms.items()}
        return Benchmark(times, dict.fromkeys(names, 1000), Choice(min(ms, key=lambda n: ms[n]), ms))


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


def variants(folder: Path) -> list[str]:
    return [row.name for row in read_table(folder).variants]


def test_it_is_kept_where_it_is_faster(models: Command, quantised: Path, clock: Clock) -> None:
    answer = models("add", quantised, "--form", "fastest")
    assert answer.status == 0
    assert "The form float32 is kept (the same decision in" in answer.out
    assert "chosen here" in answer.out
    folder = models.installed / "means"
    (row,) = read_table(folder).variants
    assert row.name == "float32"
    assert row.sha256 == hashlib.sha256((folder / row.file).read_bytes()).hexdigest()
    assert models("verify", "means").status == 0
    assert "float32" in models("list").out


def test_where_the_integers_are_as_fast_nothing_is_added(
    models: Command, quantised: Path, clock: Clock
) -> None:
    clock.fastest = "model"
    answer = models("add", quantised, "--form")
    assert answer.status == 0
    assert "The form float32 is left out: model is as fast here, or faster" in answer.out
    assert "float32-rounded" not in answer.out, "it can only be slower"
    folder = models.installed / "means"
    assert variants(folder) == []
    assert [each.name for each in folder.glob("*.tflite")] == ["model.tflite"]


def test_the_rounded_form_follows_where_the_plain_one_decides_otherwise(
    models: Command, quantised: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock.fastest = "float32-rounded"

    def agreement(folder: Path, variant: str, _: object) -> Agreement:
        assert (folder / f"{variant}.tflite").exists()
        return Agreement(28 if variant == "float32-rounded" else 26, 28)

    monkeypatch.setattr(fastest_form, "agreement_of", agreement)
    answer = models("add", quantised, "--form", "fastest")
    for name in ("float32", "float32-rounded-first"):
        assert f"The form {name} is left out: it decides otherwise too often" in answer.out
    assert "The form float32-rounded is kept (the same decision in 28 of 28 runs)" in answer.out
    assert variants(models.installed / "means") == ["float32-rounded"]


def test_a_form_that_is_wrong_is_left_out(
    models: Command, quantised: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    wrong = darker(tmp_path / "darker.tflite", ("image", "means")).read_bytes()
    monkeypatch.setattr(fastest_form, "float_form", lambda _, rounded: wrong)
    answer = models("add", quantised, "--form", "fastest")
    assert answer.status == 0
    for name in fastest_form.FORMS:
        assert f"The form {name} is left out: " in answer.out
    assert variants(models.installed / "means") == []


def test_a_model_in_floats_has_none(models: Command, tmp_path: Path) -> None:
    answer = models("add", colours(tmp_path), "--form", "fastest")
    assert answer.status == 0
    assert "left out: model.tflite has no float form: nothing in it is quantised" in answer.out
    assert answer.out.count("The form") == 1


def test_a_bundle_gets_one_too(models: Command, quantised: Path, clock: Clock, tmp_path: Path) -> None:
    models("add", quantised, "--to", tmp_path / "elsewhere")
    answer = models("add", tmp_path / "elsewhere" / "means", "--form", "fastest")
    assert answer.status == 0, answer.err
    assert variants(models.installed / "means") == ["float32"]
    assert variants(tmp_path / "elsewhere" / "means") == []
    again = models("add", models.installed / "means", "--form", "fastest", "--name", "more")
    assert "left out: the bundle has one of this name already" in again.out
    assert variants(models.installed / "more") == ["float32"]


def test_decisions_are_compared_on_somebodys_pictures(models: Command, tmp_path: Path) -> None:
    models("add", network(tmp_path / "net.tflite"), "--task", "classify")
    folder = models.installed / "net"
    add_row(folder, "same", "model.tflite")
    shared = Path(__file__).parents[2] / "models" / "edge_vision_models"
    pictures = [*shared.glob("*/good.webp")][:3]
    assert agreement_of(folder, "same", pictures) == Agreement(3, 3)
    assert agreement_of(folder, "same").runs > 20


# form = "fastest" in a configuration


def shelf(folder: Path, **table: str) -> Shelf:
    return Shelf({"m": ModelTable.parse(table)}, folder, load_plugins().manager)


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CACHE_DIRECTORY", str(tmp_path / "cache"))
    remembered.clear()
    monkeypatch.setattr(
        choice,
        "side_by_side",
        lambda models: ({n: Times((1.0 if n == "float32" else 2.0,)) for n in models}, {}),
    )
    return tmp_path / "cache" / "forms"


@pytest.mark.parametrize("is_bundle", [False, True])
def test_a_configuration_may_want_it(
    models: Command, quantised: Path, clock: Clock, cache: Path, tmp_path: Path, is_bundle: bool
) -> None:
    if is_bundle:
        models("add", quantised, "--to", tmp_path / "made")
    source = tmp_path / "made" / "means" if is_bundle else quantised
    used = shelf(tmp_path, bundle=str(source), form="fastest")
    assert used.model("m").bundle.variant == "float32"
    assert str(used.choices["m"]).startswith("float32, the fastest here of 2")
    (made,) = cache.iterdir()
    before = made.stat().st_mtime_ns
    again = shelf(tmp_path, bundle=str(source), form="fastest")
    assert again.model("m").bundle.variant == "float32"
    assert [each.stat().st_mtime_ns for each in cache.iterdir()] == [before], "it is made once"
    assert shelf(tmp_path, bundle=str(source)).model("m").bundle.variant != "float32"
    for each in (used, again):
        each.close()


def test_where_the_cache_cannot_be_written_the_model_is_used_as_it_is(
    quantised: Path,
    clock: Clock,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("CACHE_DIRECTORY", str(tmp_path / "file"))
    used = shelf(tmp_path, bundle=str(quantised), form="fastest")
    assert used.model("m").bundle.file == quantised
    assert "m: is used as it is: " in caplog.text
    used.close()


def test_it_is_kept_where_caches_are() -> None:
    assert cache_folder({"CACHE_DIRECTORY": "/c:/d"}) == Path("/c/forms")
    assert cache_folder({"XDG_CACHE_HOME": "/x", "HOME": "/h"}) == Path("/x/edge-vision/forms")
    assert cache_folder({"XDG_CACHE_HOME": "x", "HOME": "/h"}) == Path("/h/.cache/edge-vision/forms")
