import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from threading import Barrier
from typing import Any

import numpy as np
import pluggy
import pytest

from edge_vision.builtin import litert
from edge_vision.builtin.litert import LiteRTModel, described
from edge_vision.builtin.tflite.runtime import find_runtime
from edge_vision.contracts import hookspecs
from edge_vision.contracts.bundles import load_bundle
from edge_vision.contracts.model import ModelBundle, StatePair
from edge_vision.contracts.tensors import Quantisation
from edge_vision.data.errors import ModelError
from tests.tiny_models import TinyModel, accumulating, averaging, copying, looking_up, twins
from tests.tiny_models import counting as counting_runs

MODELS = Path(__file__).resolve().parents[3] / "shared" / "data" / "models"
needs_models = pytest.mark.skipif(not MODELS.is_dir(), reason="the shared models are not here")


def opened(file: Path, threads: int = 1) -> LiteRTModel:
    return LiteRTModel(load_bundle(file, "tiny"), threads)


def counting(
    monkeypatch: pytest.MonkeyPatch, interpreter: Callable[..., Any] | None = None
) -> list[Any]:
    """Every interpreter that is made from now on, in order."""
    real = find_runtime()
    made: list[Any] = []

    def create(**arguments: Any) -> Any:
        made.append((interpreter or real)(**arguments))
        return made[-1]

    monkeypatch.setattr(litert, "find_runtime", lambda: create)
    return made


def dividing_by_zero(file: Path) -> Path:
    """A model (1, 8) -> (1, 8) that divides by zero, and so gives no numbers."""
    model = TinyModel()
    source = model.tensor("input", [1, 8])
    zero = model.tensor("zero", [1], value=np.zeros(1))
    result = model.tensor("output", [1, 8])
    model.operator("DIV", [source, zero], [result])
    return model.write(file, [source], [result])


# Running


def test_a_model_gives_its_outputs_by_name(tmp_path: Path) -> None:
    model = opened(averaging(tmp_path / "mean.tflite"))
    image = np.arange(48, dtype=np.float32).reshape(1, 4, 4, 3)
    outputs = model({"image": image})
    assert list(outputs) == ["means"]
    np.testing.assert_allclose(outputs["means"], [[22.5, 23.5, 24.5]])


def test_the_bundle_is_filled_from_the_model(tmp_path: Path) -> None:
    file = copying(tmp_path / "m.tflite", [1, 8, 8, 3], dtype="int8", quantisation=(1 / 255, -128))
    bundle = opened(file).bundle
    assert (bundle.name, bundle.task, bundle.layout) == ("tiny", "generate", "image")
    (source,) = bundle.inputs
    assert (source.name, source.shape, source.dtype, source.meaning) == (
        "input",
        (1, 8, 8, 3),
        "int8",
        "image",
    )
    assert source.quantisation is not None
    assert source.quantisation.scale == pytest.approx(1 / 255)
    assert source.quantisation.zero_point == -128


def test_a_scale_of_zero_means_not_quantised(tmp_path: Path) -> None:
    bundle = opened(averaging(tmp_path / "m.tflite")).bundle
    assert bundle.inputs[0].quantisation is None


def test_repeated_tensor_names_are_made_unique(tmp_path: Path) -> None:
    model = opened(twins(tmp_path / "m.tflite"))
    first, second = np.array([[1, 2]], np.float32), np.array([[3, 4]], np.float32)
    outputs = model({"x": first, "x_2": second})
    np.testing.assert_array_equal(outputs["y"], second)
    np.testing.assert_array_equal(outputs["y_2"], first)


def test_outputs_are_the_callers_own(tmp_path: Path) -> None:
    model = opened(copying(tmp_path / "m.tflite", [1, 4]))
    first = model({"input": np.full((1, 4), 1, np.float32)})["output"]
    second = model({"input": np.full((1, 4), 2, np.float32)})["output"]
    first += 10
    np.testing.assert_array_equal(first, np.full((1, 4), 11))
    np.testing.assert_array_equal(second, np.full((1, 4), 2))


def test_the_hook_opens_a_model(tmp_path: Path) -> None:
    manager = pluggy.PluginManager(hookspecs.PROJECT)
    manager.add_hookspecs(hookspecs)
    manager.register(litert)
    model = manager.hook.open_model(bundle=load_bundle(averaging(tmp_path / "m.tflite"), "m"), threads=1)
    assert isinstance(model, LiteRTModel)


def test_other_plugins_are_asked_first(tmp_path: Path) -> None:
    class Accelerator:
        @hookspecs.hookimpl
        def open_model(self, bundle: ModelBundle, threads: int) -> str:
            return f"{bundle.name} on the accelerator"

    manager = pluggy.PluginManager(hookspecs.PROJECT)
    manager.add_hookspecs(hookspecs)
    manager.register(Accelerator())
    manager.register(litert)
    bundle = load_bundle(averaging(tmp_path / "m.tflite"), "m")
    assert manager.hook.open_model(bundle=bundle, threads=1) == "m on the accelerator"


# Wrong inputs


@pytest.mark.parametrize(
    ("inputs", "problem"),
    [
        ({}, "the input image is missing"),
        ({"imagine": np.zeros((1, 4, 4, 3), np.float32)}, "has no input imagine, did you mean image"),
        (
            {"image": np.zeros((4, 4, 3), np.float32)},
            r"is \(1, 4, 4, 3\) float32, not \(4, 4, 3\) float32",
        ),
        ({"image": np.zeros((1, 4, 4, 3), np.uint8)}, r"not \(1, 4, 4, 3\) uint8"),
    ],
)
def test_inputs_are_checked(tmp_path: Path, inputs: dict[str, Any], problem: str) -> None:
    model = opened(averaging(tmp_path / "m.tflite"))
    with pytest.raises(ModelError, match=rf"tiny: .*{problem}"):
        model(inputs)


def test_a_run_that_fails_is_an_error_and_the_next_one_works(tmp_path: Path) -> None:
    model = opened(looking_up(tmp_path / "m.tflite"))
    with pytest.raises(ModelError, match=r"tiny: the run failed .*out of bounds"):
        model({"index": np.array([7], np.int32)})
    assert model({"index": np.array([2], np.int32)})["entry"] == [30.0]


# Files that cannot be used


def test_a_truncated_model_is_refused_in_one_line(tmp_path: Path) -> None:
    file = averaging(tmp_path / "m.tflite")
    file.write_bytes(file.read_bytes()[:200])
    with pytest.raises(ModelError, match=r"m\.tflite: is damaged or cut short \(") as caught:
        opened(file)
    assert "\n" not in str(caught.value)


def test_a_model_without_a_fixed_size_is_refused(tmp_path: Path) -> None:
    file = copying(tmp_path / "m.tflite", [1, 1, 1, 3], signature=[1, -1, -1, 3])
    with pytest.raises(
        ModelError, match=r"the input input is \(1, \?, \?, 3\); export it with a fixed size"
    ):
        opened(file)


def test_an_open_batch_is_one(tmp_path: Path) -> None:
    file = copying(tmp_path / "m.tflite", [1, 8, 8, 3], signature=[-1, 8, 8, 3])
    assert opened(file).bundle.image_input.shape == (1, 8, 8, 3)


def test_a_model_that_vanished_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"gone\.tflite: No such file"):
        LiteRTModel(ModelBundle("m", tmp_path / "gone.tflite"))


# State inside the graph


def test_variables_are_reset_before_each_run(tmp_path: Path) -> None:
    bundle = replace(load_bundle(accumulating(tmp_path / "m.tflite"), "sum"), state=())
    model = LiteRTModel(bundle)
    ones = np.ones((1, 1, 2), np.float32)
    answers = [model({"steps": ones})["sums"] for _ in range(3)]
    assert [answer.tolist() for answer in answers] == [[[[1.0, 1.0]]]] * 3
    assert [spec.name for spec in model.bundle.inputs] == ["steps"]


def test_a_variable_that_the_state_names_is_an_input_and_an_output(tmp_path: Path) -> None:
    state = (StatePair("hidden", "hidden"),)
    model = LiteRTModel(replace(load_bundle(accumulating(tmp_path / "m.tflite"), "sum"), state=state))
    assert [(spec.name, spec.meaning) for spec in model.bundle.inputs] == [
        ("steps", ""),
        ("hidden", "state"),
    ]
    assert [(spec.name, spec.shape) for spec in model.bundle.outputs][-1] == ("hidden", (1, 2))
    ones = np.ones((1, 1, 2), np.float32)
    first = model({"steps": ones, "hidden": np.array([[10, 20]], np.float32)})
    np.testing.assert_array_equal(first["sums"], [[[11, 21]]])
    np.testing.assert_array_equal(first["hidden"], [[11, 21]])
    second = model({"steps": ones, "hidden": first["hidden"]})
    np.testing.assert_array_equal(second["hidden"], [[12, 22]])
    with pytest.raises(ModelError, match="the input hidden is missing"):
        model({"steps": ones})


def test_a_variable_passes_between_interpreters_with_its_caller(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = counting(monkeypatch, MeetingInterpreter)
    state = (StatePair("hidden", "hidden"),)
    model = LiteRTModel(replace(load_bundle(accumulating(tmp_path / "m.tflite"), "sum"), state=state))
    monkeypatch.setattr(MeetingInterpreter, "barrier", Barrier(2))

    def run(start: float) -> list[float]:
        hidden, seen = np.full((1, 2), start, np.float32), []
        for _ in range(5):
            outputs = model({"steps": np.ones((1, 1, 2), np.float32), "hidden": hidden})
            hidden = outputs["hidden"]
            seen.append(float(hidden[0, 0]))
        return seen

    with ThreadPoolExecutor(2) as threads:
        found = list(threads.map(run, (0.0, 100.0)))
    assert found == [[1, 2, 3, 4, 5], [101, 102, 103, 104, 105]]
    assert len(made) == 2


def test_a_state_in_resource_variables_is_refused_with_the_cure(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="export one step of it, with its state as inputs and outputs"):
        opened(counting_runs(tmp_path / "m.tflite"))


def test_a_resource_variable_that_is_only_read_is_no_state(tmp_path: Path) -> None:
    model = opened(counting_runs(tmp_path / "m.tflite", assigned=False))
    ones = np.ones(1, np.float32)
    assert [float(model({"in": ones})["out"][0]) for _ in range(3)] == [1.0] * 3


# What is told at opening


def test_an_output_that_gives_no_numbers_is_refused_with_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"m\.tflite: its output output held .* no numbers") as caught:
        opened(dividing_by_zero(tmp_path / "m.tflite"))
    assert 'name = "output", meaning = "ignore"' in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_output_that_nobody_needs_may_give_no_numbers(tmp_path: Path) -> None:
    model = TinyModel()
    source, zero = model.tensor("input", [1, 8]), model.tensor("zero", [1], value=np.zeros(1))
    one = model.tensor("one", [1], value=np.ones(1))
    good, bad = model.tensor("good", [1, 8]), model.tensor("bad", [1, 8])
    model.operator("DIV", [source, one], [good])
    model.operator("DIV", [source, zero], [bad])
    model.write(tmp_path / "model.tflite", [source], [good, bad])
    rows = '[[outputs]]\nname = "good"\nmeaning = "scores"\n'
    (tmp_path / "bundle.toml").write_text(rows)
    with pytest.raises(ModelError, match="its output bad held"):
        opened(tmp_path)
    (tmp_path / "bundle.toml").write_text(f'{rows}[[outputs]]\nname = "bad"\nmeaning = "ignore"\n')
    assert [spec.name for spec in opened(tmp_path).bundle.answers] == ["good"]


def test_a_model_is_described_without_opening_it_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = counting(monkeypatch)
    file = averaging(tmp_path / "m.tflite")
    bundle = described(load_bundle(file, "tiny"))
    assert not made
    assert bundle == opened(file).bundle
    assert (bundle.task, bundle.facts.producer("means")) == ("classify", "MEAN")


# The pool


class MeetingInterpreter:
    """Wraps an interpreter; a run waits until `barrier` has as many runs under way."""

    barrier = Barrier(1)

    def __init__(self, **arguments: Any) -> None:
        self._real = find_runtime()(**arguments)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)

    def invoke(self) -> None:
        self.barrier.wait(timeout=20)
        self._real.invoke()


def test_calls_at_the_same_time_get_interpreters_of_their_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = counting(monkeypatch, MeetingInterpreter)
    model = opened(copying(tmp_path / "m.tflite", [1, 4]))
    # No run ends before three are under way.
    monkeypatch.setattr(MeetingInterpreter, "barrier", Barrier(3))

    def call(number: int) -> float:
        return float(model({"input": np.full((1, 4), number, np.float32)})["output"][0, 3])

    with ThreadPoolExecutor(3) as threads:
        assert list(threads.map(call, range(6))) == [0, 1, 2, 3, 4, 5]
    assert len(made) == 3


def test_a_file_that_is_replaced_after_opening_does_no_harm(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = counting(monkeypatch, MeetingInterpreter)
    model = opened(averaging(tmp_path / "m.tflite"))
    (tmp_path / "m.tflite").write_bytes(b"")
    monkeypatch.setattr(MeetingInterpreter, "barrier", Barrier(2))
    image = np.full((1, 4, 4, 3), 5, np.float32)
    with ThreadPoolExecutor(2) as threads:
        results = list(threads.map(lambda _: model({"image": image})["means"][0, 0], range(2)))
    assert results == [5.0] * 2
    assert len(made) == 2


def test_calls_one_after_the_other_share_one_interpreter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = counting(monkeypatch)
    model = opened(averaging(tmp_path / "m.tflite"))
    for _ in range(5):
        model({"image": np.zeros((1, 4, 4, 3), np.float32)})
    assert len(made) == 1


def test_threads_are_passed_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int] = []
    real = find_runtime()

    def create(**arguments: Any) -> Any:
        seen.append(arguments["num_threads"])
        return real(**arguments)

    monkeypatch.setattr(litert, "find_runtime", lambda: create)
    opened(averaging(tmp_path / "m.tflite"), threads=2)
    assert seen == [2]


def test_a_closed_model_says_so(tmp_path: Path) -> None:
    model = opened(averaging(tmp_path / "m.tflite"))
    model.close()
    model.close()
    with pytest.raises(ModelError, match="tiny: is closed"):
        model({"image": np.zeros((1, 4, 4, 3), np.float32)})


# Real models


@needs_models
@pytest.mark.shared
def test_a_model_the_runtime_rejects_is_named_with_the_reason() -> None:
    with pytest.raises(
        ModelError, match=r"tflm_person_detect\.tflite: cannot be used \(quantized_dimension"
    ) as caught:
        opened(MODELS / "tflm_person_detect.tflite")
    assert str(caught.value).count("quantized_dimension") == 1


@needs_models
@pytest.mark.shared
def test_the_state_of_a_fused_lstm_is_carried_as_an_uninterrupted_run_would() -> None:
    file = MODELS / "tflm_mnist_lstm_float.tflite"
    names = [spec.name for spec in described(load_bundle(file, "m")).facts.variables]
    state = tuple(StatePair(name, name) for name in names)
    model = LiteRTModel(replace(load_bundle(file, "m"), state=state))
    digits = np.random.default_rng(3).random((3, 1, 28, 28), dtype=np.float32)
    carried = {spec.name: spec.zeros for spec in model.bundle.inputs if spec.meaning == "state"}
    assert sorted(carried) == sorted(names)
    plain = find_runtime()(model_content=file.read_bytes(), num_threads=1)
    plain.allocate_tensors()
    (taken,), (given,) = plain.get_input_details(), plain.get_output_details()
    for digit in digits:
        outputs = model({taken["name"]: digit, **carried})
        carried = {name: outputs[name] for name in names}
        plain.set_tensor(taken["index"], digit)
        plain.invoke()
        np.testing.assert_array_equal(outputs[given["name"]], plain.get_tensor(given["index"]))


@needs_models
@pytest.mark.shared
def test_state_inside_the_graph_does_not_pass_from_call_to_call() -> None:
    model = opened(MODELS / "tflm_mnist_lstm_float.tflite")
    name = model.bundle.inputs[0].name
    digit = np.random.default_rng(1).random((1, 28, 28), dtype=np.float32)
    first, second = model({name: digit}), model({name: digit})
    for output, values in first.items():
        np.testing.assert_array_equal(values, second[output])


@needs_models
@pytest.mark.shared
def test_threads_at_once_give_what_one_gives() -> None:
    model = opened(MODELS / "mobilenet_v1_0.25_128_quant.tflite")
    random = np.random.default_rng(2)
    images = [random.integers(0, 256, (1, 128, 128, 3), dtype=np.uint8) for _ in range(8)]
    (output,) = model.bundle.outputs
    expected = [model({"input": image})[output.name] for image in images]
    with ThreadPoolExecutor(4) as threads:
        found = list(threads.map(lambda image: model({"input": image})[output.name], images * 4))
    for values, wanted in zip(found, expected * 4, strict=True):
        np.testing.assert_array_equal(values, wanted)


@needs_models
@pytest.mark.shared
@pytest.mark.parametrize(
    ("file", "task", "layout"),
    [
        ("coco_ssd_mobilenet_v1_quant_metadata", "detect", "ssd-postprocessed"),
        ("deeplabv3_mnv2_dm05_pascal_quant", "segment", "class-map"),
        ("mlperf_tiny_vww_96_int8", "classify", "scores"),
    ],
)
def test_real_models_are_described(file: str, task: str, layout: str) -> None:
    bundle = opened(MODELS / f"{file}.tflite").bundle
    assert (bundle.task, bundle.layout) == (task, layout)


@needs_models
@pytest.mark.shared
def test_quantisation_of_a_real_model_is_read(tmp_path: Path) -> None:
    file = shutil.copy(MODELS / "mobilenet_v2_1.0_224_quant.tflite", tmp_path)
    (output,) = opened(Path(file)).bundle.outputs
    assert isinstance(output.quantisation, Quantisation)
    assert output.quantisation.scale == pytest.approx(0.098893, rel=1e-4)
    assert output.quantisation.zero_point == 58
