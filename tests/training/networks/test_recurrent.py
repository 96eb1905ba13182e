"""The three forms of a recurrence say the same, and a device can run the step and the unrolled one."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
from numpy.typing import NDArray

pytest.importorskip("tensorflow")
import keras

from edge_vision.data.errors import TrainingError
from edge_vision.training.networks.recurrent import Recurrence, in_both_directions, next_outputs
from tests.training.converting import converted, interpreted, operators_in

Kind = Literal["gru", "lstm"]
UNITS, VALUES, STEPS = 6, 5, 7

pytestmark = pytest.mark.filterwarnings("ignore:.*tf.lite.Interpreter is deprecated:UserWarning")


def sequences(count: int = 3) -> NDArray[np.float32]:
    return np.random.default_rng(0).normal(size=(count, STEPS, VALUES)).astype(np.float32)


def over(recurrence: Recurrence, **options: Any) -> Any:
    sequence = keras.Input((None, VALUES), name="sequence")
    return keras.Model({"sequence": sequence}, {"answers": recurrence.over(sequence, **options)})


def step(recurrence: Recurrence) -> Any:
    features, state = keras.Input(batch_shape=(1, VALUES), name="features"), recurrence.state_inputs()
    answer, carried = recurrence.step(features, state)
    inputs = {"features": features, **{tensor.name: tensor for tensor in state.values()}}
    return keras.Model(inputs, {"answer": answer, **next_outputs(carried)})


def randomise(network: Any) -> None:
    """Biases too, which begin as zeros and would hide mistakes."""
    random = np.random.default_rng(1)
    network.set_weights([random.normal(0, 0.5, w.shape) for w in network.get_weights()])


def by_steps(
    one_step: Any, sequence: NDArray[np.float32], states: tuple[str, ...]
) -> NDArray[np.float32]:
    carried = {f"state_{name}": np.zeros((1, UNITS), np.float32) for name in states}
    answers = []
    for values in sequence[:, np.newaxis]:
        given = one_step.predict_on_batch({"features": values, **carried})
        carried = {f"state_{name}": given[f"next_{name}"] for name in states}
        answers.append(given["answer"][0])
    return np.stack(answers)


@pytest.mark.parametrize("kind", ["gru", "lstm"])
def test_a_step_with_carried_state_says_what_the_training_form_says(kind: Kind) -> None:
    recurrence = Recurrence(kind, UNITS)
    trained, one_step = over(recurrence), step(recurrence)
    randomise(trained)
    data = sequences()
    expected = trained.predict_on_batch({"sequence": data})["answers"]
    assert [w.path for w in trained.weights] == [w.path for w in one_step.weights]
    for sequence, answers in zip(data, expected, strict=True):
        np.testing.assert_allclose(by_steps(one_step, sequence, recurrence.states), answers, atol=1e-5)


@pytest.mark.parametrize("kind", ["gru", "lstm"])
def test_weights_are_called_the_same_whichever_form_comes_first(kind: Kind) -> None:
    first, second = over(Recurrence(kind, UNITS)), step(Recurrence(kind, UNITS))
    assert [w.path for w in first.weights] == [w.path for w in second.weights]
    assert [w.path for w in first.weights] == ["memory/kernel", "memory/recurrent_kernel", "memory/bias"]


@pytest.mark.parametrize("kind", ["gru", "lstm"])
def test_unrolled_in_both_directions_it_says_what_the_training_form_says(kind: Kind) -> None:
    ahead, back = Recurrence(kind, UNITS, name="ahead"), Recurrence(kind, 4, name="back")
    sequence = keras.Input((None, VALUES), name="sequence")
    places = keras.Input((STEPS, VALUES), name="sequence")
    trained = keras.Model({"sequence": sequence}, in_both_directions(ahead, back, sequence))
    device = keras.Model({"sequence": places}, in_both_directions(ahead, back, places, unroll=True))
    randomise(trained)
    data = sequences()
    expected = trained.predict_on_batch({"sequence": data})
    assert expected.shape == (3, STEPS, UNITS + 4)
    np.testing.assert_allclose(device.predict_on_batch({"sequence": data}), expected, atol=1e-5)


def test_backwards_the_answers_stay_in_the_order_of_the_steps() -> None:
    recurrence = Recurrence("gru", UNITS)
    forwards, backwards = over(recurrence), over(recurrence, backwards=True)
    randomise(forwards)
    data = sequences()
    given = backwards.predict_on_batch({"sequence": data})["answers"]
    turned = forwards.predict_on_batch({"sequence": data[:, ::-1]})["answers"][:, ::-1]
    np.testing.assert_allclose(given, turned, atol=1e-6)


def test_where_a_sequence_was_filled_up_the_state_stays() -> None:
    recurrence = Recurrence("gru", UNITS)
    sequence, mask = keras.Input((STEPS, VALUES)), keras.Input((STEPS,), dtype="bool")
    network = keras.Model([sequence, mask], recurrence.over(sequence, mask=mask))
    randomise(network)
    told = np.array([[True] * 4 + [False] * 3])
    answers = network.predict_on_batch([sequences(1), told])[0]
    np.testing.assert_array_equal(answers[4:], np.tile(answers[3], (3, 1)))


def test_places_without_a_number_cannot_be_unrolled() -> None:
    with pytest.raises(TrainingError, match="fixed number"):
        Recurrence("gru", UNITS).unrolled(keras.Input((None, VALUES)))


def test_states_of_several_recurrences_have_names_of_their_own() -> None:
    inputs = Recurrence("lstm", UNITS, name="second", prefix="second_").state_inputs()
    assert [tensor.name for tensor in inputs.values()] == ["state_second_h", "state_second_c"]


def samples_of(network: Any, count: int = 24) -> list[dict[str, NDArray[np.float32]]]:
    random = np.random.default_rng(2)
    return [
        {each.name: random.uniform(-1, 1, each.shape).astype(np.float32) for each in network.inputs}
        for _ in range(count)
    ]


@pytest.mark.parametrize(("form", "tolerance"), [("float32", 1e-5), ("int8", 0.1)])
def test_the_step_converts_to_plain_operators(tmp_path: Path, form: str, tolerance: float) -> None:
    one_step = step(Recurrence("gru", UNITS))
    randomise(one_step)
    samples = samples_of(one_step)
    file = converted(one_step, tmp_path, form, samples)
    operators, given = operators_in(file), interpreted(file, samples[0])
    assert "WHILE" not in operators
    assert not any(name.startswith("Flex") for name in operators)
    expected = one_step.predict_on_batch(samples[0])
    for name in ("answer", "next_h"):
        np.testing.assert_allclose(given[name], expected[name], atol=tolerance)


@pytest.mark.parametrize(("form", "tolerance"), [("float32", 1e-5), ("int8", 0.1)])
def test_the_unrolled_form_converts_to_plain_operators(
    tmp_path: Path, form: str, tolerance: float
) -> None:
    ahead, back = Recurrence("gru", UNITS, name="ahead"), Recurrence("gru", UNITS, name="back")
    places = keras.Input(batch_shape=(1, 4, VALUES), name="places")
    answers = in_both_directions(ahead, back, places, unroll=True)
    network = keras.Model({"places": places}, {"answers": answers})
    randomise(network)
    samples = samples_of(network)
    file = converted(network, tmp_path, form, samples)
    operators, given = operators_in(file), interpreted(file, samples[0])
    assert "WHILE" not in operators
    assert not any(name.startswith("Flex") for name in operators)
    expected = network.predict_on_batch(samples[0])["answers"]
    np.testing.assert_allclose(given["answers"], expected, atol=tolerance)
