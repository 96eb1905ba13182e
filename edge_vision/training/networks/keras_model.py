"""A Keras network as a model: run, read and judged as a .tflite file is, before it is one."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
from keras import ops
from keras.config import backend
from numpy.typing import NDArray

from edge_vision.adapters.catalogue import describe
from edge_vision.contracts.file_facts import FileFacts, Producer
from edge_vision.contracts.model import Fit, ModelBundle, StatePair, Wishes
from edge_vision.contracts.tensors import TensorSpec
from edge_vision.data.errors import ModelError, TrainingError, suggestion
from edge_vision.training.export.states import state_pairs
from edge_vision.training.fitting.learner import arranged

IMAGE = "image"
"""The name, and the meaning, of the input that takes a picture."""

# JAX moves weights out of a network while it runs and back in afterwards, and networks share weights.
_TURN: AbstractContextManager[Any] = nullcontext() if backend() == "tensorflow" else Lock()

_PRODUCERS = {"softmax": "SOFTMAX", "sigmoid": "LOGISTIC", "tanh": "TANH"}
_LAYERS_WITH_WEIGHTS = {"Dense": "FULLY_CONNECTED", "Conv2D": "CONV_2D"}


@dataclass(frozen=True, slots=True)
class Purpose:
    """What a network is for, as its bundle.toml would say.

    name      what it is called
    labels    names of the classes
    task      one of contracts.model.TASKS; empty to tell it from the outputs
    layout    how its outputs are arranged; empty to tell it
    meanings  what outputs mean where that cannot be told, by name
    decoding  what the layout's adapter is told
    fit       how a view is made to fit its picture; None for what is usual
    """

    name: str = "network"
    labels: tuple[str, ...] = ()
    task: str = ""
    layout: str = ""
    meanings: Mapping[str, str] = field(default_factory=dict)
    decoding: Mapping[str, Any] = field(default_factory=dict)
    fit: Fit | None = None


class KerasModel:
    """A device graph of Keras, opened: the contract of a Model, kept by a network.

    The network takes a batch of 1 through named inputs and gives a dict of outputs. "image" takes a
    picture's bytes; "state_<name>" takes what "next_<name>" gave. It is compiled once; weights that
    change afterwards count from the next call. Calls may come from several threads at once;
    on TensorFlow they run at once too.
    """

    def __init__(self, network: Any, purpose: Purpose | None = None) -> None:
        """Compile a network; raises ModelError where it is no device graph."""
        chosen = purpose or Purpose()
        if not isinstance(network.output, dict):
            raise ModelError(f"{chosen.name}: its outputs have no names; give them as a dict")
        self._network = network
        self._outputs = tuple(network.output)
        self._kinds = {tensor.name: str(tensor.dtype) for tensor in network.inputs}
        self._bundle = describe(_bundle(network, chosen))
        self._closed = False
        # Compiled by a first run here, so that threads do not all begin with it.
        self({spec.name: spec.zeros for spec in self._bundle.inputs})

    @property
    def bundle(self) -> ModelBundle:
        """What is known about it; it has no file yet, and is told by its name."""
        return self._bundle

    def __call__(self, inputs: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        """Run it once: arrays by input name in, arrays of one's own by output name out."""
        self._check(inputs)
        arrays = {name: np.asarray(inputs[name], kind) for name, kind in self._kinds.items()}
        with _TURN:
            given = self._network.predict_on_batch(arranged(self._network, arrays))
        return {name: np.array(ops.convert_to_numpy(given[name])) for name in self._outputs}

    def close(self) -> None:
        """Let no further call through; the network stays its owner's."""
        self._closed = True

    def _check(self, inputs: Mapping[str, NDArray[Any]]) -> None:
        name = self._bundle.name
        if self._closed:
            raise ModelError(f"{name}: is closed")
        for given in inputs:
            if given not in self._kinds:
                raise ModelError(f"{name}: has no input {given}{suggestion(given, self._kinds)}")
        for spec in self._bundle.inputs:
            array = inputs.get(spec.name)
            if array is None:
                raise ModelError(f"{name}: the input {spec.name} is missing")
            if array.shape != spec.shape or array.dtype != np.dtype(spec.dtype):
                raise ModelError(
                    f"{name}: the input {spec.name} is {spec.shape} {spec.dtype}, "
                    f"not {array.shape} {array.dtype}"
                )


def _bundle(network: Any, purpose: Purpose) -> ModelBundle:
    """What a bundle.toml and a runtime would tell of a network."""
    inputs = tuple(_input(tensor, purpose.name) for tensor in network.inputs)
    outputs = tuple(
        TensorSpec(name, tuple(tensor.shape), str(tensor.dtype), meaning=purpose.meanings.get(name, ""))
        for name, tensor in network.output.items()
    )
    for spec in outputs:
        if not all(spec.shape):
            raise ModelError(
                f"{purpose.name}: the output {spec} has no fixed shape; fix the inputs' sizes"
            )
    unknown = [name for name in purpose.meanings if name not in network.output]
    if unknown:
        hint = suggestion(unknown[0], network.output)
        raise ModelError(f"{purpose.name}: has no output {unknown[0]}{hint}")
    try:
        pairs = state_pairs([spec.name for spec in inputs], network.output)
    except TrainingError as error:
        raise ModelError(f"{purpose.name}: {error}") from None
    return ModelBundle(
        purpose.name,
        Path(f"{purpose.name}.keras"),
        purpose.labels,
        purpose.task,
        inputs,
        outputs,
        purpose.layout,
        Wishes(fit=purpose.fit),
        decoding=purpose.decoding,
        state=tuple(StatePair(*names) for names in pairs),
        facts=FileFacts(
            producers={name: Producer(_producer(tensor)) for name, tensor in network.output.items()}
        ),
        declared=bool(purpose.task or purpose.layout or purpose.meanings),
    )


def _input(tensor: Any, model: str) -> TensorSpec:
    """An input; that of a picture takes bytes, whatever the network begins with."""
    shape = tuple(tensor.shape)
    spec = TensorSpec(tensor.name, shape, str(tensor.dtype))
    if not all(shape) or shape[0] != 1:
        raise ModelError(f"{model}: the input {spec} has not a batch of 1 and a fixed size")
    return replace(spec, dtype="uint8", meaning=IMAGE) if tensor.name == IMAGE else spec


def _producer(tensor: Any) -> str:
    """TFLite's name of the operator that an output will come from; empty where that is not plain.

    It tells whether scores still need a softmax, as it does in a converted model.
    """
    operation = tensor._keras_history.operation
    kind = type(operation).__name__
    activation = getattr(operation, "activation", None)
    called = getattr(activation, "__name__", "") if activation is not None else kind.lower()
    if called in _PRODUCERS:
        return _PRODUCERS[called]
    return _LAYERS_WITH_WEIGHTS.get(kind, "") if called in ("", "linear") else ""
