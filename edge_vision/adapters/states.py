"""States: which outputs of a recurrent model are inputs of its next run, by names and shapes."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable
from typing import NamedTuple, TypeAlias

from edge_vision.adapters.layout import SMALLEST_MAP
from edge_vision.contracts.model import ModelBundle, StatePair
from edge_vision.contracts.tensors import TensorSpec
from edge_vision.data.errors import ModelError, suggestion

Pair: TypeAlias = tuple[TensorSpec, TensorSpec]
"""An input, and the output that may be its value in the next run."""

_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_DIRECTION = re.compile(
    r"ins?|inputs?|i|outs?|outputs?|o|init|initial|start|prev|previous|last|past|old|"
    r"next|new|present|cur|current|updated|final|t|tm"
)
_FILLER = re.compile(r"serving|default|stateful|partitioned|call|identity|args?")
_STATE = re.compile(r"states?|hidden|memory|carry|cache")
_RECURRENT = re.compile(_STATE.pattern + r"|lstm|gru|rnn|init|initial|prev|previous|past")
_ANSWERS = frozenset(("TFLite_Detection_PostProcess", "SOFTMAX", "ARG_MAX", "ARG_MIN"))
"""Operators that end an answer and no state."""


class ProposedState(NamedTuple):
    """What a model's state seems to be, and what is doubtful about it, a sentence each."""

    pairs: tuple[StatePair, ...] = ()
    doubts: tuple[str, ...] = ()


def proposed_state(bundle: ModelBundle) -> ProposedState:
    """The state that names and shapes suggest; empty for a model without one.

    Variables inside the graph are carried where one run takes one step of a sequence. An input that is
    no image is paired with an output of its shape and type: by their names (h_in, h_out; init_lstm_c,
    lstm_c), else where only one output comes into question, else in their order, which is doubtful.
    One input and one output always remain, and an image is only a state where it is called so.
    """
    inputs, outputs = _candidate_inputs(bundle), _candidate_outputs(bundle)
    named: list[Pair] = []
    for stems in (_path_stem, _stem, _stem_without_numbers, _stem_without_state):
        named += _by_names(bundle, _left(inputs, named), _left(outputs, named, 1), stems)
    shaped = _by_shape(_left(inputs, named), _left(outputs, named, 1))
    told = [*named, *shaped]
    ordered, doubts = _by_order(_left(inputs, told), _left(outputs, told, 1))
    pairs = [*told, *ordered]
    if not _leaves_something(bundle, pairs):  # what only looks alike is something else then
        pairs, doubts = (named if _leaves_something(bundle, named) else []), ()
    pairs.sort(key=lambda pair: bundle.inputs.index(pair[0]))
    explicit = (StatePair(taken.name, given.name) for taken, given in pairs)
    return ProposedState((*explicit, *_variables(bundle)), (*_differing(pairs), *doubts))


def check_state(bundle: ModelBundle) -> None:
    """Raise ModelError where a declared state does not fit the model, and say what would."""
    variables = {spec.name: spec for spec in bundle.facts.variables}
    inputs = variables | {spec.name: spec for spec in bundle.inputs}
    outputs = variables | {spec.name: spec for spec in bundle.outputs}
    taken = Counter(pair.input for pair in bundle.state or ())
    for pair in bundle.state or ():
        where = f"{bundle.name}: bundle.toml: [[state]]"
        if pair.output not in outputs:
            hint = suggestion(pair.output, outputs)
            raise ModelError(f"{where}: the model has no output {pair.output}{hint}")
        if pair.input not in inputs and pair.input == pair.output:
            known = ", ".join(str(spec) for spec in bundle.inputs)
            raise ModelError(f"{where}: say which input the output {pair.output} is for; it has {known}")
        if pair.input not in inputs:
            hint = suggestion(pair.input, inputs)
            raise ModelError(f"{where}: the model has no input {pair.input}{hint}")
        if taken[pair.input] > 1:
            raise ModelError(f"{where}: names the input {pair.input} more than once")
        if inputs[pair.input].shape != outputs[pair.output].shape:
            raise ModelError(
                f"{where}: pairs tensors of different shapes: {inputs[pair.input]} "
                f"and {outputs[pair.output]}"
            )


def _variables(bundle: ModelBundle) -> tuple[StatePair, ...]:
    """The variables that are a state; in a run over a whole sequence they begin and end with it."""
    if bundle.facts.time_steps != 1:
        return ()
    return tuple(StatePair(spec.name, spec.name) for spec in bundle.facts.variables)


def _candidate_inputs(bundle: ModelBundle) -> list[TensorSpec]:
    """The inputs that may be a state."""
    variables = {spec.name for spec in bundle.facts.variables}
    free = [s for s in bundle.inputs if s.meaning in ("", "state") and s.name not in variables]
    images = [spec for spec in free if spec.is_image]
    states = [spec for spec in images if _looks_like_state(spec)]
    if len(images) < 2 or len(states) == len(images):
        states = []
    return [spec for spec in free if not spec.is_image or spec in states]


def _looks_like_state(image: TensorSpec) -> bool:
    """True for an image-shaped input that is too small for an image, or is called a state."""
    called = any(_RECURRENT.fullmatch(word.lower()) for word in _WORD.findall(image.name))
    return called or min(image.size) < SMALLEST_MAP


def _candidate_outputs(bundle: ModelBundle) -> list[TensorSpec]:
    """The outputs that may be a state."""
    variables = {spec.name for spec in bundle.facts.variables}
    return [
        spec
        for spec in bundle.outputs
        if spec.meaning in ("", "state")
        and spec.name not in variables
        and bundle.facts.producer(spec.name) not in _ANSWERS
    ]


def _left(specs: list[TensorSpec], pairs: list[Pair], side: int = 0) -> list[TensorSpec]:
    taken = [pair[side].name for pair in pairs]
    return [spec for spec in specs if spec.name not in taken]


def _leaves_something(bundle: ModelBundle, pairs: list[Pair]) -> bool:
    """True where an input and an output remain that are no state."""
    return len(pairs) < min(len(bundle.inputs), len(bundle.outputs))


def _unique(pairs: list[Pair]) -> list[Pair]:
    """Those whose input and output are in no other pair."""
    inputs = Counter(taken.name for taken, _ in pairs)
    outputs = Counter(given.name for _, given in pairs)
    return [(i, o) for i, o in pairs if inputs[i.name] == outputs[o.name] == 1]


def _by_names(
    bundle: ModelBundle,
    inputs: list[TensorSpec],
    outputs: list[TensorSpec],
    stem: Callable[[str], str],
) -> list[Pair]:
    """Pairs of one shape and type whose names have a stem in common that no other pair has.

    Names are those of the graph, of the signatures and of the metadata.
    """
    calls = bundle.facts.signatures
    callers_inputs = [item for call in calls for item in call.inputs.items()]
    callers_outputs = [item for call in calls for item in call.outputs.items()]

    def stems(spec: TensorSpec, called: list[tuple[str, str]]) -> set[str]:
        names = {spec.name, *(name for name, tensor in called if tensor == spec.name)}
        if spec.name in bundle.facts.notes:
            names.add(bundle.facts.notes[spec.name].name)
        return {stem(name) for name in names} - {""}

    return _unique(
        [
            (taken, given)
            for taken in inputs
            for given in outputs
            if (taken.shape, taken.dtype) == (given.shape, given.dtype)
            and not stems(taken, callers_inputs).isdisjoint(stems(given, callers_outputs))
        ]
    )


def _by_shape(inputs: list[TensorSpec], outputs: list[TensorSpec]) -> list[Pair]:
    """Pairs that only one way of pairing allows; a single number may be anything, such as a count."""
    return _unique(
        [
            (taken, given)
            for taken in inputs
            for given in outputs
            if _kind(taken) == _kind(given) and math.prod(taken.shape) > 1
        ]
    )


def _by_order(inputs: list[TensorSpec], outputs: list[TensorSpec]) -> tuple[list[Pair], tuple[str, ...]]:
    """Pairs of what is alike and as many on both sides, in their order; and what is doubtful."""
    pairs: list[Pair] = []
    doubts = []
    kinds = dict.fromkeys(_kind(spec) for spec in inputs if math.prod(spec.shape) > 1)
    for kind in kinds:
        taken = [spec for spec in inputs if _kind(spec) == kind]
        given = [spec for spec in outputs if _kind(spec) == kind]
        if not given:
            continue
        names = f"{_listed(given)} and {_listed(taken)}"
        if len(taken) == len(given):
            pairs += zip(taken, given, strict=True)
            doubts.append(
                f"the outputs and inputs {names} are alike: they are carried in this order; "
                "where that is wrong, write [[state]] in bundle.toml"
            )
        else:
            doubts.append(
                f"cannot tell which of the outputs and inputs {names} are a state; "
                "write [[state]] in bundle.toml"
            )
    return pairs, tuple(doubts)


def _differing(pairs: list[Pair]) -> tuple[str, ...]:
    return tuple(
        f"the state {taken.name} is quantised otherwise than {given.name}: it loses a little in each run"
        for taken, given in pairs
        if taken.quantisation != given.quantisation
    )


def _kind(spec: TensorSpec) -> tuple[object, ...]:
    return spec.shape, spec.dtype, spec.quantisation


def _listed(specs: list[TensorSpec]) -> str:
    return ", ".join(spec.name for spec in specs)


def _words(name: str) -> list[str]:
    """The words of a name that say what it is, in small letters, without the number of its output."""
    words = [word.lower() for word in _WORD.findall(re.sub(r":\d+$", "", name))]
    return [word for word in words if not _DIRECTION.fullmatch(word) and not _FILLER.fullmatch(word)]


def _joined(words: list[str]) -> str:
    """Words as one text; empty where they are numbers only."""
    return " ".join(words) if any(not word.isdigit() for word in words) else ""


def _path_stem(name: str) -> str:
    return _joined(_words(name))


def _stem(name: str) -> str:
    return _joined(_words(name.rsplit("/", 1)[-1]))


def _stem_without_numbers(name: str) -> str:
    return _joined([word for word in _words(name.rsplit("/", 1)[-1]) if not word.isdigit()])


def _stem_without_state(name: str) -> str:
    words = _stem_without_numbers(name).split()
    return _joined([word for word in words if not _STATE.fullmatch(word)])
