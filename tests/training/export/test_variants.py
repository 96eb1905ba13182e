"""One network in every form: the same names, pixels straight in, answers near Keras."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

pytest.importorskip("tensorflow")

from edge_vision.adapters.classification import ClassScores
from edge_vision.adapters.runner import Runner
from edge_vision.builtin.litert import LiteRTModel
from edge_vision.contracts.bundles import load_bundle
from edge_vision.contracts.tensors import TensorSpec
from edge_vision.data.errors import TrainingError
from edge_vision.data.view import View
from edge_vision.testing import make_frame
from edge_vision.training.export import variants
from edge_vision.training.export.checks import state_quantisation
from edge_vision.training.export.conversion import Converted
from edge_vision.training.export.flatbuffer import parsed
from edge_vision.training.export.forms import FORMS, Form
from edge_vision.training.export.variants import Deviation, make_variants

from .conftest import Made, Step


def opened(made: Made, form: str) -> LiteRTModel:
    return LiteRTModel(load_bundle(made.variants[form].file, form))


def shown(specs: tuple[TensorSpec, ...]) -> dict[str, tuple[tuple[int, ...], str]]:
    return {spec.name: (spec.shape, spec.dtype) for spec in specs}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_has_the_graphs_names_and_one_interface(made: Made, form: str) -> None:
    model = opened(made, form)
    assert shown(model.bundle.inputs) == {
        "image": ((1, 24, 32, 3), "uint8"),
        "state_h": ((1, 12), "float32"),
    }
    assert shown(model.bundle.outputs) == {"scores": ((1, 5), "float32"), "next_h": ((1, 12), "float32")}
    (signature,) = model.bundle.facts.signatures
    assert dict(signature.inputs) == {"image": "image", "state_h": "state_h"}
    assert dict(signature.outputs) == {"scores": "scores", "next_h": "next_h"}


@pytest.mark.parametrize("form", FORMS)
def test_the_product_finds_task_state_and_pixels_without_being_told(made: Made, form: str) -> None:
    bundle = opened(made, form).bundle
    assert (bundle.task, bundle.layout) == ("classify", "scores")
    assert [(pair.input, pair.output) for pair in bundle.state or ()] == [("state_h", "next_h")]
    assert bundle.image_input.takes_pixels
    assert not bundle.warnings


@pytest.mark.parametrize(
    ("form", "largest"), [("float32", 1e-5), ("float16", 5e-3), ("weight-int8", 0.02)]
)
def test_float_forms_answer_as_keras(made: Made, form: str, largest: float) -> None:
    assert all(each.largest <= largest for each in made.variants[form].deviation.values())


def test_int8_is_near_keras_and_its_state_does_not_drift(made: Made) -> None:
    deviation = made.variants["int8"].deviation
    assert deviation["scores"].largest < 0.03
    assert deviation["next_h"].largest < 0.06
    model = parsed(made.variants["int8"].file.read_bytes())
    taken, given = state_quantisation(model, ("state_h", "next_h"))
    assert taken is not None
    assert taken == given


def test_int8_carried_over_a_sequence_stays_near_keras(made: Made) -> None:
    runner, reference = (
        Runner(opened(made, "int8"), ClassScores),
        Runner(opened(made, "float32"), ClassScores),
    )
    for index, step in enumerate(made.step.sequences[0] * 4):
        view = View.of(make_frame(np.ascontiguousarray(step["image"][0, :, :, ::-1]), index))
        difference = np.abs(runner(view).score - reference(view).score)
        assert difference.max() < 0.06


def test_int8_takes_pixels_as_they_are_though_the_data_had_no_black_and_no_white(made: Made) -> None:
    image = opened(made, "int8").bundle.image_input
    assert image.quantisation is not None
    assert (image.quantisation.scale, image.quantisation.zero_point) == (1.0, 0)
    operators = made.variants["int8"].operators
    assert operators["QUANTIZE"] == 2
    assert "CAST" not in operators


def test_the_last_softmax_of_int8_keeps_small_probabilities(made: Made) -> None:
    model = opened(made, "int8")
    scores = model(made.step.samples[0])["scores"]
    assert scores.sum() == pytest.approx(1.0, abs=1e-5)
    assert np.any(np.abs(scores * 256 - np.rint(scores * 256)) > 0.01)


def test_sizes_shrink_with_the_form(made: Made) -> None:
    sizes = {name: each.size for name, each in made.variants.items()}
    assert sizes["weight-int8"] < sizes["float16"] < sizes["float32"]
    assert all(each.file.stat().st_size == each.size for each in made.variants.values())


def test_a_deviation_tells_largest_mean_and_agreement() -> None:
    given = np.array([[0.1, 0.9], [0.6, 0.4]], np.float32)
    wanted = np.array([[0.2, 0.8], [0.4, 0.6]], np.float32)
    found = Deviation.between(given, wanted)
    assert found.largest == pytest.approx(0.2)
    assert found.mean == pytest.approx(0.15)
    assert found.agreement == 0.5


def test_of_whole_numbers_the_equal_ones_agree() -> None:
    given, wanted = np.array([[1, 2], [3, 4]]), np.array([[1, 2], [3, 5]])
    assert Deviation.between(given, wanted).agreement == 0.75


@pytest.mark.parametrize("off", [0.1, np.nan])
def test_a_float_form_that_differs_is_refused_and_nothing_is_written(
    step: Step, tmp_path: Any, monkeypatch: pytest.MonkeyPatch, off: float
) -> None:
    def wrong(graph: Any, forms: tuple[Form, ...], samples: Any, **_: Any) -> dict[str, Converted]:
        from edge_vision.training.export.device_graph import DeviceGraph  # noqa: PLC0415

        device = DeviceGraph(graph)
        answers = [device.answers(sample) for sample in samples]
        arrays: Mapping[str, NDArray[Any]] = {
            name: np.concatenate([each[name] for each in answers]) + off for name in device.outputs
        }
        return {"float32": Converted(b"", arrays)}

    monkeypatch.setattr(variants, "convert_all", wrong)
    with pytest.raises(TrainingError, match="float32: the output scores differs from Keras"):
        make_variants(step.graph, ("float32",), step.samples[:2], tmp_path / "made")
    assert not (tmp_path / "made").exists()
