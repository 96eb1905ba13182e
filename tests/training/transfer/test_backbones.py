"""Starting from weights: of a file, of a run, of a bundle; and what does not fit."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

pytest.importorskip("tensorflow")
import keras
from keras import layers

from edge_vision.data.errors import TrainingError
from edge_vision.training.fitting.checkpoint import Checkpoint, Checkpoints
from edge_vision.training.fitting.history import History
from edge_vision.training.fitting.state import State
from edge_vision.training.transfer.backbones import start_from
from edge_vision.training.transfer.folded import restore_statistics
from edge_vision.training.transfer.weights import save_weights

IN_BYTES = Path(__file__).parents[3] / "models/edge_vision_models/meter_digits/int8.tflite"
Classifier = Callable[..., Any]


def pictures(channels: int = 3) -> NDArray[np.uint8]:
    return np.random.default_rng(9).integers(0, 256, (4, 32, 40, channels), np.uint8)


def answers(learnt: Any, shown: NDArray[np.uint8]) -> NDArray[np.float32]:
    given: NDArray[np.float32] = learnt.predict_on_batch({"image": shown.astype(np.float32)})["scores"]
    return given


def test_the_weights_in_a_file_are_taken_but_for_a_head_that_differs(
    tmp_path: Path, classifier: Classifier
) -> None:
    learnt, fresh = classifier(1), classifier(2, classes=7)
    save_weights(learnt, tmp_path / "weights.npz")
    head = fresh.get_layer("scores").get_weights()
    transfer = start_from(fresh, tmp_path / "weights.npz")
    assert transfer.left == {"scores": "is (16, 7) here and (16, 4) there"}
    assert not transfer.unused
    assert str(transfer).endswith("anew: scores")
    np.testing.assert_array_equal(fresh.get_layer("scores").get_weights()[0], head[0])
    kernels = [each.get_layer("stage3_block2_expand").kernel.numpy() for each in (learnt, fresh)]
    np.testing.assert_array_equal(*kernels)


def test_a_layer_may_be_left_out_on_purpose(tmp_path: Path, classifier: Classifier) -> None:
    learnt, fresh = classifier(1), classifier(2)
    save_weights(learnt, tmp_path / "weights.npz")
    transfer = start_from(fresh, tmp_path / "weights.npz", without=["scores"])
    assert transfer.left == {"scores": "is left out on purpose"}
    assert transfer.unused == ()


def test_a_network_for_grey_answers_grey_pictures_as_the_one_for_colours_does(
    tmp_path: Path, classifier: Classifier
) -> None:
    learnt, fresh = classifier(1), classifier(2, channels=1)
    save_weights(learnt, tmp_path / "weights.npz")
    start_from(fresh, tmp_path / "weights.npz")
    grey = pictures(1)
    expected = answers(learnt, np.repeat(grey, 3, axis=3))
    np.testing.assert_allclose(answers(fresh, grey), expected, atol=1e-4)


@pytest.mark.parametrize("inside", ["", "fit"])
def test_the_best_weights_of_a_run_are_taken(
    tmp_path: Path, inside: str, classifier: Classifier
) -> None:
    best, last, fresh = classifier(1), classifier(3), classifier(2)
    empty = State((), ())
    checkpoint = Checkpoint({}, State.of(last.variables), empty, State.of(best.variables), History(), 1)
    Checkpoints(tmp_path / inside).save(checkpoint)
    assert not start_from(fresh, tmp_path).left
    np.testing.assert_array_equal(answers(fresh, pictures()), answers(best, pictures()))


def test_of_a_run_of_several_networks_one_is_to_be_named(tmp_path: Path, classifier: Classifier) -> None:
    state = State.of(classifier(1).variables)
    for name in ("features", "memory"):
        Checkpoints(tmp_path / name).save(Checkpoint({}, state, State((), ()), None, History(), 1))
    with pytest.raises(TrainingError, match=r"2 networks.*features or .*memory"):
        start_from(classifier(2), tmp_path)
    assert not start_from(classifier(2), tmp_path / "features").left


@pytest.mark.slow
@pytest.mark.parametrize(("form", "tolerance"), [("float32", 1e-5), ("float16", 5e-3)])
def test_a_tflite_file_of_the_same_network_is_taken_apart_again(
    form: str, tolerance: float, file_of: Callable[[str], Path], classifier: Classifier
) -> None:
    learnt, fresh = classifier(1), classifier(2)
    transfer = start_from(fresh, file_of(form))
    assert not transfer.left
    assert not transfer.unused
    expected = answers(learnt, pictures())
    np.testing.assert_allclose(answers(fresh, pictures()), expected, atol=tolerance)
    restore_statistics(fresh, pictures())
    np.testing.assert_allclose(answers(fresh, pictures()), expected, atol=tolerance)
    in_training = fresh({"image": pictures().astype(np.float32)}, training=True)["scores"]
    np.testing.assert_allclose(in_training, expected, atol=tolerance)


def test_of_a_bundle_the_finest_model_in_floats_is_taken(
    tmp_path: Path, file_of: Callable[[str], Path], classifier: Classifier
) -> None:
    shutil.copy(IN_BYTES, tmp_path / "model.tflite")
    shutil.copy(file_of("float16"), tmp_path / "float16.tflite")
    learnt, fresh = classifier(1), classifier(2)
    transfer = start_from(fresh, tmp_path, pictures=pictures())
    assert transfer.origin == str(tmp_path)
    assert not transfer.left
    expected = answers(learnt, pictures())
    np.testing.assert_allclose(answers(fresh, pictures()), expected, atol=5e-3)
    in_training = fresh({"image": pictures().astype(np.float32)}, training=True)["scores"]
    np.testing.assert_allclose(in_training, expected, atol=5e-3)


def test_a_bundle_that_computes_in_bytes_has_nothing_to_begin_from(
    tmp_path: Path, classifier: Classifier
) -> None:
    shutil.copy(IN_BYTES, tmp_path / "model.tflite")
    with pytest.raises(TrainingError, match="neither a model that computes in floats nor"):
        start_from(classifier(1), tmp_path)


def test_a_tflite_file_of_another_width_is_refused(
    classifier: Classifier, file_of: Callable[[str], Path]
) -> None:
    with pytest.raises(TrainingError, match=r"none of its weights fit.*stem is \(3, 3, 3, 16\) here"):
        start_from(classifier(2, classes=3, width=0.5), file_of("float32"))


def test_a_normalisation_does_not_come_without_its_convolution(
    tmp_path: Path, classifier: Classifier
) -> None:
    save_weights(classifier(1), tmp_path / "weights.npz")
    transfer = start_from(classifier(2, width=0.5), tmp_path / "weights.npz")
    assert transfer.loaded == ("scores",)
    assert transfer.left["features"] == "is (1, 1, 56, 16) here and (1, 1, 32, 16) there"
    assert transfer.left["features_norm"] == "is nothing without features"


def test_what_holds_no_weights_of_this_network_is_refused_with_reasons(
    tmp_path: Path, classifier: Classifier
) -> None:
    with pytest.raises(TrainingError, match="neither a model that computes in floats nor"):
        start_from(classifier(1), tmp_path)
    entered = keras.Input((4,))
    save_weights(keras.Model(entered, layers.Dense(2, name="other")(entered)), tmp_path / "other.npz")
    with pytest.raises(TrainingError, match=r"none of its weights fit.*stem is not in there.*has other"):
        start_from(classifier(1), tmp_path / "other.npz")
