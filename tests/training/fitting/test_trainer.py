from __future__ import annotations

import signal
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("tensorflow")

import keras

from edge_vision.data.errors import TrainingError, TrainingStopped
from edge_vision.training.fitting import pulse
from edge_vision.training.fitting.losses import (
    CrossEntropy,
    Distillation,
    MeanSquaredError,
    balance,
)
from edge_vision.training.fitting.trainer import (
    EpochData,
    FitSettings,
    Goal,
    History,
    fit,
)
from edge_vision.training.fitting.watcher import Moment, Watcher
from edge_vision.training.score import Score
from edge_vision.training.transfer.weights import load_weights
from tests.training.fitting.small import SETTINGS, data, network, validate


def changed(**values: Any) -> FitSettings:
    return SETTINGS.model_copy(update=values)


def train(folder: Path, settings: FitSettings = SETTINGS, **others: Any) -> tuple[Any, History]:
    learnt = others.pop("network", None) or network()
    asked: dict[str, Any] = {"losses": {"scores": CrossEntropy()}, "data": data, "validate": validate}
    return learnt, fit(learnt, settings=settings, folder=folder, **(asked | others))


def weights(learnt: Any) -> list[Any]:
    return [np.array(np.asarray(variable)) for variable in learnt.variables]


def assert_same(first: Any, second: Any) -> None:
    for variable, one, other in zip(first.variables, weights(first), weights(second), strict=True):
        np.testing.assert_array_equal(one, other, err_msg=variable.path)


class Interrupts(Watcher):
    """Sends a signal at a moment of an epoch."""

    def __init__(self, number: signal.Signals, epoch: int, share: float) -> None:
        self.number, self.at, self.share = number, epoch, share

    def moment(self, moment: Moment) -> None:
        if moment.epoch == self.at and moment.share >= self.share:
            signal.raise_signal(self.number)


def test_a_network_learns_and_its_history_is_told(tmp_path: Path) -> None:
    learnt, history = train(tmp_path, changed(epochs=8))
    assert [row.epoch for row in history.rows] == list(range(1, 9))
    assert history.rows[-1].loss < history.rows[0].loss * 0.8
    assert history.rows[-1].losses == {"scores": pytest.approx(history.rows[-1].loss)}
    assert history.rows[-1].learning_rate < history.rows[1].learning_rate
    assert history.chief == "sure"
    assert history.best_score == max(row.score["sure"] for row in history.rows)
    assert validate(learnt).chief == pytest.approx(history.best_score)
    assert history.complete


def test_the_same_seed_gives_the_same_network_and_another_another(tmp_path: Path) -> None:
    first, _ = train(tmp_path / "1", changed(epochs=2))
    second, _ = train(tmp_path / "2", changed(epochs=2))
    third, _ = train(tmp_path / "3", changed(epochs=2, seed=6))
    assert_same(first, second)
    assert not np.array_equal(weights(first)[0], weights(third)[0])


def test_the_last_weights_are_not_kept_but_the_best(tmp_path: Path) -> None:
    scores = iter([0.5, 0.9, 0.7, 0.6])
    seen = []

    def judge(learnt: Any) -> Score:
        seen.append(weights(learnt))
        return Score({"right": next(scores)}, 1)

    learnt, history = train(tmp_path, validate=judge)
    assert history.best_epoch == 2
    for kept, best in zip(weights(learnt), seen[1], strict=True):
        np.testing.assert_array_equal(kept, best)
    again = network(seed=99)
    load_weights(again, tmp_path / "weights.npz")
    np.testing.assert_array_equal(weights(again)[0], seen[1][0])


def test_it_stops_when_no_epoch_was_better_for_long(tmp_path: Path) -> None:
    scores = iter([0.5, 0.9, 0.7, 0.8])
    _, history = train(
        tmp_path,
        changed(epochs=50, patience=2),
        validate=lambda _: Score({"right": next(scores)}, 1),
    )
    assert (len(history.rows), history.best_epoch, history.complete) == (4, 2, True)


def test_it_validates_now_and_then_and_after_the_last_epoch(tmp_path: Path) -> None:
    _, history = train(tmp_path, changed(epochs=5, every=2))
    assert [bool(row.score) for row in history.rows] == [False, True, False, True, True]


@pytest.mark.parametrize(("share", "number"), [(0.4, signal.SIGINT), (1.0, signal.SIGTERM)])
def test_a_signal_stops_after_the_step_and_nothing_is_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, share: float, number: signal.Signals
) -> None:
    monkeypatch.setattr(pulse, "INTERVAL_SECONDS", 0.0)
    before = signal.getsignal(number)
    with pytest.raises(
        TrainingStopped, match=rf"stopped by .* after epoch {2 if share < 1 else 3} of 4"
    ):
        train(tmp_path / "parts", watchers=[Interrupts(number, 3, share)])
    assert signal.getsignal(number) == before
    resumed, history = train(tmp_path / "parts", network=network(seed=77))
    whole, wanted = train(tmp_path / "whole")
    assert_same(resumed, whole)
    assert [row.score for row in history.rows] == [row.score for row in wanted.rows]
    for row, other in zip(history.rows, wanted.rows, strict=True):
        assert row.loss == pytest.approx(other.loss, rel=1e-5)


@pytest.mark.usefixtures("interruptible")
def test_a_second_signal_ends_it_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pulse, "INTERVAL_SECONDS", 0.0)
    twice = [Interrupts(signal.SIGINT, 2, 0.0), Interrupts(signal.SIGINT, 2, 0.0)]
    with pytest.raises(KeyboardInterrupt):
        train(tmp_path, watchers=twice)
    _, history = train(tmp_path)
    assert len(history.rows) == 4


def test_a_training_that_is_complete_is_not_done_again(tmp_path: Path) -> None:
    first, wanted = train(tmp_path)

    def never(*_: Any) -> Any:
        raise AssertionError("nothing is left to do")

    again, history = train(tmp_path, network=network(seed=3), data=never, validate=never)
    assert history == wanted
    assert_same(first, again)


def test_other_settings_losses_and_networks_are_refused(tmp_path: Path) -> None:
    train(tmp_path)
    with pytest.raises(TrainingError, match=r"learning_rate was 0.02, is 0.5.*--restart"):
        train(tmp_path, changed(learning_rate=0.5))
    with pytest.raises(TrainingError, match=r"scores was CrossEntropy .*--restart"):
        train(tmp_path, losses={"scores": Goal(CrossEntropy(), weight=2.0)})
    with pytest.raises(TrainingError, match=r"another network: it has features/kernel .*--restart"):
        train(tmp_path, network=network(width=7))


def test_a_loss_that_is_lost_ends_it_and_the_best_weights_stay(tmp_path: Path) -> None:
    def spoilt(epoch: int, random: np.random.Generator) -> EpochData:
        made = data(epoch, random)
        weight = np.ones(len(made)) if epoch < 2 else np.full(len(made), np.nan)
        return EpochData(made.inputs, made.targets, {"scores": weight})

    learnt = network()
    with pytest.raises(
        TrainingError, match=r"no number any more in epoch 3.*lower learning_rate than 0.02"
    ):
        train(tmp_path, data=spoilt, network=learnt)
    assert all(np.isfinite(values).all() for values in weights(learnt))
    again = network(seed=9)
    load_weights(again, tmp_path / "weights.npz")
    np.testing.assert_array_equal(weights(again)[0], weights(learnt)[0])


def test_what_goes_wrong_while_data_are_made_reaches_the_caller(tmp_path: Path) -> None:
    def broken(epoch: int, random: np.random.Generator) -> EpochData:
        if epoch == 1:
            raise OSError("the disk is gone")
        return data(epoch, random)

    with pytest.raises(OSError, match="the disk is gone"):
        train(tmp_path, data=broken)


def test_outputs_may_have_several_losses_or_none(tmp_path: Path) -> None:
    def double(epoch: int, random: np.random.Generator) -> EpochData:
        made = data(epoch, random)
        teacher = np.full((len(made), 3), 1 / 3, np.float32)
        aim = np.zeros((len(made), 6), np.float32)
        return EpochData(made.inputs, {**made.targets, "teacher": teacher, "embedding": aim})

    losses = {
        "scores": CrossEntropy(),
        "taught": Goal(Distillation(), weight=0.5, output="scores", target="teacher"),
        "embedding": Goal(MeanSquaredError(), weight=0.1),
    }
    _, history = train(tmp_path, data=double, losses=losses)
    for row in history.rows:
        parts = row.losses
        total = parts["scores"] + 0.5 * parts["taught"] + 0.1 * parts["embedding"]
        assert row.loss == pytest.approx(total, rel=1e-4)


def test_class_weights_and_example_weights_shift_what_is_said(tmp_path: Path) -> None:
    """Pictures without any sign of their class: a network can but learn how often each is wanted."""
    label = np.repeat([0, 1, 2], [240, 120, 40])
    blank = np.full((len(label), 6, 6, 3), 100, np.uint8)

    def said(name: str, loss: Any, weights: Any = None) -> Any:
        keras.utils.set_random_seed(1)
        image = keras.Input((6, 6, 3), name="image")
        middle = keras.layers.GlobalAveragePooling2D()(keras.layers.Rescaling(0.01)(image))
        learnt = keras.Model(image, {"scores": keras.layers.Dense(3)(middle)})
        count = iter(range(1, 1000))
        fit(
            learnt,
            {"scores": loss},
            lambda epoch, random: EpochData({"image": blank}, {"scores": label}, weights),
            lambda _: Score({"epoch": float(next(count))}, 1),
            changed(epochs=8, batch=80, learning_rate=0.3, weight_decay=0.0),
            tmp_path / name,
        )
        powers = np.exp(np.asarray(learnt(blank[:1].astype(np.float32), training=False)["scores"][0]))
        return powers / powers.sum()

    counts = [240, 120, 40]
    np.testing.assert_allclose(said("plain", CrossEntropy()), [0.6, 0.3, 0.1], atol=0.05)
    balanced = CrossEntropy(class_weights=balance(counts))
    np.testing.assert_allclose(said("balanced", balanced), [1 / 3] * 3, atol=0.05)
    by_example = {"scores": balance(counts)[label]}
    np.testing.assert_allclose(said("examples", CrossEntropy(), by_example), [1 / 3] * 3, atol=0.05)


def test_it_is_traced_once_however_many_epochs(tmp_path: Path) -> None:
    class Counting(CrossEntropy):
        calls = 0

        def call(self, truth: Any, logits: Any) -> Any:
            Counting.calls += 1
            return super().call(truth, logits)

    seen = []

    class Notes(Watcher):
        def epoch(self, *_: Any) -> None:
            seen.append(Counting.calls)

    train(tmp_path, changed(epochs=6), losses={"scores": Counting()}, watchers=[Notes()])
    assert seen[-1] == seen[1]


def test_the_moving_average_is_what_is_validated_and_kept(tmp_path: Path) -> None:
    seen: dict[str, list[Any]] = {"ema": [], "own": []}

    def judge(name: str, learnt: Any) -> Score:
        seen[name].append(weights(learnt))
        return Score({"epoch": float(len(seen[name]))}, 1)

    one_step = changed(epochs=3, batch=100)
    learnt, _ = train(
        tmp_path / "ema", changed(epochs=3, batch=100, ema=0.75), validate=partial(judge, "ema")
    )
    train(tmp_path / "own", one_step, validate=partial(judge, "own"))
    average = seen["own"][0][0]
    for own, averaged in zip(seen["own"], seen["ema"], strict=True):
        average = 0.75 * average + 0.25 * own[0]
        np.testing.assert_allclose(averaged[0], average, atol=1e-6)
    for kept, last in zip(weights(learnt), seen["ema"][-1], strict=True):
        np.testing.assert_array_equal(kept, last)


def test_with_a_moving_average_learning_goes_on_from_its_own_weights(tmp_path: Path) -> None:
    """The losses are those of the weights that learn, so an average beside them changes none."""
    _, averaged = train(tmp_path / "ema", changed(ema=0.9))
    _, plain = train(tmp_path / "plain")
    for row, other in zip(averaged.rows, plain.rows, strict=True):
        assert row.loss == pytest.approx(other.loss, rel=1e-6)
    assert averaged.rows[-1].score != plain.rows[-1].score


def test_the_normalisation_of_averaged_weights_is_measured_anew(tmp_path: Path) -> None:
    learnt, history = train(tmp_path, changed(ema=0.99, learning_rate=0.1, epochs=2))
    pictures = data(1, np.random.default_rng((5, history.best_epoch - 1))).inputs["image"]
    part = keras.Model(learnt.inputs[0], learnt.get_layer("features").output)
    mean = np.asarray(part(pictures.astype(np.float32))).mean(axis=(0, 1, 2))
    kept = np.asarray(learnt.get_layer("norm").moving_mean)
    np.testing.assert_allclose(kept, mean, atol=0.02)


def test_what_does_not_fit_the_network_is_said(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="no output score, did you mean scores"):
        train(tmp_path, losses={"score": CrossEntropy()})
    with pytest.raises(TrainingError, match="nothing to learn"):
        train(tmp_path, losses={})
    with pytest.raises(TrainingError, match="no target embedding"):
        train(tmp_path, losses={"embedding": MeanSquaredError()})
    with pytest.raises(TrainingError, match="no figure"):
        train(tmp_path / "2", validate=lambda _: Score({}, 1))
