import numpy as np
import pytest
from edge_vision_recognition import Embed

from edge_vision import Embedding, ModelError, Quantisation, Result, StageError, TensorSpec
from edge_vision.testing import FakeModel, make_stage, run, still

IMAGE = TensorSpec("image", (1, 4, 6, 3), "uint8")


def fake(*values: float) -> FakeModel:
    output = TensorSpec("o", (1, len(values)), "float32", meaning="embedding")
    row = np.array([values], np.float32)
    return FakeModel([IMAGE], [output], lambda inputs: {"o": row})


def vector(result: Result) -> list[float]:
    (embedding,) = result.all(Embedding)
    assert embedding.box is None
    assert embedding.track_id is None
    return [float(value) for value in embedding.vector]


def test_the_vector_of_the_view_is_added_as_it_is() -> None:
    assert vector(run(make_stage(Embed, {"m": fake(3, 0, -4)}, model="m"), still())) == [3, 0, -4]


def test_a_normalised_vector_has_the_length_1_and_that_may_change_while_running() -> None:
    stage = make_stage(Embed, {"m": fake(3, 0, -4)}, model="m", normalise=True)
    assert vector(run(stage, still())) == pytest.approx([0.6, 0, -0.8])
    stage.options = stage.options.changed("normalise", False)
    assert vector(run(stage, still())) == [3, 0, -4]
    assert Embed.Options.live() == ("normalise",)


def test_a_vector_of_zeros_has_no_direction_and_stays() -> None:
    stage = make_stage(Embed, {"m": fake(0, 0)}, model="m", normalise=True)
    assert vector(run(stage, still())) == [0, 0]


def test_quantised_values_become_real() -> None:
    output = TensorSpec("o", (1, 1, 1, 32), "uint8", Quantisation(0.5, 10))
    stored = np.full(output.shape, 14, np.uint8)
    model = FakeModel([IMAGE], [output], lambda inputs: {"o": stored})
    assert vector(run(make_stage(Embed, {"m": model}, model="m"), still())) == [2.0] * 32


def test_values_that_are_no_numbers_are_an_error() -> None:
    with pytest.raises(StageError, match="no numbers"):
        run(make_stage(Embed, {"m": fake(1, float("inf"))}, model="m"), still())


def test_a_classifier_is_refused_at_once() -> None:
    scores = TensorSpec("o", (1, 10), "float32")
    with pytest.raises(ModelError, match="use it with the stage classify"):
        make_stage(Embed, {"m": FakeModel([IMAGE], [scores], lambda inputs: {})}, model="m")
