"""Settings of a training: how long, how fast, when to stop."""

from __future__ import annotations

from typing import Literal

from edge_vision.contracts.options import Options, option


class FitSettings(Options):
    """How a network is trained; the same settings, data and seed give the same network."""

    epochs: int = option(30, "So many times the training examples are gone through.", ge=1)
    batch: int = option(32, "Examples a step; with several workers, of all of them together.", ge=1)
    learning_rate: float = option(1e-3, "The highest learning rate, reached after the warm-up.", gt=0.0)
    weight_decay: float = option(
        0.01, "Decay of the weights, as a share of the learning rate; biases keep theirs.", ge=0.0
    )
    warm_up: float = option(
        0.05, "Share of all steps in which the learning rate rises from nothing.", ge=0.0, le=1.0
    )
    final_rate: float = option(
        0.01, "Share of the learning rate that is left at the last step.", ge=0.0, le=1.0
    )
    optimiser: Literal["adamw", "sgd"] = option("adamw", "AdamW, or SGD with Nesterov momentum 0.9.")
    patience: int = option(0, "Epochs without a better score after which it stops; 0: never.", ge=0)
    every: int = option(1, "Each so many epochs, and after the last, the network is validated.", ge=1)
    seed: int = option(1, "What all random choices start from.", ge=0)
    ema: float = option(
        0.0,
        "Momentum of a moving average of the weights, which then is what is validated and kept, "
        "such as 0.99; 0: none.",
        ge=0.0,
        lt=1.0,
    )
    clip: float = option(1.0, "Largest norm of all gradients together; 0: any.", ge=0.0)
