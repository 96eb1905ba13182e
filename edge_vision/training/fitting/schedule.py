"""The optimiser, and the learning rate it follows."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import keras
from keras import ops

from edge_vision.training.fitting.settings import FitSettings

Prepare = Callable[[Sequence[Any]], Sequence[Any]]
"""Gradients in, gradients out; None stands for one that is missing."""

NOT_DECAYED = r"(^|/)(bias|gamma|beta)(:\d+)?$"
"""A pattern of the variables that no decay pulls to zero: biases and normalisation.

Their names are seen as "bias", or on TensorFlow as "layer/bias:0".
"""


class WarmUpCosine(keras.optimizers.schedules.LearningRateSchedule):  # type: ignore[misc]
    """A learning rate that rises evenly and then falls like a cosine.

    Warm-up: Goyal and others, "Accurate, large minibatch SGD", 2017. Cosine: Loshchilov and Hutter,
    "SGDR", 2017, without restarts.

    peak     the highest rate, first reached at step `rising` (0 counts as the first)
    rising   steps of warm-up
    steps    of the whole training; beyond them the rate stays at `final_share` of the peak
    """

    def __init__(self, peak: float, rising: int, steps: int, final_share: float) -> None:
        super().__init__()
        self.peak = peak
        self.rising = rising
        self.steps = steps
        self.final_share = final_share

    def __call__(self, step: Any) -> Any:
        """The rate at a step."""
        now = ops.cast(step, "float32")
        rise = (now + 1.0) / (self.rising + 1.0)  # the first step already teaches something
        done = ops.clip((now - self.rising) / max(self.steps - self.rising, 1), 0.0, 1.0)
        fall = self.final_share + (1.0 - self.final_share) * 0.5 * (1.0 + ops.cos(math.pi * done))
        return self.peak * ops.where(now < self.rising, rise, fall)

    def get_config(self) -> dict[str, Any]:
        """What it was made from."""
        return {
            "peak": self.peak,
            "rising": self.rising,
            "steps": self.steps,
            "final_share": self.final_share,
        }


class _Fitting:
    """What is done otherwise than Keras' optimisers do.

    prepare  what is done to the gradients of a step before anything else; None for nothing
    """

    prepare: Prepare | None = None

    def apply(self, grads: Any, trainable_variables: Any = None) -> None:
        """Take a step down these gradients."""
        prepared = grads if self.prepare is None else self.prepare(grads)
        super().apply(prepared, trainable_variables)  # type: ignore[misc] # of the other base

    def finalize_variable_values(self, var_list: Any) -> None:
        """Nothing: Keras would put the moving average into the network after each fit()."""

    def put_average(self, variables: Any) -> None:
        """Put the moving average of the weights in their place."""
        super().finalize_variable_values(variables)  # type: ignore[misc] # of the other base


class AdamW(_Fitting, keras.optimizers.AdamW):  # type: ignore[misc] # keras has no types
    """AdamW: Loshchilov and Hutter, "Decoupled weight decay regularization", 2019."""


class SGD(_Fitting, keras.optimizers.SGD):  # type: ignore[misc] # keras has no types
    """Stochastic gradient descent with Nesterov's momentum and decoupled weight decay."""


def schedule(settings: FitSettings, steps: int) -> WarmUpCosine:
    """The learning rate over a training of so many steps."""
    rising = round(settings.warm_up * steps)
    return WarmUpCosine(settings.learning_rate, rising, steps, settings.final_rate)


def optimiser(settings: FitSettings, steps: int, prepare: Prepare | None = None) -> Any:
    """The optimiser for a training of so many steps; it is not built yet.

    prepare  clips the gradients, where that has to be done over several replicas
    """
    kind: Any = {"adamw": AdamW, "sgd": SGD}[settings.optimiser]
    own = {"momentum": 0.9, "nesterov": True} if settings.optimiser == "sgd" else {}
    averaged = {"use_ema": True, "ema_momentum": settings.ema} if settings.ema else {}
    made = kind(
        learning_rate=schedule(settings, steps),
        weight_decay=settings.weight_decay,
        global_clipnorm=None if prepare or not settings.clip else settings.clip,
        name="optimiser",
        **own,
        **averaged,
    )
    made.prepare = prepare
    made.exclude_from_weight_decay(var_names=[NOT_DECAYED])
    return made
