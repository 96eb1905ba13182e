from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import flatbuffers  # type: ignore[import-untyped]
import numpy as np
import pytest
from flatbuffers import flexbuffers

from edge_vision.builtin.tflite import file as tflite_file
from edge_vision.builtin.tflite.file import read_facts, variable_indices
from edge_vision.builtin.tflite.flatbuffer_check import TableChecker
from edge_vision.contracts.file_facts import FileFacts, Producer, Signature
from edge_vision.contracts.tensors import Quantisation
from edge_vision.data.errors import ModelError
from tests.recurrent_models import accumulator, gated
from tests.tflite_metadata import (
    AssociatedFile,
    Metadata,
    Tensor,
    noted,
)
from tests.tiny_models import TinyModel, accumulating, copying, counting, customised, twins
from tests.weights_behind import with_weights_behind

MODELS = Path(__file__).resolve().parents[3] / "shared" / "data" / "models"
needs_models = pytest.mark.skipif(not MODELS.is_dir(), reason="the shared models are not here")

SLICE = {"begin": [0, 0, 0, 0], "end": [0, 0, 0, 0], "steps": [1, 1, 1, 1]}


def facts_of(file: Path) -> FileFacts:
    return read_facts(file.read_bytes())


# The graph


def test_operators_are_counted_and_custom_ones_go_by_their_names(tmp_path: Path) -> None:
    assert facts_of(twins(tmp_path / "m.tflite")).operators == {"RESHAPE": 2}
    assert facts_of(customised(tmp_path / "m.tflite")).operators == {"PosenetDecoderOp": 1}


def test_an_output_comes_from_the_operator_before_those_that_change_its_form(tmp_path: Path) -> None:
    model = TinyModel()
    image = model.tensor("image", [1, 4, 4, 3])
    axes = model.tensor("axes", [2], "int32", value=np.array([1, 2]))
    shape = model.tensor("shape", [3], "int32", value=np.array([1, 1, 3]))
    means, shaped = model.tensor("means", [1, 3]), model.tensor("shaped", [1, 1, 3])
    stored = model.tensor("stored", [1, 1, 3], "int8", quantisation=(0.1, 0))
    model.operator("MEAN", [image, axes], [means])
    model.operator("RESHAPE", [means, shape], [shaped], newShape=[1, 1, 3])
    model.operator("QUANTIZE", [shaped], [stored])
    facts = facts_of(model.write(tmp_path / "m.tflite", [image], [stored, image]))
    assert facts.producers == {"stored": Producer("MEAN"), "image": Producer("")}
    assert facts.producer("nowhere") == ""


@pytest.mark.parametrize(("axis", "classes"), [(3, 5), (-1, 5), (1, 4), (4, 0)])
def test_an_arg_max_chooses_from_as_many_classes_as_its_axis_is_long(
    tmp_path: Path, axis: int, classes: int
) -> None:
    model = TinyModel()
    scores = model.tensor("scores", [1, 4, 4, 5])
    place = model.tensor("axis", [1], "int32", value=np.array([axis]))
    classes_of = model.tensor("classes", [1, 4, 4], "int64")
    model.operator("ARG_MAX", [scores, place], [classes_of])
    ends = [model.tensor(name, [4], "int32", value=np.array(v)) for name, v in SLICE.items()]
    sliced = model.tensor("sliced", [1, 4, 4, 1], "int64")
    model.operator("STRIDED_SLICE", [classes_of, *ends], [sliced], newAxisMask=8)
    facts = facts_of(model.write(tmp_path / "m.tflite", [scores], [classes_of, sliced]))
    assert set(facts.producers.values()) == {Producer("ARG_MAX", 0, classes)}


@pytest.mark.parametrize(
    ("options", "classes"),
    [
        (flexbuffers.Dumps({"max_detections": 10, "num_classes": 90}), 90),
        (flexbuffers.Dumps({"max_detections": 10, "num_classes": "many"}), 7),
        (flexbuffers.Dumps({"max_detections": 10}), 7),
        (flexbuffers.Dumps([90]), 7),
        (b"", 7),
        (b"\xff" * 40, 7),
        (bytes(5000), 7),
    ],
)
def test_a_detector_says_in_its_own_options_how_many_classes_it_has(
    tmp_path: Path, options: bytes, classes: int
) -> None:
    content = detector_with(tmp_path, options)
    assert read_facts(content).producers["boxes"].classes == classes


def test_options_that_are_damaged_are_none(tmp_path: Path) -> None:
    good = bytes(flexbuffers.Dumps({"max_detections": 10, "num_classes": 90}))
    for place in range(len(good)):
        for value in (0, 1, 0x7F, 0xFF):
            changed = good[:place] + bytes([value]) + good[place + 1 :]
            assert read_facts(detector_with(tmp_path, changed)).producers["boxes"].classes > 0


def detector_with(folder: Path, options: bytes) -> bytes:
    """A detector of seven scores a box whose last operator has these options."""
    model = TinyModel()
    boxes, scores = model.tensor("b", [1, 9, 4]), model.tensor("s", [1, 9, 7])
    result = model.tensor("boxes", [1, 10, 4])
    model.custom("TFLite_Detection_PostProcess", [boxes, scores], [result], options)
    return model.write(folder / "m.tflite", [boxes, scores], [result]).read_bytes()


def test_distances_count_the_operators_that_change_values(tmp_path: Path) -> None:
    facts = facts_of(gated(tmp_path / "m.tflite", ("cell", "hidden", "answer")))
    assert facts.distances["x"] == {"output:0": 2, "output:1": 4, "output:2": 5}
    assert facts.distances["y"] == {"output:0": 4, "output:1": 3, "output:2": 4}
    assert facts.copies == {}


def test_an_output_that_is_an_input_or_another_output_is_known_as_that(tmp_path: Path) -> None:
    facts = facts_of(accumulator(tmp_path / "m.tflite"))
    assert facts.copies == {"total_out": "sums"}
    assert facts.distances["total_in"] == {"sums": 1, "total_out": 1}
    assert facts_of(copying(tmp_path / "m.tflite", [1, 8])).distances == {"input": {}}


def test_a_variable_of_a_loop_is_near_to_itself(tmp_path: Path) -> None:
    model = TinyModel()
    before = [model.tensor(name, [1]) for name in ("a", "b")]
    after = [model.tensor(name, [1]) for name in ("c", "d")]
    body = model.begin_graph()
    model.end_graph([], [])
    model.operator("WHILE", before, after, condSubgraphIndex=body, bodySubgraphIndex=body)
    distances = facts_of(model.write(tmp_path / "m.tflite", before, after)).distances
    assert distances["a"]["c"] < distances["a"]["d"]
    assert distances["b"]["d"] < distances["b"]["c"]


def test_names_are_those_of_the_interpreter(tmp_path: Path) -> None:
    assert set(facts_of(twins(tmp_path / "m.tflite")).producers) == {"y", "y_2"}


def test_signatures_lead_to_the_tensors_unique_names(tmp_path: Path) -> None:
    model = TinyModel()
    inputs = [model.tensor("x", [1, 2]) for _ in range(2)]
    result = model.tensor("y", [1, 2])
    model.operator("ADD", inputs, [result])
    model.signature({"left": inputs[0], "right": inputs[1], "unknown": 77}, {"sum": result})
    facts = facts_of(model.write(tmp_path / "m.tflite", inputs, [result]))
    expected = Signature("serving_default", {"left": "x", "right": "x_2"}, {"sum": "y"})
    assert facts.signatures == (expected,)


Step = tuple[str, Any]


def scaling(file: Path, *steps: Step, dtype: str = "float32") -> Path:
    """A model whose image goes through arithmetic with constants; "-SUB" has the constant first."""
    model = TinyModel()
    shape = [1, 8, 8, 3]
    image = current = model.tensor("image", shape, dtype)
    for number, (name, value) in enumerate(steps):
        after = model.tensor(f"after {number}", shape)
        if name in ("CAST", "QUANTIZE"):
            model.operator(name, [current], [after])
        else:
            constant = model.tensor(f"constant {number}", [np.size(value)], value=np.array(value))
            inputs = [constant, current] if name.startswith("-") else [current, constant]
            model.operator(name.strip("-"), inputs, [after])
        current = after
    wanted = model.tensor("shape", [2], "int32", value=np.array([1, 192]))
    flat = model.tensor("flat", [1, 192])
    model.operator("RESHAPE", [current, wanted], [flat], newShape=[1, 192])
    return model.write(file, [image], [flat])


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        ([("MUL", 1 / 255)], (1 / 255, 0.0)),
        ([("DIV", 127.5), ("SUB", 1.0)], (1 / 127.5, -1.0)),
        ([("SUB", 127.5), ("MUL", 1 / 127.5)], (1 / 127.5, -1.0)),
        ([("-SUB", 255.0), ("DIV", 255.0)], (-1 / 255, 1.0)),
        ([("CAST", None), ("QUANTIZE", None), ("ADD", -127.5), ("DIV", 127.5)], (1 / 127.5, -1.0)),
        ([("SUB", [123.7, 116.3, 103.5]), ("DIV", [58.4, 57.1, 57.4])], (0.017355, -1.98695)),
        ([("SUB", [103.9, 116.8, 123.7])], (1.0, -114.8)),
    ],
)
def test_a_graph_that_scales_pixels_itself_is_told(
    tmp_path: Path, steps: list[Step], expected: tuple[float, float]
) -> None:
    facts = facts_of(scaling(tmp_path / "m.tflite", *steps))
    assert facts.rescaled["image"] == pytest.approx(expected, rel=1e-3)


@pytest.mark.parametrize(
    "steps",
    [
        [],
        [("MUL", 2.0), ("SUB", 1.0)],  # 0 to 1 becomes -1 to 1
        [("SUB", 0.485), ("DIV", 0.229)],  # ImageNet's, of 0 to 1
        [("MUL", 1.1), ("ADD", 0.3)],  # a batch normalisation
        [("-DIV", 127.5)],
        [("DIV", 0.0)],
        [("MUL", [float("nan")] * 3)],
    ],
)
def test_other_arithmetic_at_the_beginning_is_none_of_pixels(tmp_path: Path, steps: list[Step]) -> None:
    assert facts_of(scaling(tmp_path / "m.tflite", *steps)).rescaled == {}


def test_only_images_are_asked_whether_they_are_scaled(tmp_path: Path) -> None:
    model = TinyModel()
    row, result = model.tensor("row", [1, 7]), model.tensor("out", [1, 7])
    constant = model.tensor("constant", [1], value=np.array([1 / 255]))
    model.operator("MUL", [row, constant], [result])
    assert facts_of(model.write(tmp_path / "m.tflite", [row], [result])).rescaled == {}


def test_constants_behind_the_objects_are_found_unless_the_file_was_cut_off(tmp_path: Path) -> None:
    model = TinyModel()
    image, result = model.tensor("image", [1, 8, 8, 3]), model.tensor("out", [1, 8, 8, 3])
    constant = model.tensor("constant", [1], value=np.array([1 / 255]))
    model.operator("MUL", [image, constant], [result])
    content = with_weights_behind(model.write(tmp_path / "m.tflite", [image], [result]).read_bytes())
    assert read_facts(content).rescaled["image"] == pytest.approx((1 / 255, 0.0))
    with pytest.raises(ModelError, match="beyond its end"):
        read_facts(content[:-16])


def test_quantised_constants_are_taken_by_their_real_values(tmp_path: Path) -> None:
    model = TinyModel()
    image = model.tensor("image", [1, 8, 8, 3], "int8", quantisation=(1.0, -128))
    result = model.tensor("out", [1, 8, 8, 3], "int8", quantisation=(1 / 255, -128))
    constant = model.tensor(
        "constant", [1], "int8", quantisation=(1 / 255 / 127, 0), value=np.array([127])
    )
    model.operator("MUL", [image, constant], [result])
    facts = facts_of(model.write(tmp_path / "m.tflite", [image], [result]))
    assert facts.rescaled["image"] == pytest.approx((1 / 255, 0.0))


# Memory


@pytest.mark.parametrize("steps", [1, 5])
def test_variables_and_time_steps_of_a_sequence_operator_are_told(tmp_path: Path, steps: int) -> None:
    content = accumulating(tmp_path / "m.tflite", steps=steps).read_bytes()
    facts = read_facts(content)
    (hidden,) = facts.variables
    assert (hidden.name, hidden.shape, hidden.dtype, hidden.quantisation) == (
        "hidden",
        (1, 2),
        "float32",
        None,
    )
    assert facts.time_steps == steps
    assert variable_indices(content) == {"hidden": 4}


def test_the_steps_of_a_sequence_may_come_before_its_batch(tmp_path: Path) -> None:
    model = TinyModel()
    steps, sums = model.tensor("steps", [7, 1, 2]), model.tensor("sums", [7, 1, 2])
    hidden = model.tensor("steps", [1, 2], "int8", quantisation=(0.5, 3), variable=True)
    model.operator("UNIDIRECTIONAL_SEQUENCE_RNN", [steps, hidden], [sums], timeMajor=True)
    facts = facts_of(model.write(tmp_path / "m.tflite", [steps], [sums]))
    assert facts.time_steps == 7
    (variable,) = facts.variables
    assert (variable.name, variable.quantisation) == ("steps_2", Quantisation(0.5, 3))


def test_an_operator_with_memory_that_takes_no_sequence_takes_one_step(tmp_path: Path) -> None:
    model = TinyModel()
    source, result = model.tensor("in", [1, 2]), model.tensor("out", [1, 2])
    memory = model.tensor("memory", [1, 4], variable=True)
    model.operator("SVDF", [source, memory], [result])
    assert facts_of(model.write(tmp_path / "m.tflite", [source], [result])).time_steps == 1


def test_resources_matter_where_a_run_changes_them(tmp_path: Path) -> None:
    assert facts_of(counting(tmp_path / "m.tflite")).has_resources
    assert not facts_of(counting(tmp_path / "m.tflite", assigned=False)).has_resources


def test_resources_that_a_loop_changes_count_too(tmp_path: Path) -> None:
    model = TinyModel()
    source, result = model.tensor("in", [1]), model.tensor("out", [1])
    unused = model.begin_graph()
    model.end_graph()
    body = model.begin_graph()
    handle, value = model.tensor("handle", [1], "resource"), model.tensor("value", [1])
    model.operator("VAR_HANDLE", [], [handle], sharedName="x")
    model.operator("ASSIGN_VARIABLE", [handle, value], [])
    model.end_graph([value], [value])
    model.operator("WHILE", [source], [result], condSubgraphIndex=unused, bodySubgraphIndex=body)
    assert facts_of(model.write(tmp_path / "m.tflite", [source], [result])).has_resources


# Damage


def test_what_is_no_model_is_refused() -> None:
    for content in (b"", b"TFL3", b"\x89PNG\r\n\x1a\n" + bytes(100)):
        with pytest.raises(ModelError, match="is not a TFLite model"):
            read_facts(content)


def test_no_byte_can_be_missing_at_the_end(tmp_path: Path) -> None:
    content = twins(tmp_path / "m.tflite").read_bytes()
    for length in range(8, len(content), 3):
        with pytest.raises(ModelError, match="is damaged or cut short"):
            read_facts(content[:length])


def test_damage_of_any_kind_gives_facts_or_one_error(tmp_path: Path) -> None:
    metadata = Metadata([Tensor("x", [1.0], [2.0])], [Tensor(files=[AssociatedFile("birds.txt")])])
    wholes = [
        noted(tmp_path / "n.tflite", metadata, birds="wren\n").read_bytes(),
        accumulating(tmp_path / "a.tflite", steps=3).read_bytes(),
        counting(tmp_path / "c.tflite").read_bytes(),
        scaling(tmp_path / "s.tflite", ("DIV", 127.5), ("SUB", 1.0)).read_bytes(),
    ]
    chance = random.Random(11)
    outcomes = []
    for number in range(2000):
        damaged = bytearray(wholes[number % len(wholes)])
        for _ in range(chance.choice((1, 1, 3))):
            damaged[chance.randrange(8, len(damaged))] = chance.choice((0, 1, 127, 128, 255))
        try:
            read_facts(bytes(damaged))
            outcomes.append("read")
        except ModelError:
            outcomes.append("refused")
    assert min(outcomes.count("read"), outcomes.count("refused")) > 200


def test_a_small_file_of_endlessly_many_tables_is_refused() -> None:
    builder = flatbuffers.Builder(256)

    def table(array: int | None) -> int:
        builder.StartObject(1)
        if array is not None:
            builder.PrependUOffsetTRelativeSlot(0, array, 0)
        return int(builder.EndObject())

    place = table(None)
    for _ in range(4):  # a thousand times the same table, in a thousand tables that are the same, ...
        builder.StartVector(4, 1000, 4)
        for _ in range(1000):
            builder.PrependUOffsetTRelative(place)
        place = table(int(builder.EndVector()))
    builder.Finish(place, b"TFL3")
    layouts = {"Graph": {0: "[Graph]"}}
    with pytest.raises(ModelError, match="is damaged: more than 1000000 tables"):
        TableChecker(bytes(builder.Output()), layouts, {}).check("Graph")


def test_without_the_schema_only_the_packed_files_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tflite_file, "SCHEMAS", ("no_such_module",))
    content = copying(tmp_path / "m.tflite", [1, 8, 8, 3]).read_bytes()
    facts = read_facts(content)
    assert (facts.size, len(facts.sha256), facts.operators) == (len(content), 64, {})
    assert variable_indices(content) == {}
    with pytest.raises(ModelError, match="is damaged or cut short"):
        read_facts(content[:-50])


# Real models


@needs_models
@pytest.mark.shared
def test_the_head_of_a_real_detector_is_found() -> None:
    facts = facts_of(MODELS / "coco_ssd_mobilenet_v1_quant_metadata.tflite")
    suffixes = ("", ":1", ":2", ":3")
    assert facts.producers == {
        f"TFLite_Detection_PostProcess{suffix}": Producer("TFLite_Detection_PostProcess", place, 90)
        for place, suffix in enumerate(suffixes)
    }
    assert facts.notes["normalized_input_image_tensor"].mean == 127.5
    assert facts.notes["TFLite_Detection_PostProcess:1"].label_files == ("labelmap.txt",)
    assert (len(facts.labels), facts.about["name"]) == (90, "Coco SSD MobileNetV1")


@needs_models
@pytest.mark.shared
@pytest.mark.parametrize(
    ("file", "name", "factor", "offset"),
    [
        ("dig-class100-0180-s2_q", "serving_default_input_layer_3:0", 0.01725, -2.1626),
        ("movenet_single_pose_lightning_ptq", "serving_default_input:0", 1 / 127.5, -1.0),
    ],
)
def test_real_models_that_scale_pixels_themselves(
    file: str, name: str, factor: float, offset: float
) -> None:
    rescaled = facts_of(MODELS / f"{file}.tflite").rescaled
    assert rescaled == {name: pytest.approx((factor, offset), rel=1e-3)}


@needs_models
@pytest.mark.shared
@pytest.mark.parametrize(
    ("file", "operator", "task", "labels"),
    [
        ("deeplabv3_mnv2_dm05_pascal_quant", "ARG_MAX", None, 0),
        ("mlperf_tiny_vww_96_int8", "SOFTMAX", None, 0),
        ("mobilenet_v1_0.25_224_quant_metadata", "SOFTMAX", None, 1001),
        ("mobilenet_v2_1.0_224_quant", "CONV_2D", None, 0),
        ("yolov8n_int8", "CONCATENATION", "detect", 80),
    ],
)
def test_the_ends_of_real_models(file: str, operator: str, task: str | None, labels: int) -> None:
    facts = facts_of(MODELS / f"{file}.tflite")
    assert [each.operator for each in facts.producers.values()] == [operator]
    assert (facts.about.get("task"), len(facts.labels), facts.rescaled) == (task, labels, {})
    (last,) = facts.producers.values()
    assert last.classes == (21 if operator == "ARG_MAX" else 0)


@needs_models
@pytest.mark.shared
def test_a_real_fused_lstm_takes_28_steps() -> None:
    facts = facts_of(MODELS / "tflm_mnist_lstm_float.tflite")
    assert (facts.time_steps, [spec.shape for spec in facts.variables]) == (28, [(1, 20), (1, 20)])


@needs_models
@pytest.mark.shared
@pytest.mark.parametrize("cut", [64, 1000, 100_000])
def test_a_real_model_that_is_cut_short_is_told(cut: int) -> None:
    for file in sorted(MODELS.glob("*.tflite")):
        content = file.read_bytes()
        if cut < len(content):
            with pytest.raises(ModelError, match="is damaged or cut short"):
                read_facts(content[:-cut])
