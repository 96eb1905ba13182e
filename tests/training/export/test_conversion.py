"""Converting a Keras graph: what is refused before, what is noticed after, and a child that crashes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("tensorflow")

import keras

from edge_vision.data.errors import TrainingError
from edge_vision.training.export import conversion, flatbuffer
from edge_vision.training.export.checks import check_content, state_quantisation
from edge_vision.training.export.conversion import convert
from edge_vision.training.export.device_graph import DeviceGraph
from edge_vision.training.export.states import recorded_steps, state_pairs

from .conftest import Made, Step


def dense(**outputs: Any) -> keras.Model:
    features = keras.Input((4,), name="features")
    return keras.Model(features, outputs or {"scores": keras.layers.Dense(3)(features)}, name="tiny")


def test_the_same_graph_gives_the_same_bytes_whatever_came_before(made: Made, tmp_path: Path) -> None:
    twin = keras.models.clone_model(made.step.graph)
    twin.set_weights(made.step.graph.get_weights())
    file = convert(twin, "float32", tmp_path / "new" / "model.tflite")
    assert file.read_bytes() == made.variants["float32"].file.read_bytes()
    assert [each.name for each in file.parent.iterdir()] == ["model.tflite"]


def test_weights_begin_where_the_schema_asks_for(made: Made) -> None:
    content = made.variants["float32"].file.read_bytes()
    classes = flatbuffer.schema()
    model = classes.Model.GetRootAs(content, 0)
    places = [
        model.Buffers(i)._tab.Vector(model.Buffers(i)._tab.Offset(4))
        for i in range(model.BuffersLength())
        if model.Buffers(i).DataLength()
    ]
    assert len(places) > 5
    assert all(place % 16 == 0 for place in places)


def test_two_states_of_an_lstm_keep_their_scales_in_int8(tmp_path: Path) -> None:
    keras.utils.set_random_seed(1)
    features = keras.Input((6,), name="features")
    states = [keras.Input((8,), name=f"state_{name}") for name in "hc"]
    answer, (hidden, cell) = keras.layers.LSTMCell(8)(features, states)
    scores = keras.layers.Dense(3, activation="softmax")(answer)
    graph = keras.Model([features, *states], {"scores": scores, "next_h": 1.0 * hidden, "next_c": cell})
    random = np.random.default_rng(2)
    sequences = [
        [{"features": random.normal(0, 2, (1, 6)).astype(np.float32)} for _ in range(20)]
        for _ in range(4)
    ]
    samples = recorded_steps(DeviceGraph(graph), sequences)
    file = convert(graph, "int8", tmp_path / "model.tflite", samples)
    model = flatbuffer.parsed(file.read_bytes())
    for pair in (("state_h", "next_h"), ("state_c", "next_c")):
        taken, given = state_quantisation(model, pair)
        assert taken is not None
        assert taken == given


def test_an_operator_that_only_tensorflow_has_is_named(tmp_path: Path) -> None:
    features = keras.Input((4,), name="features")
    graph = keras.Model(features, {"scores": keras.ops.erfinv(keras.layers.Dense(3)(features))})
    with pytest.raises(TrainingError, match=r"TFLite has no tf\.Erfinv; build the layer"):
        convert(graph, "float32", tmp_path / "model.tflite")
    assert not (tmp_path / "model.tflite").exists()


@pytest.mark.parametrize("wrapped", [False, True])
def test_a_loop_over_a_sequence_is_refused_and_the_layer_named(wrapped: bool) -> None:
    sequence = keras.Input((5, 4), name="features")
    looping: Any = keras.layers.GRU(3, name="memory")
    if wrapped:
        looping = keras.Sequential([keras.Input((5, 4)), looping])
    graph = keras.Model(sequence, {"scores": looping(sequence)})
    with pytest.raises(TrainingError, match=r"the layer memory \(GRU\) is a loop.*unroll=True"):
        DeviceGraph(graph)


def test_an_unrolled_layer_is_taken() -> None:
    sequence = keras.Input((5, 4), name="features")
    graph = keras.Model(sequence, {"scores": keras.layers.GRU(3, unroll=True)(sequence)})
    assert DeviceGraph(graph).shapes == {"features": (1, 5, 4)}


def test_outputs_without_names_are_refused() -> None:
    features = keras.Input((4,), name="features")
    with pytest.raises(TrainingError, match="its outputs have no names"):
        DeviceGraph(keras.Model(features, keras.layers.Dense(3)(features)))


def test_open_sides_are_refused() -> None:
    image = keras.Input((None, None, 3), name="image")
    graph = keras.Model(image, {"map": keras.layers.Conv2D(2, 1)(image)})
    with pytest.raises(TrainingError, match=r"the input image is \('\?', '\?', '\?', 3\)"):
        DeviceGraph(graph)


@pytest.mark.parametrize(
    ("sample", "said"),
    [
        ([np.zeros((1, 4), np.float32)], "by the names features, not list"),
        ({"x": np.zeros((1, 4), np.float32)}, "by the names features, not x"),
        ({"features": np.zeros(4, np.float32)}, r"features is \(1, 4\) float32, not \(4,\) float32"),
        ({"features": np.zeros((1, 4))}, r"features is \(1, 4\) float32, not \(1, 4\) float64"),
    ],
)
def test_representative_data_of_another_form_are_refused(sample: Any, said: str, tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match=said):
        convert(dense(), "int8", tmp_path / "model.tflite", [sample])


def test_int8_without_representative_data_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="int8 needs representative data"):
        convert(dense(), "int8", tmp_path / "model.tflite")


def test_an_unknown_form_is_answered_with_the_nearest(tmp_path: Path) -> None:
    form: Any = "float23"
    with pytest.raises(TrainingError, match="no form is called float23, did you mean float32"):
        convert(dense(), form, tmp_path / "model.tflite")


def child(folder: Path, lines: str) -> Path:
    file = folder / "child.py"
    file.write_text(f"import json, os, signal, sys\nprint('int8', flush=True)\n{lines}\n")
    return file


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ("os.kill(os.getpid(), signal.SIGSEGV)", r"the converter crashed at int8 \(SIGSEGV\)"),
        ("signal.pause()", "the conversion to int8 did not end within 0 seconds"),
        ("sys.exit('first\\nlast words')", "the conversion to int8 failed: last words"),
        (
            "print(json.dumps({'form': 'int8', 'problem': 'ValueError:\\n odd'}))",
            "cannot be converted to int8: ValueError: odd",
        ),
    ],
)
def test_what_goes_wrong_in_the_child_is_told_in_one_line(
    lines: str,
    said: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(conversion, "CHILD", child(tmp_path, lines))
    seconds = 0.3 if "pause" in lines else 60.0
    with pytest.raises(TrainingError, match=said) as caught:
        convert(dense(), "float32", tmp_path / "model.tflite", seconds=seconds)
    assert "\n" not in str(caught.value)
    assert capfd.readouterr().out == ""


def changed(made: Made, change: Callable[[Any], None]) -> bytes:
    model = flatbuffer.parsed(made.variants["float32"].file.read_bytes())
    change(model)
    return flatbuffer.packed(model)


def test_a_good_file_passes_the_check(made: Made) -> None:
    content = made.variants["float32"].file.read_bytes()
    check_content(content, "it", DeviceGraph(made.step.graph).weights)


def test_weights_that_were_left_behind_are_noticed(made: Made) -> None:
    def strip(model: Any) -> None:
        for each in model.buffers:
            each.data = None

    with pytest.raises(TrainingError, match=r"holds 0 numbers.*were not put into the file"):
        check_content(changed(made, strip), "it", DeviceGraph(made.step.graph).weights)


@pytest.mark.parametrize(
    ("name", "said"),
    [("READ_VARIABLE", r"weights were not put into the file \(READ_VARIABLE\)"), ("WHILE", "has WHILE")],
)
def test_variables_and_loops_in_a_file_are_noticed(made: Made, name: str, said: str) -> None:
    number = getattr(flatbuffer.schema().BuiltinOperator, name)

    def swap(model: Any) -> None:
        model.operatorCodes[0].builtinCode = number

    with pytest.raises(TrainingError, match=said):
        check_content(changed(made, swap), "it", 1)


def test_operators_that_the_runtime_lacks_are_noticed(made: Made) -> None:
    def flex(model: Any) -> None:
        model.operatorCodes[0].customCode = b"FlexErf"

    with pytest.raises(TrainingError, match="needs FlexErf"):
        check_content(changed(made, flex), "it", 1)


def test_one_tensor_by_two_names_is_noticed(made: Made) -> None:
    def share(model: Any) -> None:
        first, second = model.signatureDefs[0].outputs
        second.tensorIndex = first.tensorIndex

    with pytest.raises(TrainingError, match="next_h and scores are the same values"):
        check_content(changed(made, share), "it", 1)


def test_states_are_paired_by_their_names_and_a_missing_side_is_told() -> None:
    names = ["image", "state_h", "state_c"]
    assert state_pairs(names, ["scores", "next_c", "next_h"]) == (
        ("state_c", "next_c"),
        ("state_h", "next_h"),
    )
    with pytest.raises(TrainingError, match="no output next_c"):
        state_pairs(names, ["scores", "next_h"])
    with pytest.raises(TrainingError, match="no input state_h"):
        state_pairs(["image"], ["scores", "next_h"])


def test_recorded_steps_hold_the_states_that_come_up(step: Step) -> None:
    samples, device = step.samples, DeviceGraph(step.graph)
    assert len(samples) == 24
    assert not samples[0]["state_h"].any()
    assert not samples[8]["state_h"].any()  # the second sequence begins anew
    np.testing.assert_array_equal(samples[1]["state_h"], device.answers(samples[0])["next_h"])
