from collections.abc import Hashable, Mapping
from dataclasses import replace
from itertools import permutations
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from edge_vision.adapters.candidates import Candidates
from edge_vision.adapters.classification import ClassScores
from edge_vision.adapters.embeddings import Vector
from edge_vision.adapters.runner import GREY_BARS, Runner
from edge_vision.builtin.litert import LiteRTModel
from edge_vision.contracts.bundles import load_bundle
from edge_vision.contracts.model import ModelBundle, Wishes
from edge_vision.contracts.tensors import TensorSpec
from edge_vision.data import geometry
from edge_vision.data.errors import ModelError, StageError
from edge_vision.data.view import View
from edge_vision.testing import FakeModel, make_frame, still
from tests import recurrent_models
from tests.recurrent_models import accumulator_bundle

IMAGE = TensorSpec("image", (1, 40, 40, 3), "uint8")
SCORES = TensorSpec("scores", (1, 2), "float32")


class Declared(FakeModel):
    """A fake model of which something was declared."""

    def __init__(self, *arguments: Any, **declared: Any) -> None:
        super().__init__(*arguments)
        self._bundle = replace(self._bundle, **declared)


def scoring(*inputs: TensorSpec, **declared: Any) -> Declared:
    answer = {"scores": np.array([[0.25, 0.75]], np.float32)}
    return Declared(inputs or (IMAGE,), (SCORES,), lambda _: answer, **declared)


def marked(width: int, height: int, box: tuple[int, int, int, int]) -> View:
    """The view of a black frame with a white box."""
    image = still(0, width, height).copy()
    x1, y1, x2, y2 = box
    image[y1:y2, x1:x2] = 255
    return View.of(make_frame(image))


# What the model looks at


def test_a_view_is_stretched_to_the_input() -> None:
    model = scoring()
    runner = Runner(model, ClassScores)
    assert runner.size == (40, 40)
    view = runner.view(marked(200, 100, (100, 0, 200, 100)))
    assert runner(view).score.tolist() == [0.25, 0.75]
    seen = model.calls[0]["image"][0]
    assert (seen[:, :20] == 0).all()
    assert (seen[:, 20:] == 255).all()


@pytest.mark.parametrize(
    ("size", "bars"),
    [
        ((200, 100), np.s_[10:30, :]),
        ((100, 200), np.s_[:, 10:30]),
        ((20, 10), np.s_[10:30, :]),
        ((80, 80), np.s_[:, :]),
    ],
)
def test_a_letterboxed_view_is_whole_and_centred_between_grey_bars(
    size: tuple[int, int], bars: tuple[slice, slice]
) -> None:
    model = scoring(wishes=Wishes(fit="letterbox"))
    runner = Runner(model, ClassScores)
    runner(runner.view(View.of(make_frame(still(200, *size)))))
    expected = np.full((40, 40, 3), GREY_BARS, np.uint8)
    expected[bars] = 200
    np.testing.assert_array_equal(model.calls[0]["image"][0], expected)


@pytest.mark.parametrize("fit", ["stretch", "letterbox"])
@pytest.mark.parametrize("input_size", [(40, 40), (64, 32), (20, 60)])
def test_what_the_model_sees_maps_back_to_where_it_is_in_the_frame(
    fit: str, input_size: tuple[int, int]
) -> None:
    box = (60, 20, 140, 60)
    width, height = input_size
    model = scoring(
        TensorSpec("image", (1, height, width, 3), "uint8"),
        wishes=Wishes(fit=fit),  # type: ignore[arg-type]
    )
    runner = Runner(model, ClassScores)
    whole = marked(210, 120, box)
    cropped = whole.mapped(geometry.translation(30, 10), (150, 90))
    for view in (whole, cropped):
        looked_at = runner.view(view)
        runner(looked_at)
        rows, columns = np.nonzero(model.calls[-1]["image"][0, :, :, 0] > 184)
        seen = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
        pixel = 210 / min(input_size)
        np.testing.assert_allclose(looked_at.boxes_to_frame(seen)[0], box, atol=pixel)
        # And the other way round, exactly.
        back = looked_at.boxes_to_frame(looked_at.boxes_from_frame(box))
        np.testing.assert_allclose(back[0], box, rtol=1e-5)


def test_rows_of_a_sequence_are_a_grey_picture() -> None:
    model = scoring(TensorSpec("rows", (1, 28, 20), "float32"))
    runner = Runner(model, ClassScores)
    assert runner.size == (20, 28)
    runner(runner.view(View.of(make_frame(still(51, 100, 50)))))
    rows = model.calls[0]["rows"]
    assert rows.shape == (1, 28, 20)
    np.testing.assert_allclose(rows, 0.2, rtol=1e-6)


def test_bytes_are_converted_once_and_belong_to_the_call() -> None:
    model = scoring()
    frame = make_frame(still((1, 2, 3), 40, 40))
    Runner(model, ClassScores)(View.of(frame))
    given = model.calls[0]["image"]
    assert given.dtype == np.uint8
    assert given.flags.c_contiguous
    assert not np.shares_memory(given, frame.image)
    assert given[0, 0, 0].tolist() == [3, 2, 1]


# What it needs


def test_inputs_that_nothing_provides_are_named_at_once() -> None:
    model = scoring(IMAGE, TensorSpec("latent", (1, 8), "float32"), TensorSpec("style", (1, 4), "int32"))
    with pytest.raises(ModelError) as error:
        Runner(model, ClassScores)
    assert "needs the inputs latent (1, 8) float32 and style (1, 4) int32, which nothing" in str(
        error.value
    )
    with pytest.raises(ModelError, match=r"needs the input style \(1, 4\) int32, which nothing"):
        Runner(model, ClassScores, provides=("latent",))


def test_inputs_that_the_caller_provides_reach_the_model() -> None:
    model = scoring(IMAGE, TensorSpec("latent", (1, 8), "float32"))
    runner = Runner(model, ClassScores, provides=["latent"])
    latent = np.ones((1, 8), np.float32)
    runner(runner.view(View.of(make_frame(still()))), more={"latent": latent})
    assert (model.calls[0]["latent"] == 1).all()
    assert model.calls[0]["image"].shape == (1, 40, 40, 3)


def test_a_model_without_an_image_needs_no_view() -> None:
    model = scoring(TensorSpec("latent", (1, 8), "float32"))
    runner = Runner(model, ClassScores, provides=("latent",))
    assert runner(more={"latent": np.zeros((1, 8), np.float32)}).labels == ("0", "1")
    with pytest.raises(ModelError, match="needs one image input"):
        _ = runner.size


def test_an_image_that_is_not_given_is_an_error() -> None:
    with pytest.raises(StageError, match="takes an image, and is given none"):
        Runner(scoring(), ClassScores)()


def test_what_a_model_answers_is_told_or_taken_as_it_is() -> None:
    assert isinstance(Runner(scoring(), object)(View.of(make_frame(still(0, 40, 40)))), ClassScores)
    with pytest.raises(ModelError, match="use it with the stage classify"):
        Runner(scoring(), Candidates)


# State

Outputs = dict[str, NDArray[Any]]


def adding(step: float = 1.0, **declared: Any) -> Declared:
    """A model whose state and answer grow by a step in each run; it fails where the picture is black."""

    def answer(inputs: Mapping[str, NDArray[Any]]) -> Outputs:
        if not inputs["image"].any():
            raise ModelError("black")
        total = inputs["total_in"] + np.float32(step)
        return {"total_out": total, "vector": total}

    specs = [TensorSpec(name, (1, 3), "float32") for name in ("total_in", "vector", "total_out")]
    return Declared((IMAGE, specs[0]), specs[1:], answer, task="embed", **declared)


def total(runner: Runner[Vector], index: int, key: Hashable = None, grey: int = 9) -> float:
    view = View.of(make_frame(still(grey, 40, 40), index))
    return float(runner(view, key=key).values[0])


def test_state_is_carried_from_run_to_run_and_kept_apart_by_key() -> None:
    runner = Runner(adding(), Vector)
    assert runner.recurrent
    assert [total(runner, i) for i in range(3)] == [1, 2, 3]
    assert [total(runner, 3, key=7), total(runner, 3, key=8), total(runner, 4, key=7)] == [1, 1, 2]
    assert total(runner, 5) == 4
    runner.forget(7)
    assert [total(runner, 6, key=7), total(runner, 6, key=8)] == [1, 2]


def test_state_starts_anew_after_a_gap_of_the_frames_clock() -> None:
    runner = Runner(adding(), Vector, reset_after=0.5)
    assert [total(runner, index) for index in (0, 5, 11, 12, 3)] == [1, 2, 1, 2, 1]


def test_state_starts_anew_where_the_source_began_again() -> None:
    runner = Runner(adding(), Vector)
    takes = (0, 0, 0, 1, 1, 2)
    frames = [replace(make_frame(still(9, 40, 40), i), take=take) for i, take in enumerate(takes)]
    assert [float(runner(View.of(frame)).values[0]) for frame in frames] == [1, 2, 3, 1, 2, 1]


def test_state_of_a_run_that_fails_stays_what_it_was() -> None:
    runner = Runner(adding(), Vector, reset_after=0.5)
    assert total(runner, 0) == 1
    with pytest.raises(ModelError, match="black"):
        total(runner, 1, grey=0)
    assert total(runner, 2) == 2
    for index in range(3, 9):
        with pytest.raises(ModelError, match="black"):
            total(runner, index, grey=0)
    assert total(runner, 9) == 1  # it was no longer kept up to date


def test_state_that_overflows_is_dropped() -> None:
    runner = Runner(adding(3e38), Vector)
    total(runner, 0)
    with np.errstate(over="ignore"), pytest.raises(StageError, match="no numbers"):
        total(runner, 1)
    assert total(runner, 2) == pytest.approx(3e38)


def test_an_answer_that_is_no_number_leaves_the_state_as_it_was() -> None:
    answers = iter([1.0, np.nan, 1.0])

    def answer(inputs: Mapping[str, NDArray[Any]]) -> Outputs:
        total = inputs["total_in"] + np.float32(1)
        return {"total_out": total, "vector": total * np.float32(next(answers))}

    model = adding()
    model._answer = answer
    runner = Runner(model, Vector)
    assert total(runner, 0) == 1
    with pytest.raises(StageError, match="no numbers"):
        total(runner, 1)
    assert total(runner, 2) == 2


def test_a_model_of_two_runners_has_two_states() -> None:
    model = adding()
    first, second = Runner(model, Vector), Runner(model, Vector)
    assert [total(first, 0), total(first, 1), total(second, 1), total(first, 2)] == [1, 2, 1, 3]


@pytest.mark.parametrize("order", list(permutations(("cell", "hidden", "answer"))))
def test_a_cell_and_a_hidden_state_without_names_are_not_carried_crosswise(
    tmp_path: Path, order: tuple[str, ...]
) -> None:
    recurrent_models.gated(tmp_path / "model.tflite", order)
    (tmp_path / "bundle.toml").write_text('task = "embed"\n')
    runner = Runner(LiteRTModel(load_bundle(tmp_path, "gated")), Vector)
    pairs = {pair.input: pair.output for pair in runner.bundle.state or ()}
    assert pairs == {"x": f"output:{order.index('cell')}", "y": f"output:{order.index('hidden')}"}
    assert not [each for each in runner.bundle.warnings if "state" in each]
    cell = hidden = np.zeros(3)
    for index, grey in enumerate((40, 200, 90, 255)):
        view = runner.view(View.of(make_frame(still(grey, 40, 30), index)))
        gate = (hidden + grey / 255) / 2
        cell = cell * gate + grey / 255
        hidden = (cell - 0.5) * gate
        np.testing.assert_allclose(runner(view).values, hidden / 2, rtol=1e-5)


def test_a_real_file_carries_its_state(tmp_path: Path) -> None:
    model = LiteRTModel(load_bundle(accumulator_bundle(tmp_path / "sum"), "sum"))
    runner = Runner(model, Vector)
    expected = np.zeros(3, np.float32)
    for index, grey in enumerate((0, 51, 102, 255)):
        view = runner.view(View.of(make_frame(still((grey, 0, 255), 40, 30), index)))
        expected += np.array([255, 0, grey], np.float32) / 255
        np.testing.assert_allclose(runner(view).values, expected, rtol=1e-6)


def opened(file: Path) -> LiteRTModel:
    return LiteRTModel(ModelBundle("lstm", file, task="embed"))


def test_steps_of_a_fused_lstm_are_a_run_over_the_whole_sequence(tmp_path: Path) -> None:
    steps = 7
    rows = np.random.default_rng(2).normal(size=(1, steps, recurrent_models.VALUES)).astype(np.float32)
    whole = opened(recurrent_models.lstm(tmp_path / "whole.tflite", steps))
    expected = whole({"rows": rows})["answer"].reshape(-1)
    runner = Runner(
        opened(recurrent_models.lstm(tmp_path / "step.tflite", 1)), Vector, provides=["rows"]
    )
    assert runner.recurrent
    for track in ("a", "b"):
        for step in range(steps):
            row = rows[:, step : step + 1]
            vector = runner(more={"rows": row}, key=track, time=float(step))
    np.testing.assert_array_equal(vector.values, expected)
