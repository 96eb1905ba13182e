"""Which variant of a bundle the daemon uses: the one that is asked for, else the fastest here."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from edge_vision.contracts.model import Model
from edge_vision.contracts.schemas import schema_of
from edge_vision.data.errors import ModelError
from edge_vision.data.payload import Identity
from edge_vision.engine.delivery import Delivery
from edge_vision.service.cli import main
from edge_vision.service.config import ModelTable
from edge_vision.service.models import choice
from edge_vision.service.models.choice import chosen_of, remembered
from edge_vision.service.models.choice_store import FILE, PLACES, read_times, store_file, write_times
from edge_vision.service.models.timing import Times, side_by_side
from edge_vision.service.plugins import load_plugins
from edge_vision.service.shelf import ModelProblem, Shelf
from edge_vision.service.stats import stats_payload
from edge_vision.testing import FakeModel
from tests.service.models import Command
from tests.service.variants import NAMES, add_row, colour_bundle
from tests.tiny_models import averaging

SPEEDS = {"float32": 2.0, "renamed": 1.0, "int8": 0.5, "uint8": 0.51}


@pytest.fixture(autouse=True)
def forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing was measured before, and the test is no service of systemd."""
    remembered.clear()
    for name in PLACES:
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def bundle(models: Command, tmp_path: Path) -> Path:
    return colour_bundle(models, tmp_path)


class Clock:
    """Stands in for the measurement: the speeds are known, and it is counted how often it is asked."""

    def __init__(self, speeds: Mapping[str, float]) -> None:
        self.speeds = speeds
        self.asked: list[list[str]] = []
        self.seen: dict[str, Model] = {}

    def __call__(self, models: Mapping[str, Model]) -> tuple[dict[str, Times], dict[str, ModelError]]:
        self.asked.append(list(models))
        self.seen.update(models)
        return {name: Times((self.speeds[name],)) for name in models}, {}


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock(SPEEDS)
    monkeypatch.setattr(choice, "side_by_side", made)
    return made


def shelf(folder: Path, **table: Any) -> Shelf:
    return Shelf({"m": ModelTable(bundle="colours", **table)}, folder, load_plugins().manager)


def test_the_fastest_is_used_and_told(
    bundle: Path, tmp_path: Path, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    used = shelf(tmp_path)
    with caplog.at_level(logging.INFO):
        model = used.model("m")
    assert (model.bundle.variant, model.bundle.file) == ("int8", bundle / "int8.tflite")
    told = "int8, the fastest here of 4 (0.5 ms; float32 2, renamed 1, uint8 0.51)"
    assert f"m: {told}" in caplog.messages
    assert str(used.choices["m"]) == told
    with pytest.raises(ModelError, match="is closed"):
        clock.seen["float32"]({"image": model.bundle.inputs[0].zeros})
    used.close()


def test_what_was_measured_is_remembered_by_digest(bundle: Path, tmp_path: Path, clock: Clock) -> None:
    assert shelf(tmp_path).model("m").bundle.variant == "int8"
    again = shelf(tmp_path)
    assert again.model("m").bundle.variant == "int8"
    assert again.choices["m"].milliseconds == SPEEDS
    assert len(clock.asked) == 1
    averaging(bundle / "int8.tflite", dtype="int8", names=("image", "new"), called=("image", "scores"))
    table = bundle / "bundle.toml"
    table.write_text("\n".join(x for x in table.read_text().splitlines() if "sha256" not in x))
    shelf(tmp_path).model("m")
    assert len(clock.asked) == 2, "another file is another choice"


def test_a_service_remembers_over_restarts(
    bundle: Path, tmp_path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    state = tmp_path / "state"
    state.mkdir()
    monkeypatch.setenv("STATE_DIRECTORY", f"{state}:/elsewhere")
    assert shelf(tmp_path).model("m").bundle.variant == "int8"
    assert [each.name for each in state.iterdir()] == [FILE]
    remembered.clear()
    again = shelf(tmp_path)
    assert again.model("m").bundle.variant == "int8"
    assert again.choices["m"].milliseconds == SPEEDS
    assert len(clock.asked) == 1
    remembered.clear()
    (state / FILE).write_text("{")
    assert shelf(tmp_path).model("m").bundle.variant == "int8"
    assert len(clock.asked) == 2, "a damaged file is as good as none"


def test_the_store_keeps_what_fits_these_files_only(tmp_path: Path) -> None:
    file, digests = tmp_path / FILE, (("a", "1"), ("b", "2"))
    write_times(file, digests, {"a": 1.0, "b": 2.0})
    assert read_times(file, digests) == {"a": 1.0, "b": 2.0}
    assert read_times(file, (("a", "1"), ("b", "3"))) is None
    write_times(file, digests, {"a": 1.0})
    assert read_times(file, digests) is None
    for number in range(70):
        write_times(file, (("a", str(number)),), {"a": 1.0})
    assert len(file.read_text().splitlines()) < 64 * 3 + 3
    write_times(tmp_path / "missing" / FILE, digests, {"a": 1.0, "b": 2.0})
    assert store_file({}) is None
    assert store_file({"CACHE_DIRECTORY": "/c", "STATE_DIRECTORY": "/s"}) == Path("/c") / FILE


def test_a_choice_outlives_a_reload(bundle: Path, tmp_path: Path, clock: Clock) -> None:
    first = shelf(tmp_path)
    model = first.model("m")
    second = shelf(tmp_path)
    second.adopt(first)
    assert second.model("m") is model
    assert second.choices == first.choices
    averaging(bundle / "small" / "uint8.tflite", dtype="uint8", names=("image", "new"))
    third = shelf(tmp_path)
    third.adopt(second)
    assert third.models == {}, "one of its variants was replaced"


def test_the_configuration_chooses_without_a_measurement(
    bundle: Path, tmp_path: Path, clock: Clock
) -> None:
    used = shelf(tmp_path, variant="uint8")
    assert used.model("m").bundle.file == bundle / "small" / "uint8.tflite"
    assert (clock.asked, used.choices) == ([], {})


@pytest.mark.parametrize(
    ("variant", "problem"),
    [
        ("int9", "has no variant 'int9', did you mean int8?"),
        ("x", "has no variant 'x'; known: float32, int8, renamed, uint8"),
    ],
)
def test_a_variant_that_is_not_there_is_told_at_its_place(
    bundle: Path, tmp_path: Path, variant: str, problem: str
) -> None:
    with pytest.raises(ModelProblem) as caught:
        shelf(tmp_path, variant=variant).model("m")
    assert caught.value.path == "models.m.variant"
    assert caught.value.problem.endswith(problem)


def test_a_file_has_no_variants(models: Command, tmp_path: Path) -> None:
    averaging(tmp_path / "a.tflite")
    tables = {"m": ModelTable(bundle="a.tflite", variant="int8")}
    with pytest.raises(ModelProblem, match="is a file, which has no variants"):
        Shelf(tables, tmp_path, load_plugins().manager).model("m")


def test_small_differences_fall_to_the_order_of_the_bundle() -> None:
    assert chosen_of({"a": 1.04, "b": 1.0, "c": 3.0}).variant == "a"
    assert str(chosen_of({"a": 1.04, "b": 1.0})) == "a, as fast as any here of 2 (1.04 ms; b 1)"
    assert chosen_of({"a": 1.06, "b": 1.0, "c": 1.0}).variant == "b"


def test_what_cannot_be_used_is_left_out_with_a_warning(
    bundle: Path, tmp_path: Path, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    (bundle / "int8.tflite").write_bytes(b"damaged")
    (bundle / "small" / "uint8.tflite").unlink()
    averaging(bundle / "large.tflite", 8, 8, called=("image", "scores"))
    add_row(bundle, "large", "large.tflite")
    used = shelf(tmp_path)
    with caplog.at_level(logging.WARNING):
        assert used.model("m").bundle.variant == "renamed"
    warnings = [each.getMessage() for each in caplog.records if each.levelname == "WARNING"]
    assert [each.partition(": ")[2].partition(":")[0] for each in warnings] == [
        "the variant int8 is left out",
        "the variant uint8 is left out",
        "the variant large is left out",
    ]
    assert "int8.tflite: not a TFLite model" in warnings[0]
    assert "no such file" in warnings[1]
    assert "variants may differ in types only" in warnings[2]
    assert str(used.choices["m"]).startswith("renamed, the fastest here of 2 ")


def test_where_nothing_can_be_used_the_first_reason_is_the_error(bundle: Path, tmp_path: Path) -> None:
    for file in bundle.rglob("*.tflite"):
        file.write_bytes(b"damaged")
    (bundle / "bundle.toml").write_text(
        "".join(["[[variants]]\n", 'name = "b"\nfile = "int8.tflite"\n'])
    )
    with pytest.raises(ModelProblem, match=r"model\.tflite: not a TFLite model"):
        shelf(tmp_path).model("m")


def test_check_says_which_one_is_used(
    bundle: Path, tmp_path: Path, clock: Clock, capsys: pytest.CaptureFixture[str]
) -> None:
    config = tmp_path / "config.toml"
    camera = '[cameras.porch]\nsource = "test"\nstages = [{ uses = "classify", model = "m" }]\n'
    config.write_text(f'{camera}[models.m]\nbundle = "colours"\n')
    assert main(["check", str(config)]) == 0
    assert "m: classify by scores; int8, the fastest here of 4 (0.5 ms; " in capsys.readouterr().out
    config.write_text(f'{camera}[models.m]\nbundle = "colours"\nvariant = "renamed"\n')
    assert main(["check", str(config)]) == 0
    assert "(m: classify by scores; renamed)" in capsys.readouterr().out


def test_subscribers_are_told_which_one_is_used(bundle: Path, tmp_path: Path, clock: Clock) -> None:
    used = shelf(tmp_path)
    models = {"m": used.model("m").bundle}
    payload = stats_payload(Identity("node", "boot"), 1.0, 2, {}, Delivery(), models)
    assert payload["models"] == {"m": {"task": "classify", "variant": "int8"}}
    jsonschema.validate(payload, schema_of("stats"))
    assert "models" not in stats_payload(Identity("node", "boot"), 1.0, 2, {}, Delivery(), {})


def test_real_variants_are_measured_side_by_side(bundle: Path, tmp_path: Path) -> None:
    used = shelf(tmp_path)
    assert used.model("m").bundle.variant == used.choices["m"].variant
    assert set(used.choices["m"].milliseconds) == set(NAMES)


def test_a_model_that_fails_while_it_is_timed_is_told_apart() -> None:
    calls = iter(range(100))

    def fails_later(_: Mapping[str, Any]) -> dict[str, Any]:
        if next(calls) == 2:
            raise ModelError("broke")
        return {}

    good, bad = FakeModel((), (), lambda _: {}), FakeModel((), (), fails_later)
    times, failed = side_by_side({"good": good, "bad": bad})
    assert list(times) == ["good"]
    assert str(failed["bad"]) == "broke"
    assert len(times["good"].milliseconds) == len(good.calls) - 1, "the first run fills the caches"


def test_slow_models_are_run_a_few_times_only() -> None:
    model = FakeModel((), (), lambda _: {})
    times, _ = side_by_side({"slow": model}, usually=0.0, at_most=60.0)
    assert len(times["slow"].milliseconds) == 3
    times, _ = side_by_side({"very slow": model}, usually=0.0, at_most=0.0)
    assert len(times["very slow"].milliseconds) == 1
