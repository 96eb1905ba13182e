"""A trained network as a device runs it: one picture at a time, with finished answers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import keras
from keras import layers

from edge_vision.data.errors import TrainingError, suggestion
from edge_vision.training.fitting.learner import arranged
from edge_vision.training.networks.keras_model import IMAGE

Ending = Literal["softmax", "sigmoid", "none"]
"""What turns an output's logits into answers."""


def for_device(
    network: Any, size: tuple[int, int] | None = None, endings: Mapping[str, Ending] | None = None
) -> Any:
    """A network over the same weights with a batch of 1, fixed sizes and finished answers.

    network  takes "image" (n, height, width, channels) of 0 to 255, and gives a dict of outputs
    size     (width, height) of the picture; None where the network has one
    endings  what each output ends in, by name; those left out are left out of the graph too. None for
             the outputs as they are

    Raises TrainingError where no size is known, or an output is not there.
    """
    for name in endings or ():
        if name not in network.output:
            raise TrainingError(f"the network has no output {name}{suggestion(name, network.output)}")
    height, width, channels = _entrance(network).shape[1:]
    width, height = size or (width, height)
    if not width or not height:
        raise TrainingError("the network takes pictures of any size; say of which the device's are")
    image = keras.Input(batch_shape=(1, height, width, channels), name=IMAGE)
    given = network(arranged(network, {IMAGE: image}))
    chosen: Mapping[str, Ending] = endings or dict.fromkeys(given, "none")
    return keras.Model(
        {IMAGE: image}, {name: _ended(given[name], name, chosen[name]) for name in chosen}
    )


def _entrance(network: Any) -> Any:
    if len(network.inputs) != 1 or network.inputs[0].name != IMAGE:
        names = ", ".join(tensor.name for tensor in network.inputs)
        raise TrainingError(
            f'a device graph is made of a network that takes "{IMAGE}" only, not {names}'
        )
    return network.inputs[0]


def _ended(tensor: Any, name: str, ending: Ending) -> Any:
    if ending == "softmax":
        return layers.Softmax(name=f"{name}_softmax")(tensor)
    return (
        layers.Activation("sigmoid", name=f"{name}_sigmoid")(tensor) if ending == "sigmoid" else tensor
    )
