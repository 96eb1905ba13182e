from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from edge_vision.adapters.catalogue import adapter_of, describe
from edge_vision.adapters.runner import Runner
from edge_vision.adapters.sequences import step_probabilities
from edge_vision.adapters.texts import ReadText
from edge_vision.builtin.litert import LiteRTModel
from edge_vision.contracts.bundles import load_bundle
from edge_vision.contracts.file_facts import FileFacts, Producer
from edge_vision.contracts.model import ModelBundle
from edge_vision.contracts.tensors import Quantisation, TensorSpec
from edge_vision.data.errors import ModelError, StageError
from edge_vision.data.frame import Image
from edge_vision.data.view import View
from edge_vision.testing import make_frame
from tests import tiny_models

DIGITS = tuple("0123456789")
IMAGE = TensorSpec("image", (1, 32, 100, 1), "float32")


def bundle(
    shape: tuple[int, ...],
    labels: tuple[str, ...] = DIGITS,
    *,
    dtype: str = "float32",
    quantisation: Quantisation | None = None,
    producer: str = "",
    **known: Any,
) -> ModelBundle:
    facts = FileFacts(producers={"o": Producer(producer)} if producer else {})
    output = TensorSpec("o", shape, dtype, quantisation)
    return ModelBundle(
        "meter", Path("m.tflite"), labels, inputs=(IMAGE,), outputs=(output,), facts=facts, **known
    )


def read(described: ModelBundle, array: NDArray[Any]) -> ReadText:
    return adapter_of(describe(described), ReadText).read({"o": array})


def assert_read(found: ReadText, text: str, score: float, rel: float = 1e-6) -> None:
    assert found.text == text
    assert found.score == pytest.approx(score, rel=rel)


def said(text: str, alphabet: str, sure: float = 0.9) -> NDArray[np.float32]:
    """Probabilities (steps, classes) of a path, a character a step."""
    steps = np.full((len(text), len(alphabet)), (1 - sure) / (len(alphabet) - 1), np.float32)
    steps[np.arange(len(text)), [alphabet.index(mark) for mark in text]] = sure
    return steps


# What is told to be a text


@pytest.mark.parametrize("shape", [(1, 48, 11), (48, 1, 11)])
def test_one_class_more_than_characters_is_told_to_be_ctc(shape: tuple[int, ...]) -> None:
    described = describe(bundle(shape))
    assert (described.task, described.layout) == ("read", "ctc")
    assert described.outputs[0].meaning == "step-scores"
    assert describe(described) == described


@pytest.mark.parametrize("labels", [("-", *DIGITS), (*DIGITS, "<blank>"), ("[blank]", *DIGITS)])
def test_a_label_for_the_blank_is_told_too(labels: tuple[str, ...]) -> None:
    assert describe(bundle((1, 48, 11), labels)).layout == "ctc"


@pytest.mark.parametrize(
    ("shape", "labels"),
    [
        ((1, 48, 11), ()),
        ((1, 48, 12), DIGITS),
        ((1, 48, 10), DIGITS),
        ((1, 2100, 11), DIGITS),
        ((1, 14, 756), DIGITS),
        ((1, 6300, 15), DIGITS),
        ((1, 48, 4), ("cat", "dog", "bird")),
    ],
)
def test_what_may_be_a_detector_is_not_told_to_be_ctc(
    shape: tuple[int, ...], labels: tuple[str, ...]
) -> None:
    assert describe(bundle(shape, labels)).layout != "ctc"


@pytest.mark.parametrize("known", [{"task": "read"}, {"layout": "ctc"}])
def test_a_declared_text_may_have_any_number_of_steps(known: dict[str, Any]) -> None:
    assert describe(bundle((1, 2100, 11), **known)).layout == "ctc"


def test_bytes_of_steps_are_no_map_of_classes() -> None:
    quantised = bundle((1, 48, 11), dtype="uint8", quantisation=Quantisation(1 / 256, 0))
    assert describe(quantised).layout == "ctc"


# Reading steps


@pytest.mark.parametrize("shape", [(1, 8, 11), (8, 1, 11), (1, 1, 8, 11)])
def test_steps_are_read_whatever_their_arrangement(shape: tuple[int, ...]) -> None:
    steps = said("11-1--42", "0123456789-")
    found = read(bundle(shape, task="read"), steps.reshape(shape))
    assert found.text == "1142"
    assert 0.4 < found.score < 0.6


def test_classes_may_come_before_steps() -> None:
    steps = said("11-1--42", "0123456789-").T
    assert read(bundle((1, 11, 8), task="read"), steps[np.newaxis]).text == "1142"


def test_the_blank_may_be_declared() -> None:
    steps = said("-11-1-42", "-0123456789")[np.newaxis]
    assert read(bundle((1, 8, 11), decoding={"blank": "first"}), steps).text == "1142"
    assert read(bundle((1, 8, 11), decoding={"blank": 0}), steps).text == "1142"


def test_a_blank_among_the_labels_adds_nothing() -> None:
    steps = said("-11-1-42", "-0123456789")[np.newaxis]
    assert read(bundle((1, 8, 11), ("-", *DIGITS)), steps).text == "1142"


def test_a_space_is_written_as_a_word_in_the_labels() -> None:
    steps = said("a  b-b", "ab -")[np.newaxis]
    assert read(bundle((1, 6, 4), ("a", "b", "<space>"), task="read"), steps).text == "a bb"


def test_a_beam_is_used_where_it_is_declared() -> None:
    steps = np.array([[[0.4, 0.6], [0.4, 0.6]]], np.float32)
    plain = read(bundle((1, 2, 2), ("7",), task="read"), steps)
    assert_read(plain, "", 0.36)
    found = read(bundle((1, 2, 2), ("7",), task="read", decoding={"beam": 5}), steps)
    assert_read(found, "7", 0.64)


@pytest.mark.parametrize("producer", ["", "FULLY_CONNECTED", "LOG_SOFTMAX"])
def test_logits_and_logarithms_are_probabilities_after_a_softmax(producer: str) -> None:
    steps = said("12-2", "0123456789-")
    expected = read(bundle((1, 4, 11), producer="SOFTMAX"), steps[np.newaxis])
    logits = np.log(steps) + (0.0 if producer == "LOG_SOFTMAX" else 3.0)
    found = read(bundle((1, 4, 11), producer=producer), logits[np.newaxis])
    assert_read(found, expected.text, expected.score)


@pytest.mark.parametrize(("dtype", "zero"), [("uint8", 0), ("int8", -128)])
def test_quantised_probabilities_are_read(dtype: str, zero: int) -> None:
    steps = said("12-2", "0123456789-")
    spec = bundle((1, 4, 11), dtype=dtype, quantisation=Quantisation(1 / 256, zero))
    found = read(spec, (np.rint(steps * 256) + zero).astype(dtype)[np.newaxis])
    assert_read(found, "122", 0.9**4, rel=0.1)


def test_quantised_logits_are_read() -> None:
    steps = said("12-2", "0123456789-")
    spec = bundle((1, 4, 11), dtype="int8", quantisation=Quantisation(0.05, 0))
    found = read(spec, np.rint(np.log(steps) / 0.05).astype(np.int8)[np.newaxis])
    assert_read(found, "122", 0.9**4, rel=0.1)


def test_a_step_that_stores_nothing_says_nothing() -> None:
    spec = TensorSpec("o", (1, 2, 4), "uint8", Quantisation(1 / 256, 0))
    found = step_probabilities(spec, np.array([[0, 0, 0, 0], [1, 0, 0, 0]], np.float32))
    np.testing.assert_allclose(found, np.array([[0.25] * 4, [1.0, 0.0, 0.0, 0.0]]), atol=1e-9)


def test_values_that_are_no_numbers_are_an_error() -> None:
    with pytest.raises(StageError, match=r"o \(step-scores\) holds values that are no numbers"):
        read(bundle((1, 4, 11)), np.full((1, 4, 11), np.nan, np.float32))


# Places


def test_slots_are_read_place_by_place_and_padded_ones_left_out() -> None:
    labels = (*"0123AB", "_")
    slots = said("AB12__", "".join(labels), sure=0.8)
    for shape in ((1, 6, 7), (1, 42)):
        found = read(bundle(shape, labels, layout="slots"), slots.reshape(shape))
        assert_read(found, "AB12", 0.8**6)


def test_a_row_of_wheels_may_leave_the_first_places_empty() -> None:
    """A reader of 5 to 8 wheels: what it does not see is on the left."""
    labels = (*DIGITS, "<blank>")
    slots = said("__012345", "".join(DIGITS) + "_", sure=0.9)[np.newaxis]
    declared = bundle(
        (1, 8, 11), labels, layout="slots", decoding={"pad": "<blank>"}, producer="SOFTMAX"
    )
    assert_read(read(declared, slots), "012345", 0.9**8)
    slots[0, 7] = np.eye(11)[5] * 0.2 + 0.8 / 11  # unsure of the last wheel, and so of the whole
    assert read(declared, slots).score == pytest.approx(0.9**7 * (0.2 + 0.8 / 11))


def test_repeats_in_slots_are_kept() -> None:
    slots = said("11-00-", "01-")[np.newaxis]
    assert read(bundle((1, 6, 3), ("0", "1"), layout="slots"), slots).text == "1100"
    declared = bundle((1, 6, 3), ("0", "1", "-"), layout="slots", decoding={"pad": "-"})
    assert read(declared, slots).text == "1100"


# Texts as a whole


def test_the_best_class_is_the_text_of_a_classifier_that_reads() -> None:
    tenths = tuple(f"{number / 10:.1f}" for number in range(100))
    logits = np.zeros((1, 100), np.float32)
    logits[0, 47] = 20.0
    described = bundle((1, 100), tenths, task="read", producer="FULLY_CONNECTED")
    assert describe(described).layout == "classes-as-text"
    found = read(described, logits)
    assert_read(found, "4.7", 1.0, rel=1e-5)
    assert describe(bundle((1, 100), tenths)).layout == "scores", "undeclared it classifies"


def test_numbers_of_characters_are_the_text() -> None:
    described = bundle((1, 6), dtype="int64", task="read")
    assert describe(described).layout == "characters"
    assert read(described, np.array([[4, 0, 7, -1, -1, 10]])) == ReadText("407", 1.0)


# What cannot be read


@pytest.mark.parametrize(
    ("described", "problem"),
    [
        (bundle((1, 48, 11), (), task="read"), "give it a labels.txt with one a line"),
        (bundle((1, 100), (), task="read"), "give it a labels.txt with one a line"),
        (bundle((1, 48, 40), task="read"), "40 classes but 10 labels.*write <space>"),
        (bundle((1, 48, 10), task="read"), "decoding.blank: as many labels as classes"),
        (bundle((1, 48, 11), decoding={"blank": 11}), "decoding.blank: should be 0 to 10, not 11"),
        (bundle((1, 48, 11), decoding={"blank": "middle"}), r"bundle\.toml: decoding\.blank"),
        (bundle((1, 48, 11), decoding={"beams": 3}), "did you mean beam"),
        (bundle((1, 7, 7), layout="slots"), "10 labels do not fit"),
        (bundle((1, 6, 10), layout="slots", decoding={"pad": "-"}), "no label is called '-'"),
        (bundle((1, 100), tuple("abc"), task="read"), "100 classes but 3 labels"),
    ],
)
def test_what_does_not_fit_is_refused_with_what_to_do(described: ModelBundle, problem: str) -> None:
    with pytest.raises(ModelError, match=problem):
        adapter_of(describe(described), ReadText)


# A real model: what its picture shows in row t is what it says at step t


def written(text: str, alphabet: str) -> Image:
    """A picture whose row t is white in the column of character t of the text, 8 pixels each."""
    image = np.zeros((len(text), len(alphabet)), np.uint8)
    image[np.arange(len(text)), [alphabet.index(mark) for mark in text]] = 255
    return np.kron(image, np.ones((8, 8), np.uint8))[:, :, np.newaxis].repeat(3, axis=2)


def seen(model: LiteRTModel, image: Image) -> ReadText:
    runner = Runner(model, ReadText)
    return runner(runner.view(View.of(make_frame(image))))


def test_a_tflite_model_with_a_sequence_is_told_and_read(tmp_path: Path) -> None:
    path, alphabet = "77-0-00155", "0123456789-"
    file = tiny_models.copying(tmp_path / "reader.tflite", (1, 10, 11, 1), (1, 10, 11))
    (tmp_path / "labels.txt").write_text("\n".join(alphabet[:-1]))
    model = LiteRTModel(load_bundle(file, "m", labels=tmp_path / "labels.txt"))
    assert (model.bundle.task, model.bundle.layout) == ("read", "ctc")
    found = seen(model, written(path, alphabet))
    assert_read(found, "70015", 1.0)


def test_rows_of_a_picture_may_be_the_steps(tmp_path: Path) -> None:
    file = tiny_models.copying(tmp_path / "reader.tflite", (1, 10, 11), (10, 1, 11))
    (tmp_path / "labels.txt").write_text("\n".join("0123456789"))
    model = LiteRTModel(load_bundle(file, "m", labels=tmp_path / "labels.txt"))
    picture = written("1-1-2-2-33", "0123456789-")
    assert seen(model, picture).text == "11223"
