import re
import tomllib
from pathlib import Path

import pytest

from edge_vision.adapters.catalogue import describe
from edge_vision.adapters.states import proposed_state
from edge_vision.contracts.file_facts import FileFacts, Producer, Signature, TensorNote
from edge_vision.contracts.model import ModelBundle, StatePair
from edge_vision.contracts.tensors import Quantisation, TensorSpec
from edge_vision.data.errors import ModelError

IMAGE = TensorSpec("image", (1, 32, 32, 3), "uint8")
SCORES = TensorSpec("scores", (1, 5), "float32")


def spec(
    name: str,
    *shape: int,
    dtype: str = "float32",
    quantisation: tuple[float, int] | None = None,
    meaning: str = "",
) -> TensorSpec:
    stored = None if quantisation is None else Quantisation(*quantisation)
    return TensorSpec(name, shape or (1, 8), dtype, stored, meaning)


def bundle(
    inputs: list[TensorSpec],
    outputs: list[TensorSpec],
    facts: FileFacts | None = None,
    state: tuple[StatePair, ...] | None = None,
) -> ModelBundle:
    return ModelBundle(
        "m",
        Path("m.tflite"),
        inputs=tuple(inputs),
        outputs=tuple(outputs),
        facts=facts or FileFacts(),
        state=state,
    )


def pairs(
    inputs: list[TensorSpec], outputs: list[TensorSpec], facts: FileFacts | None = None
) -> dict[str, str]:
    """The inputs and outputs that are proposed without a doubt."""
    proposed = proposed_state(bundle(inputs, outputs, facts))
    assert proposed.doubts == ()
    return {pair.input: pair.output for pair in proposed.pairs}


# By name


@pytest.mark.parametrize(
    ("inputs", "outputs"),
    [
        (("ins/init_lstm_c", "ins/init_lstm_h"), ("outs/lstm_c", "outs/lstm_h")),
        (("h_in", "c_in"), ("h_out", "c_out")),
        (("state_h", "state_c"), ("next_state_h", "next_state_c")),
        (("prev_h", "prev_c"), ("h", "c")),
        (("initial_h:0", "initial_c:0"), ("Identity_h:0", "Identity_c:0")),
        (("serving_default_h:0", "serving_default_c:0"), ("h_new:1", "c_new:2")),
        (("h_tm1", "c_tm1"), ("h_t", "c_t")),
        (("past.0.key", "past.0.value"), ("present.0.key", "present.0.value")),
        (("hIn", "cIn"), ("hOut", "cOut")),
        (("r1i", "r2i"), ("r1o", "r2o")),
        (("state_0_in", "state_1_in"), ("state_0_out", "state_1_out")),
        (("lstm/state_in", "lstm_1/state_in"), ("lstm/state_out", "lstm_1/state_out")),
        (("h_state", "c_state"), ("new_h", "new_c")),
        (("encoder/h_3", "encoder/c_3"), ("decoder/h_7", "decoder/c_7")),
    ],
)  # fmt: skip
def test_states_of_one_shape_are_paired_by_their_names_in_any_order(
    inputs: tuple[str, str], outputs: tuple[str, str]
) -> None:
    expected = dict(zip(inputs, outputs, strict=True))
    taken = [spec(name) for name in inputs]
    given = [spec(name) for name in outputs]
    assert pairs([IMAGE, *taken], [SCORES, *given]) == expected
    assert pairs([*taken[::-1], IMAGE], [*given, SCORES]) == expected


def test_signatures_and_metadata_know_names_that_the_graph_lost() -> None:
    inputs = [IMAGE, spec("a:0"), spec("b:0")]
    outputs = [SCORES, spec("StatefulPartitionedCall:1"), spec("StatefulPartitionedCall:2")]
    expected = {"a:0": "StatefulPartitionedCall:2", "b:0": "StatefulPartitionedCall:1"}
    calls = Signature(
        "serving_default",
        {"image": "image", "h": "a:0", "c": "b:0"},
        {
            "scores": "scores",
            "c": "StatefulPartitionedCall:1",
            "h": "StatefulPartitionedCall:2",
        },
    )
    assert pairs(inputs, outputs, FileFacts(signatures=(calls,))) == expected
    notes = {
        "a:0": TensorNote("hidden h"),
        "b:0": TensorNote("hidden c"),
        "StatefulPartitionedCall:1": TensorNote("new c"),
        "StatefulPartitionedCall:2": TensorNote("new h"),
    }
    assert pairs(inputs, outputs, FileFacts(notes=notes)) == expected


def test_a_single_number_is_a_state_where_it_is_called_so() -> None:
    assert pairs([IMAGE, spec("steps_in", 1)], [SCORES, spec("steps_out", 1)]) == {
        "steps_in": "steps_out"
    }
    assert pairs([IMAGE, spec("min_score", 1)], [SCORES, spec("count", 1)]) == {}


def test_states_that_are_quantised_otherwise_are_paired_by_name_with_a_warning() -> None:
    taken = spec("h_in", dtype="int8", quantisation=(0.1, 0))
    given = spec("h_out", dtype="int8", quantisation=(0.2, 0))
    proposed = proposed_state(bundle([IMAGE, taken], [SCORES, given]))
    assert proposed.pairs == (StatePair("h_in", "h_out"),)
    assert "h_in is quantised otherwise than h_out" in proposed.doubts[0]


def test_an_only_state_that_is_quantised_otherwise_is_paired_with_a_warning() -> None:
    taken = spec("a", dtype="int8", quantisation=(0.1, 0))
    given = spec("Identity", dtype="int8", quantisation=(0.2, 0))
    proposed = proposed_state(bundle([IMAGE, taken], [SCORES, given]))
    assert proposed.pairs == (StatePair("a", "Identity"),)
    assert "a is quantised otherwise than Identity" in proposed.doubts[0]


def test_what_is_quantised_alike_goes_before_what_is_only_shaped_alike() -> None:
    stored = [spec(n, dtype="int8", quantisation=(s, 0)) for n, s in (("a", 0.1), ("b", 0.2))]
    given = [spec(n, dtype="int8", quantisation=(s, 0)) for n, s in (("x", 0.2), ("y", 0.1))]
    assert pairs([IMAGE, *stored], [SCORES, *given]) == {"a": "y", "b": "x"}


# By shape


def test_anonymous_states_are_paired_by_their_shapes() -> None:
    inputs = [IMAGE, spec("serving_default_x:0", 1, 64), spec("serving_default_y:0", 1, 16)]
    outputs = [spec(f"StatefulPartitionedCall:{i}", 1, n) for i, n in enumerate((16, 5, 64))]
    assert pairs(inputs, outputs) == {
        "serving_default_x:0": "StatefulPartitionedCall:2",
        "serving_default_y:0": "StatefulPartitionedCall:0",
    }


def test_anonymous_states_of_one_shape_are_refused_with_what_to_write() -> None:
    inputs = [IMAGE, spec("a"), spec("b")]
    outputs = [spec("Identity"), SCORES, spec("Identity_1")]
    with pytest.raises(ModelError) as error:
        describe(bundle(inputs, outputs))
    said = str(error.value)
    assert said.startswith("m: cannot tell which of the outputs Identity, Identity_1 are the state")
    straight, crosswise = re.findall(r"state = \[.+?\}\]", said)
    described = describe(bundle(inputs, outputs, state=table(crosswise)))
    assert described.state == (StatePair("a", "Identity_1"), StatePair("b", "Identity"))
    assert table(straight) == (StatePair("a", "Identity"), StatePair("b", "Identity_1"))
    assert describe(bundle(inputs, outputs, state=())).state == ()


def test_of_many_that_are_alike_two_ways_are_shown() -> None:
    names = [spec(f"a{i}") for i in range(6)], [spec(f"b:{i}") for i in range(6)]
    with pytest.raises(ModelError, match=r"state = .+ or state = .+, \.\.\.; or state = \[\]") as error:
        describe(bundle([IMAGE, *names[0]], [SCORES, *names[1]]))
    assert str(error.value).count("state = [{") == 2


def test_what_cannot_be_told_is_left_open_with_a_warning() -> None:
    proposed = proposed_state(bundle([IMAGE, spec("a")], [SCORES, spec("b"), spec("c")]))
    assert proposed.pairs == ()
    assert "cannot tell which of the outputs b, c are the state" in proposed.doubts[0]
    assert 'state = [{ input = "a", output = "c" }]' in proposed.doubts[0]


def table(line: str) -> tuple[StatePair, ...]:
    """The state that a line of a bundle.toml declares."""
    return tuple(StatePair(**row) for row in tomllib.loads(line)["state"])


# By the graph


def near(distances: dict[str, dict[str, int]], **copies: str) -> FileFacts:
    return FileFacts(distances=distances, copies=copies)


def test_anonymous_states_of_one_shape_are_paired_with_what_is_nearest_to_them() -> None:
    """Distances of a Keras LSTM: the new hidden state is nearer to the cell than to itself."""
    distances = {"c": {"o:1": 4, "o:2": 2, "o:0": 6}, "h": {"o:1": 6, "o:2": 7, "o:0": 8}}
    inputs, outputs = [spec("c"), spec("h"), IMAGE], [spec("o:0"), spec("o:1"), spec("o:2")]
    assert pairs(inputs, outputs, near(distances)) == {"c": "o:2", "h": "o:1"}
    assert pairs(inputs[::-1], outputs[::-1], near(distances)) == {"c": "o:2", "h": "o:1"}


def test_layers_are_paired_each_with_itself() -> None:
    distances = {"a": {"o:0": 10, "o:1": 2, "o:2": 8}, "b": {"o:0": 4, "o:2": 2}}
    inputs, outputs = [spec("b"), spec("a"), IMAGE], [spec("o:0"), spec("o:1"), spec("o:2")]
    assert pairs(inputs, outputs, near(distances)) == {"a": "o:1", "b": "o:2"}


def test_names_go_before_distances() -> None:
    distances = {"h_in": {"h_out": 9, "c_out": 1}, "c_in": {"h_out": 1, "c_out": 9}}
    inputs, outputs = [IMAGE, spec("h_in"), spec("c_in")], [SCORES, spec("c_out"), spec("h_out")]
    assert pairs(inputs, outputs, near(distances)) == {"h_in": "h_out", "c_in": "c_out"}


def test_equal_distances_do_not_tell() -> None:
    distances = {"a": {"x": 3, "y": 3}, "b": {"x": 3, "y": 3}}
    with pytest.raises(ModelError, match="cannot tell"):
        pairs([IMAGE, spec("a"), spec("b")], [SCORES, spec("x"), spec("y")], near(distances))


def test_of_outputs_with_the_same_values_the_last_is_the_state() -> None:
    distances = {"a": {"x": 5, "y": 5, "z": 7}, "b": {"x": 4, "y": 4, "z": 2}}
    inputs, outputs = [IMAGE, spec("a"), spec("b")], [spec("x"), spec("y"), spec("z")]
    assert pairs(inputs, outputs, near(distances, y="x")) == {"a": "y", "b": "z"}


@pytest.mark.parametrize(
    ("taken", "given"),
    [
        (spec("a", 1, 8), spec("b", 1, 9)),
        (spec("a", 1, 8), spec("b", 1, 8, dtype="int8")),
        (spec("h_in", 1, 8), spec("h_out", 1, 8, dtype="int8")),
    ],
)
def test_what_differs_is_no_pair(taken: TensorSpec, given: TensorSpec) -> None:
    assert pairs([IMAGE, taken], [SCORES, given]) == {}


# What is no state


@pytest.mark.parametrize(
    ("inputs", "outputs"),
    [
        ([IMAGE], [spec("picture", 1, 32, 32, 3, dtype="uint8")]),
        ([spec("x", 1, 8)], [spec("y", 1, 8)]),
        ([spec("x_in", 1, 8)], [spec("x_out", 1, 8)]),
        ([spec("rows", 1, 28, 28)], [spec("rows_out", 1, 28, 28)]),
        ([IMAGE, spec("style", 1, 32, 32, 3)], [spec("picture", 1, 32, 32, 3)]),
        ([IMAGE, spec("prior", 1, 5)], [SCORES]),
        ([spec("user"), spec("item")], [spec("a"), spec("b")]),
        ([IMAGE, spec("latent", 1, 100)], [spec("picture", 1, 32, 32, 3)]),
        ([], []),
    ],
)
def test_a_model_keeps_an_input_and_an_answer(
    inputs: list[TensorSpec], outputs: list[TensorSpec]
) -> None:
    assert pairs(inputs, outputs) == {}


def test_features_that_go_through_are_no_state_beside_one() -> None:
    inputs, outputs = [spec("features", 1, 64), spec("h_in")], [spec("embedding", 1, 64), spec("h_out")]
    assert pairs(inputs, outputs) == {"h_in": "h_out"}


@pytest.mark.parametrize("operator", ["SOFTMAX", "ARG_MAX", "TFLite_Detection_PostProcess"])
def test_an_output_that_ends_in_an_answer_is_no_state(operator: str) -> None:
    inputs, outputs = [IMAGE, spec("prior")], [spec("y"), spec("z", 1, 9)]
    assert pairs(inputs, outputs) == {"prior": "y"}
    assert pairs(inputs, outputs, FileFacts(producers={"y": Producer(operator)})) == {}


def test_an_output_declared_as_an_answer_is_no_state() -> None:
    inputs, answer = [IMAGE, spec("h")], spec("a", meaning="scores")
    assert pairs(inputs, [answer, spec("b")]) == {"h": "b"}


def test_an_image_is_a_state_only_where_it_is_called_so() -> None:
    before, after = spec("prev_mask", 1, 32, 32, 1), spec("mask", 1, 32, 32, 1)
    assert pairs([IMAGE, before], [SCORES, after]) == {"prev_mask": "mask"}
    other = spec("depth", 1, 32, 32, 1)
    assert pairs([IMAGE, other], [SCORES, spec("depth_out", 1, 32, 32, 1)]) == {}
    assert pairs([spec("a", 1, 1, 1, 64), IMAGE], [SCORES, spec("b", 1, 1, 1, 64)]) == {"a": "b"}


# Variables


def variables(steps: int) -> FileFacts:
    return FileFacts(variables=(spec("h"), spec("c")), time_steps=steps)


def test_variables_of_a_single_step_are_carried() -> None:
    carried = {"h": "h", "c": "c"}
    assert pairs([spec("rows", 1, 1, 28)], [SCORES], variables(1)) == carried
    inside = [spec("rows", 1, 1, 28), spec("h"), spec("c")]
    assert pairs(inside, [SCORES, spec("h"), spec("c")], variables(1)) == carried


@pytest.mark.parametrize("steps", [0, 28])
def test_variables_of_a_whole_sequence_or_of_nothing_known_are_not(steps: int) -> None:
    assert pairs([spec("rows", 1, 28, 28)], [SCORES], variables(steps)) == {}


# Declared


def declared(*state: StatePair, facts: FileFacts | None = None) -> ModelBundle:
    inputs = [IMAGE, spec("h_in"), spec("c_in", 1, 9)]
    outputs = [SCORES, spec("h_out"), spec("c_out", 1, 9)]
    return describe(bundle(inputs, outputs, facts, state))


def test_what_is_declared_goes_before_what_would_be_proposed() -> None:
    assert declared().state == ()
    assert declared(StatePair("h_in", "h_out")).state == (StatePair("h_in", "h_out"),)


def test_state_has_its_meaning_on_both_sides() -> None:
    described = declared(StatePair("h_in", "h_out"))
    assert [s.meaning for s in described.inputs] == ["image", "state", ""]
    assert [s.name for s in described.answers] == ["scores", "c_out"]


@pytest.mark.parametrize(
    ("pair", "said"),
    [
        (StatePair("h_inn", "h_out"), "the model has no input h_inn, did you mean h_in?"),
        (StatePair("h_in", "hout"), "the model has no output hout, did you mean h_out?"),
        (StatePair("h_out", "h_out"), "say which input the output h_out is for; it has image"),
        (StatePair("h_in", "c_out"), "pairs tensors of different shapes: h_in"),
        (StatePair("x", "x"), "the model has no output x; known: "),
    ],
)
def test_a_state_declared_wrong_is_an_error_that_says_what_would_be_right(
    pair: StatePair, said: str
) -> None:
    with pytest.raises(ModelError) as error:
        declared(pair)
    assert str(error.value).startswith(f"m: bundle.toml: [[state]]: {said}")


def test_an_input_has_one_state_only() -> None:
    with pytest.raises(ModelError, match="names the input h_in more than once"):
        declared(StatePair("h_in", "h_out"), StatePair("h_in", "h_out"))


def test_a_declared_variable_goes_by_one_name() -> None:
    pair = StatePair("cell", "cell")
    assert declared(pair, facts=FileFacts(variables=(spec("cell"),), time_steps=28)).state == (pair,)
