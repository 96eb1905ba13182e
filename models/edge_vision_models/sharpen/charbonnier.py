"""The loss of `sharpen`: absolute differences, rounded off where they are small."""

from __future__ import annotations

from typing import Any

from keras import ops

from edge_vision.training.fitting.losses import ExampleLoss


class Charbonnier(ExampleLoss):
    """Mean of sqrt(d^2 + epsilon^2) - epsilon: squares near 0, else absolute differences.

    Charbonnier and others, "Two deterministic half-quadratic regularization algorithms for computed
    imaging", 1994; for super-resolution Lai and others, "Deep Laplacian pyramid networks", 2017.

    truth, values  (n, ...) of one shape, 0 to 1
    """

    def __init__(self, epsilon: float = 0.001, name: str = "charbonnier") -> None:
        super().__init__(name=name)
        self.epsilon = epsilon

    def call(self, truth: Any, values: Any) -> Any:
        """The loss of each example, (n,)."""
        squares = ops.square(values - truth) + self.epsilon**2
        axes = tuple(range(1, len(values.shape)))
        return ops.mean(ops.sqrt(squares), axis=axes) - self.epsilon
