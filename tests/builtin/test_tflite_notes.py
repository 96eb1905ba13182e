from __future__ import annotations

import struct
import zipfile
from pathlib import Path

import pytest

from edge_vision.builtin.tflite.file import read_facts
from edge_vision.contracts.file_facts import FileFacts, TensorNote
from edge_vision.contracts.tensors import PerChannel
from edge_vision.data.errors import ModelError
from tests.tflite_metadata import (
    DESCRIPTIONS,
    VALUE_LABELS,
    AssociatedFile,
    Metadata,
    Tensor,
    noted,
)
from tests.tiny_models import averaging


def facts_of(file: Path) -> FileFacts:
    return read_facts(file.read_bytes())


def test_notes_of_inputs_and_outputs_are_read(tmp_path: Path) -> None:
    metadata = Metadata(
        [Tensor("picture", [1.0, 2.0, 3.0], [4.0, 5.0, 6.0])],
        [Tensor("places"), Tensor("kinds", files=[AssociatedFile("kinds.txt", VALUE_LABELS)])],
        name="Birds",
        description="Tells birds apart.",
        version="v3",
        author="somebody",
    )
    facts = facts_of(noted(tmp_path / "m.tflite", metadata, labels="wrong\n", kinds="robin\nwren\n"))
    assert dict(facts.about) == {
        "name": "Birds",
        "description": "Tells birds apart.",
        "version": "v3",
        "author": "somebody",
    }
    assert dict(facts.notes) == {
        "image": TensorNote("picture", mean=(1.0, 2.0, 3.0), std=(4.0, 5.0, 6.0)),
        "first": TensorNote("places"),
        "second": TensorNote("kinds", label_files=("kinds.txt",)),
    }
    assert facts.labels == ("robin", "wren")
    assert (set(facts.files), facts.missing) == ({"labels.txt", "kinds.txt"}, ())


@pytest.mark.parametrize(
    ("mean", "std", "expected"),
    [
        ([127.5], [127.5], (127.5, 127.5)),
        ([127.5] * 3, [128.0] * 3, (127.5, 128.0)),
        ([1.0, 2.0, 3.0], [5.0], ((1.0, 2.0, 3.0), 5.0)),
        ([0.0], [0.0], (None, None)),
        ([float("nan")], [1.0], (None, None)),
        ([1.0, 2.0], [1.0, 2.0], (None, None)),
    ],
)
def test_normalisation_is_one_number_or_one_a_channel(
    tmp_path: Path,
    mean: list[float],
    std: list[float],
    expected: tuple[PerChannel | None, PerChannel | None],
) -> None:
    facts = facts_of(noted(tmp_path / "m.tflite", Metadata([Tensor("x", mean, std)], [])))
    assert (facts.notes["image"].mean, facts.notes["image"].std) == expected


def test_labels_of_no_language_go_before_those_of_one(tmp_path: Path) -> None:
    files = [
        AssociatedFile("about.txt", DESCRIPTIONS),
        AssociatedFile("vogel.txt", locale="de"),
        AssociatedFile("birds.txt"),
    ]
    metadata = Metadata([], [Tensor(files=files)])
    facts = facts_of(noted(tmp_path / "m.tflite", metadata, vogel="Zaun", birds="wren", about="x"))
    assert facts.notes["first"].label_files == ("birds.txt", "vogel.txt")
    assert facts.labels == ("wren",)


def test_a_packed_file_that_was_never_packed_is_missing(tmp_path: Path) -> None:
    metadata = Metadata([], [Tensor(files=[AssociatedFile("birds.txt")])])
    facts = facts_of(noted(tmp_path / "m.tflite", metadata))
    assert (facts.missing, facts.labels) == (("birds.txt",), ())


@pytest.mark.parametrize("cut", [1, 10, 60, 150])
def test_a_file_whose_packed_labels_are_cut_off_is_refused(tmp_path: Path, cut: int) -> None:
    metadata = Metadata([], [Tensor(files=[AssociatedFile("birds.txt")])])
    content = noted(tmp_path / "m.tflite", metadata, birds="wren\n" * 50).read_bytes()
    with pytest.raises(ModelError, match=r"birds\.txt, which is packed at its end, is not whole"):
        read_facts(content[:-cut])


def test_the_notes_of_a_yolo_exporter_say_what_it_is(tmp_path: Path) -> None:
    file = averaging(tmp_path / "m.tflite")
    with zipfile.ZipFile(file, "a") as archive:
        archive.writestr("metadata.json", '{"task": "pose", "names": {"0": "person"}, "stride": 32}')
    facts = facts_of(file)
    assert (dict(facts.about), facts.labels) == ({"task": "pose"}, ("person",))


def test_an_exporters_notes_that_are_cut_off_are_told(tmp_path: Path) -> None:
    file = averaging(tmp_path / "m.tflite")
    with zipfile.ZipFile(file, "a") as archive:
        archive.writestr("metadata.json", '{"names": {"0": "person"}}')
    with pytest.raises(ModelError, match=r"metadata\.json, which is packed at its end, is not whole"):
        read_facts(file.read_bytes()[:-20])


def test_damaged_metadata_is_an_error(tmp_path: Path) -> None:
    metadata = Metadata([Tensor("x" * 40)], [])
    content = noted(tmp_path / "m.tflite", metadata).read_bytes()
    place = content.index(b"x" * 40) - 4
    damaged = content[:place] + struct.pack("<I", 1 << 30) + content[place + 4 :]
    with pytest.raises(ModelError, match=r"is damaged or cut short \(its TensorMetadata"):
        read_facts(damaged)
