from itertools import permutations
from pathlib import Path

import pytest

from edge_vision.adapters.catalogue import adapter_of, describe, unknown_layout
from edge_vision.adapters.segmentation import ClassMap
from edge_vision.contracts.model import ModelBundle
from edge_vision.contracts.tensors import TensorSpec
from edge_vision.data.errors import ModelError

IMAGE = TensorSpec("image", (1, 32, 32, 3), "uint8")
OP = "TFLite_Detection_PostProcess"


def bundle(
    *outputs: TensorSpec, task: str = "", inputs: tuple[TensorSpec, ...] = (IMAGE,)
) -> ModelBundle:
    return ModelBundle("people", Path("people.tflite"), task=task, inputs=inputs, outputs=outputs)


def meanings(described: ModelBundle) -> dict[str, str]:
    return {spec.name: spec.meaning for spec in described.outputs}


def spec(name: str, *shape: int, dtype: str = "float32", meaning: str = "") -> TensorSpec:
    return TensorSpec(name, shape, dtype, meaning=meaning)


@pytest.mark.parametrize(
    ("output", "task", "layout", "meaning"),
    [
        (spec("o", 1, 1001, dtype="uint8"), "classify", "scores", "scores"),
        (spec("o", 1, 2), "classify", "scores", "scores"),
        (spec("o", 1, 1, 17, 3), "keypoints", "movenet", "keypoints"),
        (spec("o", 1, 1, 1, 1024), "embed", "embedding", "embedding"),
        (spec("o", 1, 513, 513, dtype="int64"), "segment", "class-map", "class-map"),
        (spec("o", 1, 257, 257, 21), "segment", "class-scores", "class-scores"),
        (spec("o", 1, 257, 257, 2, dtype="uint8"), "segment", "class-scores", "class-scores"),
        (spec("o", 1, 256, 256, 3), "generate", "image", "image"),
        (spec("o", 1, 360, 640, 1), "generate", "image", "image"),
    ],
)
def test_a_single_output_tells_the_task_by_its_shape(
    output: TensorSpec, task: str, layout: str, meaning: str
) -> None:
    described = describe(bundle(output))
    assert (described.task, described.layout, described.outputs[0].meaning) == (task, layout, meaning)


@pytest.mark.parametrize(
    "outputs",
    [
        (spec("o", 1, 1),),
        (spec("o", 2, 10),),
        (spec("o", 1, 1, 1, 5),),
        (spec("o", 1, 84, 756),),
        (spec("o", 1, 513, 513),),
        (spec("a", 1, 26, 26, 255), spec("b", 1, 13, 13, 255)),
        (spec("a", 1, 896, 16), spec("b", 1, 896, 1)),
        (spec("a", 1, 10, 4), spec("b", 1, 11, 3)),
        (),
    ],
)
def test_what_cannot_be_told_is_left_open(outputs: tuple[TensorSpec, ...]) -> None:
    described = describe(bundle(*outputs))
    assert (described.task, described.layout) == ("", "")
    assert all(not output.meaning for output in described.outputs)


SSD = (spec(OP, 1, 10, 4), spec(f"{OP}:1", 1, 10), spec(f"{OP}:2", 1, 10), spec(f"{OP}:3", 1))


@pytest.mark.parametrize("order", list(permutations(range(4))))
def test_ssd_outputs_are_told_by_name_in_any_order(order: tuple[int, ...]) -> None:
    described = describe(bundle(*(SSD[i] for i in order)))
    assert (described.task, described.layout) == ("detect", "ssd-postprocessed")
    assert meanings(described) == {
        OP: "boxes", f"{OP}:1": "classes", f"{OP}:2": "scores", f"{OP}:3": "count"
    }  # fmt: skip


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ("detection_classes", "detection_scores", ("classes", "scores")),
        ("detection_scores", "x", ("scores", "classes")),
        ("x", "the_class", ("scores", "classes")),
        ("Call:1", "Call:2", ("classes-or-scores", "classes-or-scores")),
        ("score_1", "score_2", ("classes-or-scores", "classes-or-scores")),
    ],
)
def test_ssd_rows_are_told_by_words_or_stay_open(
    first: str, second: str, expected: tuple[str, str]
) -> None:
    described = describe(bundle(spec("b", 1, 5, 4), spec(first, 1, 5), spec(second, 1, 5), spec("n", 1)))
    assert described.layout == "ssd-postprocessed"
    assert (meanings(described)[first], meanings(described)[second]) == expected


def test_declaring_one_of_two_open_rows_settles_the_other() -> None:
    rows = spec("Call:1", 1, 5, meaning="scores"), spec("Call:2", 1, 5)
    described = describe(bundle(spec("b", 1, 5, 4), *rows, spec("n", 1)))
    assert meanings(described) == {"b": "boxes", "Call:1": "scores", "Call:2": "classes", "n": "count"}


def test_raw_detectors_have_boxes_and_scores() -> None:
    described = describe(bundle(spec("s", 1, 1917, 91), spec("b", 1, 1917, 4)))
    assert (described.task, described.layout) == ("detect", "boxes-and-scores")
    assert meanings(described) == {"s": "scores", "b": "boxes"}


def test_raw_detectors_of_four_classes_are_told_by_name() -> None:
    described = describe(bundle(spec("cls", 1, 99, 4), spec("the_boxes", 1, 99, 4)))
    assert meanings(described) == {"cls": "scores", "the_boxes": "boxes"}
    assert describe(bundle(spec("a", 1, 99, 4), spec("b", 1, 99, 4))).layout == ""


def test_declared_meanings_settle_what_shapes_do_not() -> None:
    described = describe(bundle(spec("o", 1, 1, 1, 5, meaning="scores")))
    assert (described.task, described.layout) == ("classify", "scores")


def test_a_declared_meaning_goes_before_the_guess() -> None:
    described = describe(bundle(spec("o", 1, 64, 64, 3, meaning="class-scores")))
    assert (described.task, described.outputs[0].meaning) == ("segment", "class-scores")


def test_a_declared_task_rules_out_other_layouts() -> None:
    described = describe(bundle(spec("o", 1, 10), task="embed"))
    assert (described.task, described.layout) == ("embed", "embedding")
    described = describe(bundle(spec("o", 1, 10), task="segment"))
    assert (described.task, described.layout, described.outputs[0].meaning) == ("segment", "", "")


def test_an_output_declared_as_ignored_does_not_count() -> None:
    ignored = spec("features", 1, 128, meaning="ignore")
    described = describe(bundle(ignored, *SSD))
    assert described.layout == "ssd-postprocessed"
    assert meanings(described)["features"] == "ignore"
    assert describe(bundle(ignored)).layout == ""


def test_the_only_image_among_the_inputs_is_called_so() -> None:
    state = spec("state", 1, 8, 8, 320)
    described = describe(bundle(spec("o", 1, 10), inputs=(state, IMAGE)))
    assert [s.meaning for s in described.inputs] == ["", "image"]
    assert described.image_input.name == "image"


def test_two_images_among_the_inputs_are_not_told_apart() -> None:
    inputs = (spec("a", 1, 8, 8, 3), spec("b", 1, 8, 8, 3))
    described = describe(bundle(spec("o", 1, 10), inputs=inputs))
    assert [s.meaning for s in described.inputs] == ["", ""]
    with pytest.raises(ModelError, match="needs one image input"):
        _ = described.image_input


def test_describing_twice_changes_nothing() -> None:
    once = describe(bundle(*SSD))
    assert describe(once) == once


def test_the_error_for_an_unknown_layout_says_what_was_seen_and_what_to_write() -> None:
    text = str(unknown_layout(bundle(spec("Identity", 1, 8, 9, 7, 2))))
    assert "people: cannot tell" in text
    assert "Identity (1, 8, 9, 7, 2) float32" in text
    assert '[[outputs]] name = "Identity", meaning = ' in text
    assert "\n" not in text


def test_the_error_for_an_unknown_layout_names_those_that_would_fit_if_declared() -> None:
    text = str(unknown_layout(bundle(spec("Identity", 1, 32, 37))))
    assert "Identity (1, 32, 37) float32" in text
    assert 'layout = "ctc" (task read) or layout = "slots" (task read)' in text
    for other in ("class-map", "mask", "yolo", "embedding"):
        assert other not in text


def test_the_error_for_what_may_read_text_says_that_labels_decide() -> None:
    text = str(unknown_layout(bundle(spec("Identity", 1, 32, 37))))
    assert "give it its characters (--labels, one a line), else put it in a folder" in text
    assert "--labels" not in str(unknown_layout(bundle(spec("Identity", 1, 8, 9, 7, 2))))


def test_layouts_that_would_fit_if_declared_are_three_at_most() -> None:
    text = str(unknown_layout(bundle(spec("Identity", 1, 84, 84))))
    assert text.count("layout = ") == 3


def test_the_error_for_several_outputs_says_that_one_may_be_ignored() -> None:
    text = str(unknown_layout(bundle(spec("a", 1, 8), spec("b", 1, 2))))
    assert 'of one that nobody needs: meaning = "ignore"' in text


@pytest.mark.parametrize(
    ("written", "meant"), [("score", "scores"), ("boxs", "boxes"), ("ignored", "ignore")]
)
def test_a_meaning_that_is_misspelt_is_an_error_that_says_what_was_meant(
    written: str, meant: str
) -> None:
    with pytest.raises(
        ModelError, match=rf"the output o has the meaning '{written}'.*did you mean {meant}\?"
    ):
        describe(bundle(spec("o", 1, 10, meaning=written)))


@pytest.mark.parametrize(
    ("output", "said"),
    [
        (
            spec("o", 1, 1, 17, 3),
            "its task is keypoints (layout movenet); use it with the stage keypoints",
        ),
        (spec("o", 1, 1, 1, 1024), "its task is embed (layout embedding); use it with the stage embed"),
    ],
)
def test_asking_for_another_task_is_an_error_that_names_the_stage(output: TensorSpec, said: str) -> None:
    with pytest.raises(ModelError) as caught:
        adapter_of(describe(bundle(output)), ClassMap)
    assert said in str(caught.value)


def test_a_batch_of_several_pictures_is_named_as_the_cause() -> None:
    text = str(unknown_layout(bundle(spec("o", 4, 10), inputs=(spec("x", 4, 8, 8, 3),))))
    assert "takes 4 pictures at once" in text


def test_asking_for_an_output_that_is_not_there_says_what_to_write() -> None:
    with pytest.raises(ModelError, match=r"one output that means scores.*bundle\.toml"):
        describe(bundle(spec("o", 1, 32, 32, 3))).output("scores")
