"""A network behind the contract of a model: as the daemon's runner, and several threads, use it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

pytest.importorskip("tensorflow")
import keras
from keras import layers

from edge_vision.adapters.classification import ClassScores
from edge_vision.adapters.runner import Runner
from edge_vision.data.errors import ModelError, TrainingError
from edge_vision.data.view import View
from edge_vision.testing import make_frame, still
from edge_vision.training.networks.device import for_device
from edge_vision.training.networks.keras_model import KerasModel, Purpose
from edge_vision.training.networks.recurrent import Recurrence, next_outputs

RED, GREEN, BLUE = "red", "green", "blue"


def colours(size: tuple[int, int] | None = (6, 4)) -> Any:
    """Logits that are the mean of each channel, so that the brightest wins."""
    width, height = size or (None, None)
    image = keras.Input((height, width, 3), name="image")
    means = layers.GlobalAveragePooling2D()(layers.Rescaling(1 / 25.5)(image))
    dense = layers.Dense(3, kernel_initializer="identity", name="scores")
    return keras.Model({"image": image}, {"scores": dense(means)})


def model(**purpose: Any) -> KerasModel:
    graph = for_device(colours(), endings={"scores": "softmax"})
    return KerasModel(graph, Purpose(labels=(RED, GREEN, BLUE), **purpose))


def test_the_runner_reads_it_like_any_model() -> None:
    runner = Runner(model(), ClassScores)
    for colour, label in (((0, 0, 255), RED), ((255, 0, 0), BLUE)):
        view = runner.view(View.of(make_frame(still(colour, 20, 10))))
        (best, score), *_ = runner(view).best(1)
        assert best == label
        assert score == pytest.approx(1.0, abs=1e-3)


def test_what_is_known_of_it_is_what_a_file_would_tell() -> None:
    bundle = model(name="colours").bundle
    assert (bundle.name, bundle.task, bundle.layout) == ("colours", "classify", "scores")
    assert bundle.facts.producer("scores") == "SOFTMAX"
    assert bundle.image_input.shape == (1, 4, 6, 3)
    assert bundle.image_input.dtype == "uint8"
    assert bundle.output("scores").shape == (1, 3)
    assert not bundle.state


def test_logits_are_known_to_need_a_softmax() -> None:
    runner = Runner(KerasModel(for_device(colours())), ClassScores)
    scores = runner(runner.view(View.of(make_frame(still((0, 0, 255)))))).score
    assert runner.bundle.facts.producer("scores") == ""  # nested: only its values tell
    assert scores.sum() == pytest.approx(1.0, abs=1e-5)


def test_weights_that_change_count_from_the_next_call() -> None:
    network = colours()
    opened = KerasModel(for_device(network))
    picture = {"image": np.full((1, 4, 6, 3), 51, np.uint8)}
    before = opened(picture)["scores"]
    network.get_layer("scores").bias.assign([5.0, 0.0, 0.0])
    np.testing.assert_allclose(opened(picture)["scores"] - before, [[5.0, 0.0, 0.0]], atol=1e-5)


def test_several_threads_get_answers_of_their_own() -> None:
    opened = model()
    pictures = [np.full((1, 4, 6, 3), 0, np.uint8) for _ in range(24)]
    for number, picture in enumerate(pictures):
        picture[..., number % 3] = 255
    with ThreadPoolExecutor(4) as pool:
        given = list(pool.map(lambda picture: opened({"image": picture})["scores"][0], pictures))
    assert [int(scores.argmax()) for scores in given] == [number % 3 for number in range(24)]
    given[0][:] = 7
    assert given[3].max() <= 1.0


@pytest.mark.parametrize(
    ("inputs", "problem"),
    [
        ({}, "the input image is missing"),
        ({"picture": np.zeros((1, 4, 6, 3), np.uint8)}, "has no input picture"),
        ({"image": np.zeros((1, 4, 6, 3), np.float32)}, r"uint8, not \(1, 4, 6, 3\) float32"),
        ({"image": np.zeros((1, 6, 4, 3), np.uint8)}, r"not \(1, 6, 4, 3\)"),
    ],
)
def test_wrong_inputs_are_named(inputs: dict[str, Any], problem: str) -> None:
    with pytest.raises(ModelError, match=problem):
        model()(inputs)


def test_a_closed_model_says_so() -> None:
    opened = model()
    opened.close()
    with pytest.raises(ModelError, match="is closed"):
        opened({"image": np.zeros((1, 4, 6, 3), np.uint8)})


def test_state_is_carried_by_the_runner() -> None:
    recurrence = Recurrence("gru", 2)
    image, state = keras.Input(batch_shape=(1, 2, 2, 3), name="image"), recurrence.state_inputs()
    answer, carried = recurrence.step(layers.Flatten()(layers.Rescaling(1 / 255)(image)), state)
    scores = layers.Softmax(name="scores")(answer)
    inputs = {"image": image, **{tensor.name: tensor for tensor in state.values()}}
    network = keras.Model(inputs, {"scores": scores, **next_outputs(carried)})
    opened = KerasModel(network, Purpose(labels=("a", "b")))
    assert [(pair.input, pair.output) for pair in opened.bundle.state or ()] == [("state_h", "next_h")]
    runner = Runner(opened, ClassScores)
    assert runner.recurrent
    views = [runner.view(View.of(make_frame(still(200, 4, 4), index))) for index in range(2)]
    first, second = (runner(view).score for view in views)
    assert abs(first - second).max() > 1e-3
    runner.forget()
    np.testing.assert_allclose(runner(views[1]).score, first, atol=1e-6)


def test_a_state_without_a_partner_is_refused() -> None:
    state = keras.Input(batch_shape=(1, 2), name="state_h")
    with pytest.raises(ModelError, match="next_h"):
        KerasModel(keras.Model({"state_h": state}, {"out": layers.Dense(2)(state)}))


def test_a_network_that_is_no_device_graph_is_refused() -> None:
    with pytest.raises(ModelError, match="batch of 1"):
        KerasModel(colours())
    image = keras.Input(batch_shape=(1, 2, 2, 3), name="image")
    with pytest.raises(ModelError, match="names"):
        KerasModel(keras.Model(image, layers.Flatten()(image)))
    with pytest.raises(ModelError, match="has no output logits"):
        model(meanings={"logits": "scores"})


def test_a_device_graph_needs_sizes_and_outputs_that_are_there() -> None:
    with pytest.raises(TrainingError, match="any size"):
        for_device(colours(None))
    with pytest.raises(TrainingError, match="no output score"):
        for_device(colours(), endings={"score": "softmax"})
    assert for_device(colours(None), (8, 6)).inputs[0].shape == (1, 6, 8, 3)
