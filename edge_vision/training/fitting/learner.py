"""A learner: a network together with what it is to learn."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import keras
from keras import ops

from edge_vision.data.errors import TrainingError, suggestion


@dataclass(frozen=True, slots=True)
class Goal:
    """Something a network is to learn.

    loss    a loss of the truth and an output
    weight  how much it counts beside other goals
    output  the network's output; left out, of the goal's own name
    target  the name of the truth among an epoch's targets; left out, of the goal's own name
    """

    loss: Any
    weight: float = 1.0
    output: str = ""
    target: str = ""


class Learner(keras.Model):  # type: ignore[misc] # keras has no types
    """A network in training: Keras' own step, with losses by name.

    The network itself stays as it is: it is not compiled, and its outputs need not all have a loss.
    Truth is given as {"targets": {name: ...}, "weights": {name: (n,) of each example}}, weights if any.

    replicas  copies of the network that learn as one, over which Keras divides each loss
    """

    def __init__(self, network: Any, goals: Mapping[str, Any], replicas: int = 1) -> None:
        super().__init__(name="learner")
        self.network = network
        self.goals = complete(network, goals)
        self.means = [keras.metrics.Mean(name=name) for name in self.goals]
        self.replicas = replicas
        self.built = True

    def call(self, inputs: Any, training: bool = False) -> Any:
        """What the network says, by output name."""
        return self.network(arranged(self.network, inputs), training=training)

    def compute_loss(
        self,
        x: Any = None,
        y: Any = None,
        y_pred: Any = None,
        sample_weight: Any = None,
        training: bool = True,
    ) -> Any:
        """The weighted sum of all losses, and of what the network's layers add of their own."""
        weights = y.get("weights", {})
        total = sum(self.losses) / self.replicas if self.losses else 0.0
        for mean, goal in zip(self.means, self.goals.values(), strict=True):
            truth = y["targets"][goal.target]
            value = goal.loss(truth, y_pred[goal.output], weights.get(goal.target))
            if training:
                mean.update_state(value * self.replicas, sample_weight=ops.shape(truth)[0])
            total = total + goal.weight * value
        return total


def complete(network: Any, goals: Mapping[str, Any]) -> dict[str, Goal]:
    """Goals with all names filled in; a bare loss is a goal of weight 1.

    Raises TrainingError where the network has no such output.
    """
    outputs = network.output
    if not isinstance(outputs, dict):
        raise TrainingError("the network's outputs have no names; build it with a dict of outputs")
    if not goals:
        raise TrainingError("there is nothing to learn: no loss is given")
    found = {}
    for name, given in goals.items():
        goal = given if isinstance(given, Goal) else Goal(given)
        goal = Goal(goal.loss, goal.weight, goal.output or name, goal.target or name)
        if goal.output not in outputs:
            raise TrainingError(
                f"loss {name}: the network has no output {goal.output}{suggestion(goal.output, outputs)}"
            )
        if name == "loss":
            raise TrainingError('a loss cannot be called "loss", which is the sum of all')
        found[name] = goal
    return found


def arranged(network: Any, inputs: Mapping[str, Any]) -> Any:
    """Inputs by name in the form in which the network was built: a dict, a list or a single tensor."""
    wanted = network.input
    if isinstance(wanted, dict):
        return {name: inputs[name] for name in wanted}
    if isinstance(wanted, list | tuple):
        return [inputs[tensor.name] for tensor in wanted]
    return inputs[wanted.name]


def input_names(network: Any) -> tuple[str, ...]:
    """The names of a network's inputs."""
    if isinstance(network.input, dict):
        return tuple(network.input)
    return tuple(tensor.name for tensor in network.inputs)
