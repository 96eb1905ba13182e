"""States: which outputs of a recurrent model are inputs of its next run, by names, graph and shapes."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable
from itertools import combinations, islice, permutations
from typing import NamedTuple, TypeAlias

from edge_vision.adapters.layout import SMALLEST_MAP
from edge_vision.adapters.stems import (
    is_called_state,
    path_stem,
    stem,
    stem_without_numbers,
    stem_without_state,
)
from edge_vision.contracts.file_facts import FileFacts
from edge_vision.contracts.model import ModelBundle, StatePair
from edge_vision.contracts.tensors import TensorSpec
from edge_vision.data.errors import ModelError, suggestion

Pair: TypeAlias = tuple[TensorSpec, TensorSpec]
"""An input, and the output that may be its value in the next run."""

_ANSWERS = frozenset(("TFLite_Detection_PostProcess", "SOFTMAX", "ARG_MAX", "ARG_MIN"))
"""Operators that end an answer and no state."""

_MOST_WAYS = 2
"""So many ways to declare a state are shown."""


class ProposedState(NamedTuple):
    """What a model's state seems to be, and what is doubtful about it, a sentence each."""

    pairs: tuple[StatePair, ...] = ()
    doubts: tuple[str, ...] = ()


def proposed_state(bundle: ModelBundle) -> ProposedState:
    """The state that names, graph and shapes suggest; empty for a model without one.

    Variables inside the graph are carried where one run takes one step of a sequence. An input that is
    no image is paired with an output of its shape and type: by their names (h_in, h_out; init_lstm_c,
    lstm_c), else with the output that the graph computes from it most directly, else where only one
    output comes into question. One input and one output always remain, and an image is only a state
    where it is called so.

    Raises ModelError, which says what to write, where as many outputs as inputs are alike and nothing
    tells which belong together: carried crosswise, they would give wrong answers that look right.
    """
    inputs, outputs = _candidate_inputs(bundle), _candidate_outputs(bundle)
    named: list[Pair] = []
    for called_by in (path_stem, stem, stem_without_numbers, stem_without_state):
        named += _by_names(bundle, _left(inputs, named), _left(outputs, named, 1), called_by)
    told = list(named)
    told += _by_distance(bundle.facts, _left(inputs, told), _left(outputs, told, 1))
    for kind in (_stored_alike, _shaped_alike):
        told += _by_shape(kind, _left(inputs, told), _left(outputs, told, 1))
    groups = _alike(_left(inputs, told), _left(outputs, told, 1))
    undecided = [(taken, given) for taken, given in groups if len(taken) == len(given)]
    in_order = [pair for group in undecided for pair in zip(*group, strict=True)]
    doubts = tuple(_cannot_tell(*group) for group in groups)
    pairs = told
    if not _leaves_something(bundle, [*told, *in_order]):  # what only looks alike is something else then
        pairs, doubts = (named if _leaves_something(bundle, named) else []), ()
    elif undecided:
        raise ModelError(f"{bundle.name}: {_cannot_tell(*undecided[0])}")
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
    return is_called_state(image.name) or min(image.size) < SMALLEST_MAP


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
    called_by: Callable[[str], str],
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
        return {called_by(name) for name in names} - {""}

    return _unique(
        [
            (taken, given)
            for taken in inputs
            for given in outputs
            if (taken.shape, taken.dtype) == (given.shape, given.dtype)
            and not stems(taken, callers_inputs).isdisjoint(stems(given, callers_outputs))
        ]
    )


def _by_distance(facts: FileFacts, inputs: list[TensorSpec], outputs: list[TensorSpec]) -> list[Pair]:
    """Pairs of each input with the output that the graph computes from it most directly.

    The new cell of an LSTM is its old one times a gate, plus something, and the new hidden state lies
    behind the new cell; the new state of a GRU is the old one times a gate, plus something; the second
    of two layers lies behind the first. So the nearest are paired, then the nearest of the rest, until
    two are equally near.
    """
    return [pair for group in _alike(inputs, outputs) for pair in _nearest(facts, *group)]


def _nearest(facts: FileFacts, inputs: list[TensorSpec], outputs: list[TensorSpec]) -> list[Pair]:
    """The pairs of what is alike; of outputs that hold the same values the last one is taken."""
    origins = {facts.copies.get(spec.name, spec.name): spec for spec in outputs}
    left = [
        (distance, (taken, given))
        for taken in inputs
        for given in origins.values()
        if (distance := facts.distances.get(taken.name, {}).get(given.name))
    ]
    found: list[Pair] = []
    while left:
        smallest = min(distance for distance, _ in left)
        near = _unique([pair for distance, pair in left if distance == smallest])
        if not near:
            break
        found += near
        taken_ones, given_ones = zip(*near, strict=True)
        left = [
            (distance, (taken, given))
            for distance, (taken, given) in left
            if taken not in taken_ones and given not in given_ones
        ]
    return found


def _by_shape(
    kind: Callable[[TensorSpec], tuple[object, ...]],
    inputs: list[TensorSpec],
    outputs: list[TensorSpec],
) -> list[Pair]:
    """Pairs of a kind that only one way of pairing allows; a single number may be anything."""
    return _unique(
        [
            (taken, given)
            for taken in inputs
            for given in outputs
            if kind(taken) == kind(given) and math.prod(taken.shape) > 1
        ]
    )


def _alike(
    inputs: list[TensorSpec], outputs: list[TensorSpec]
) -> list[tuple[list[TensorSpec], list[TensorSpec]]]:
    """The inputs and outputs of one shape and type, for each that both have; single numbers left out."""
    kinds = dict.fromkeys(_shaped_alike(spec) for spec in inputs if math.prod(spec.shape) > 1)
    groups = (
        (
            [s for s in inputs if _shaped_alike(s) == kind],
            [s for s in outputs if _shaped_alike(s) == kind],
        )
        for kind in kinds
    )
    return [(taken, given) for taken, given in groups if given]


def _cannot_tell(inputs: list[TensorSpec], outputs: list[TensorSpec]) -> str:
    """That a state cannot be told, with the lines of a bundle.toml that would tell it."""
    count = min(len(inputs), len(outputs))
    ways = [
        "state = ["
        + ", ".join(
            f'{{ input = "{taken.name}", output = "{given.name}" }}'
            for taken, given in zip(some_inputs, some_outputs, strict=True)
        )
        + "]"
        for some_inputs in combinations(inputs, count)
        for some_outputs in islice(permutations(outputs, count), _MOST_WAYS + 1)
    ]
    shown = " or ".join(ways[:_MOST_WAYS]) + (", ..." if len(ways) > _MOST_WAYS else "")
    return (
        f"cannot tell which of the outputs {_listed(outputs)} are the state that the inputs "
        f"{_listed(inputs)} take in the next run; write at the top of bundle.toml {shown}; "
        "or state = [] where none is"
    )


def _differing(pairs: list[Pair]) -> tuple[str, ...]:
    return tuple(
        f"the state {taken.name} is quantised otherwise than {given.name}: it loses a little in each run"
        for taken, given in pairs
        if taken.quantisation != given.quantisation
    )


def _stored_alike(spec: TensorSpec) -> tuple[object, ...]:
    return spec.shape, spec.dtype, spec.quantisation


def _shaped_alike(spec: TensorSpec) -> tuple[object, ...]:
    return spec.shape, spec.dtype


def _listed(specs: list[TensorSpec]) -> str:
    return ", ".join(spec.name for spec in specs)
