"""Losses over scores: cross-entropy, focal, squared error, and what a teacher would have answered.

All take logits where they take scores, and give one figure an example, (n,) float32. Within an example,
such as a sequence or a map, the figure is the mean over the places of which the truth is told: each
example counts alike, whatever else is in its batch, on one machine or on several.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import ops
from numpy.typing import ArrayLike, NDArray

IGNORED = -1
"""The label of what is not told."""


class ExampleLoss(keras.losses.Loss):  # type: ignore[misc] # keras has no types
    """The base of losses: one figure for each example of a batch, then their mean."""

    def call(self, truth: Any, said: Any) -> Any:
        """The figures, (n,), from the truth and what a network said."""
        raise NotImplementedError


class CrossEntropy(ExampleLoss):
    """Cross-entropy between the truth and the softmax of logits.

    Label smoothing: Szegedy and others, "Rethinking the Inception architecture", 2016.

    truth   (n, ...) whole numbers, `ignored` where it is not told; or (n, ..., classes) shares of each
            class that sum to 1, as mixed examples have, all below 0 where it is not told
    logits  (n, ..., classes)

    label_smoothing  share of each truth that is spread over all classes
    class_weights    (classes,) how much an example of each class counts; see `balance`
    """

    def __init__(
        self,
        label_smoothing: float = 0.0,
        class_weights: ArrayLike | None = None,
        ignored: int = IGNORED,
        name: str = "cross_entropy",
    ) -> None:
        super().__init__(name=name)
        self.label_smoothing = label_smoothing
        self.class_weights = None if class_weights is None else np.asarray(class_weights, np.float32)
        self.ignored = ignored

    def call(self, truth: Any, logits: Any) -> Any:
        """The loss of each example, (n,)."""
        classes = logits.shape[-1]
        shares, told = _shares(truth, logits, self.ignored)
        weight = told
        if self.class_weights is not None:
            weight = weight * ops.sum(shares * ops.convert_to_tensor(self.class_weights), axis=-1)
        smooth = shares * (1.0 - self.label_smoothing) + self.label_smoothing / classes
        losses = -ops.sum(smooth * ops.log_softmax(logits, axis=-1), axis=-1)
        return _mean_of_each(losses * weight, told)


class Focal(ExampleLoss):
    """Cross-entropy of yes or no for each class, in which what is easy counts little.

    Lin and others, "Focal loss for dense object detection", 2017: -a (1 - p)^gamma log p, where p is the
    probability that is given to the truth, summed and divided by the number of things that are there.

    truth   (n, ...) whole numbers, `ignored` where it is not told; or (n, ..., classes) 0 to 1, below 0
            where it is not told
    logits  (n, ..., classes); their sigmoid is the probability

    gamma  0 is plain cross-entropy; more looks harder at what is wrong
    alpha  weight of yes against 1 - alpha for no; None weighs both alike, with 1
    """

    def __init__(
        self,
        gamma: float = 2.0,
        alpha: float | None = 0.25,
        ignored: int = IGNORED,
        name: str = "focal",
    ) -> None:
        super().__init__(name=name)
        self.gamma = gamma
        self.alpha = alpha
        self.ignored = ignored

    def call(self, truth: Any, logits: Any) -> Any:
        """The loss of each example, (n,)."""
        shares, told = _shares(truth, logits, self.ignored)
        yes_weight, no_weight = (1.0, 1.0) if self.alpha is None else (self.alpha, 1.0 - self.alpha)
        log_yes, log_no = ops.log_sigmoid(logits), ops.log_sigmoid(-logits)
        # (1 - p)^gamma as exp(gamma log(1 - p)): finite, and with finite gradients, at any logit.
        yes = -yes_weight * ops.exp(self.gamma * log_no) * log_yes
        no = -no_weight * ops.exp(self.gamma * log_yes) * log_no
        losses = (shares * yes + (1.0 - shares) * no) * ops.expand_dims(told, -1)
        there = ops.sum(_by_example(shares * ops.expand_dims(told, -1)), axis=1)
        return ops.sum(_by_example(losses), axis=1) / ops.maximum(there, 1.0)


class CentreFocal(ExampleLoss):
    """Focal loss for maps of middles, in which cells near a middle are hardly wrong.

    Law and Deng, "CornerNet: Detecting objects as paired keypoints", 2018, 3.2: at a middle
    -(1 - p)^2 log p, elsewhere -(1 - t)^4 p^2 log(1 - p), summed and divided by the number of middles.

    truth   (n, height, width, classes) 1 at middles, 0 to 1 around them; below 0 where it is not told
    logits  (n, height, width, classes)
    """

    def __init__(self, name: str = "centre_focal") -> None:
        super().__init__(name=name)

    def call(self, truth: Any, logits: Any) -> Any:
        """The loss of each example, (n,)."""
        told = ops.cast(truth >= 0, logits.dtype)
        middle = ops.cast(truth >= 1.0, logits.dtype)
        log_yes, log_no = ops.log_sigmoid(logits), ops.log_sigmoid(-logits)
        yes = -middle * ops.exp(2.0 * log_no) * log_yes
        away = ops.power(ops.clip(1.0 - truth, 0.0, 1.0), 4.0)
        no = -(1.0 - middle) * away * ops.exp(2.0 * log_yes) * log_no
        found = ops.maximum(ops.sum(_by_example(middle), axis=1), 1.0)
        return ops.sum(_by_example((yes + no) * told), axis=1) / found


class MeanSquaredError(ExampleLoss):
    """Mean of the squared differences; what is not a number in the truth is not told.

    truth, values  (n, ...) of one shape
    """

    def __init__(self, name: str = "mean_squared_error") -> None:
        super().__init__(name=name)

    def call(self, truth: Any, values: Any) -> Any:
        """The loss of each example, (n,)."""
        told = ops.logical_not(ops.isnan(truth))
        difference = values - ops.where(told, truth, ops.zeros_like(truth))
        counted = ops.cast(told, values.dtype)
        return _mean_of_each(ops.square(difference) * counted, counted)


class Distillation(ExampleLoss):
    """How far a network's answers are from its teacher's, both softened by a temperature.

    Hinton and others, "Distilling the knowledge in a neural network", 2015: the cross-entropy of the
    softened answers, here less the teacher's own entropy, so that 0 is reached, times the temperature
    squared, so that its gradients keep their size beside those of another loss.

    truth   (n, ..., classes) the teacher's probabilities, or its logits where `from_logits`
    logits  (n, ..., classes) the network's
    """

    def __init__(
        self, temperature: float = 4.0, from_logits: bool = False, name: str = "distillation"
    ) -> None:
        super().__init__(name=name)
        self.temperature = temperature
        self.from_logits = from_logits

    def call(self, truth: Any, logits: Any) -> Any:
        """The loss of each example, (n,)."""
        # The logarithm of probabilities is their logits but for a constant, which softmax forgets.
        given = truth if self.from_logits else ops.log(ops.maximum(truth, 1e-7))
        teacher = ops.log_softmax(given / self.temperature, axis=-1)
        student = ops.log_softmax(logits / self.temperature, axis=-1)
        losses = ops.sum(ops.exp(teacher) * (teacher - student), axis=-1) * self.temperature**2
        return _mean_of_each(losses, ops.ones_like(losses))


def balance(counts: Sequence[int] | NDArray[Any], power: float = 1.0) -> NDArray[np.float32]:
    """Weights of classes, (classes,) float32, that even out how many examples each has.

    counts  (classes,) examples of each; a class without any gets no weight
    power   0 weighs all classes alike, 1 by the inverse of their share, so that all count the same in
            the end; 0.5 lies between. The mean over all examples is 1
    """
    number = np.asarray(counts, np.float64)
    return _evened(number, np.power(np.maximum(number, 1.0), -power))


def balance_effective(counts: Sequence[int] | NDArray[Any], beta: float = 0.999) -> NDArray[np.float32]:
    """Weights of classes by the effective number of their examples, (classes,) float32.

    Cui and others, "Class-balanced loss based on effective number of samples", 2019: (1 - beta) /
    (1 - beta^count). The mean over all examples is 1.

    beta  0 weighs all classes alike; towards 1 it becomes the inverse of their share
    """
    number = np.asarray(counts, np.float64)
    return _evened(number, (1.0 - beta) / (1.0 - np.power(beta, np.maximum(number, 1.0))))


def _evened(number: NDArray[np.float64], weight: NDArray[np.float64]) -> NDArray[np.float32]:
    """Weights scaled so that their mean over all examples is 1, none for classes without examples."""
    weight = np.where(number > 0, weight, 0.0)
    total = float((weight * number).sum())
    return np.asarray(weight * (number.sum() / total if total else 0.0), np.float32)


def _shares(truth: Any, logits: Any, ignored: int) -> tuple[Any, Any]:
    """The truth as shares (n, ..., classes), and where it is told, (n, ...) 0 or 1."""
    if len(truth.shape) == len(logits.shape):
        told = ops.cast(ops.all(truth >= 0, axis=-1), logits.dtype)
        return ops.maximum(truth, 0.0), told
    label = ops.cast(ops.round(truth), "int32")
    told = ops.not_equal(label, ignored)
    label = ops.where(told, label, ops.zeros_like(label))
    return ops.one_hot(label, logits.shape[-1], dtype=logits.dtype), ops.cast(told, logits.dtype)


def _by_example(values: Any) -> Any:
    """Values (n, ...) as (n, k)."""
    return ops.reshape(values, (ops.shape(values)[0], -1))


def _mean_of_each(values: Any, told: Any) -> Any:
    """Mean of each example's values, (n,), over the places that are told; 0 where none is.

    values, told  (n, ...); values are 0 where told is
    """
    if len(values.shape) == 1:
        return values
    count = ops.maximum(ops.sum(_by_example(told), axis=1), 1.0)
    return ops.sum(_by_example(values), axis=1) / count
