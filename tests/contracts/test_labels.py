import random
import zipfile
from pathlib import Path

import pytest

from edge_vision.contracts.labels import (
    NOTES_LIMIT,
    exporter_notes,
    find_labels,
    packed_labels,
    parse_labels,
    read_labels,
)
from edge_vision.contracts.packed import packed_files
from edge_vision.data.errors import ConfigError, ModelError

MODELS = Path(__file__).resolve().parents[3] / "shared" / "data" / "models"
needs_models = pytest.mark.skipif(not MODELS.is_dir(), reason="the shared models are not here")

TFLITE = b"\x1c\x00\x00\x00TFL3" + bytes(40)


def packed(folder: Path, **members: str) -> Path:
    file = folder / "some.tflite"
    file.write_bytes(TFLITE)
    with zipfile.ZipFile(file, "a") as archive:
        for name, text in members.items():
            archive.writestr(name.replace("_txt", ".txt").replace("_json", ".json"), text)
    return file


def test_packed_labels_are_read(tmp_path: Path) -> None:
    file = packed(tmp_path, notes_txt="x", other_label_txt="c", labelmap_txt="b", labels_txt="a")
    assert packed_labels(file) == ("a",)


def test_labelmap_goes_before_other_label_files(tmp_path: Path) -> None:
    file = packed(tmp_path, a_label_txt="c", labelmap_txt="b")
    assert packed_labels(file) == ("b",)


def test_an_archive_without_labels_gives_none(tmp_path: Path) -> None:
    assert packed_labels(packed(tmp_path, notes_txt="x")) == ()


def test_packed_labels_that_cannot_be_read_are_reported(tmp_path: Path) -> None:
    file = packed(tmp_path, labels_txt="person\n" * 9)
    damaged = file.read_bytes().replace(b"person\nper", b"person\nxxx")
    file.write_bytes(damaged)
    with pytest.raises(ModelError, match="packed in it cannot be read"):
        packed_labels(file)


@pytest.mark.parametrize(
    ("text", "labels"),
    [
        ("a\nb", ("a", "b")),
        ("\ufeffa\r\nb \r\n\r\n", ("a", "b")),
        ("background\nbird\n\nand 255 marks what is ignored", ("background", "bird")),
        ("0  person\n1  bicycle\n3  car", ("person", "bicycle", "2", "car")),
        ("0: person\n1: car", ("person", "car")),
        ("1 cent\n2 cent\n5 cent", ("1 cent", "2 cent", "5 cent")),
        ("0 degrees\n90 degrees\n180 degrees", ("0 degrees", "90 degrees", "180 degrees")),
        ("0.0\n0.1\n0.2", ("0.0", "0.1", "0.2")),
        ("0\n1\n2", ("0", "1", "2")),
        ("0 a\n0 b", ("0 a", "0 b")),
        ("tench, Tinca tinca", ("tench, Tinca tinca",)),
    ],
)
def test_labels_are_one_a_line(text: str, labels: tuple[str, ...]) -> None:
    assert parse_labels(text.encode()) == labels


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "holds no labels"),
        (b" \n\n", "holds no labels"),
        (b"caf\xe9", "not UTF-8"),
        (b"x" * (2 << 20), "larger"),
    ],
)
def test_a_file_that_holds_no_labels_is_refused(tmp_path: Path, content: bytes, problem: str) -> None:
    file = tmp_path / "labels.txt"
    file.write_bytes(content)
    with pytest.raises(ConfigError, match=problem) as caught:
        read_labels(file)
    assert caught.value.path == "labels"
    assert str(file) in str(caught.value)


def test_the_file_that_the_metadata_names_goes_first(tmp_path: Path) -> None:
    file = packed(tmp_path, labels_txt="a", classes_txt="b")
    assert find_labels(file, ("classes.txt",)) == ("b",)
    assert find_labels(file.read_bytes(), ("classes.txt",)) == ("b",)
    assert find_labels(file, ("gone.txt",)) == ("a",)


NAMES = {0: "person", 1: "traffic light", 3: "it's"}


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("temp_meta_txt", str({"stride": 32, "task": "detect", "rate": 1e-05, "names": NAMES})),
        ("meta_txt", str({"task": "detect", "names": NAMES, "end2end": False, "args": None})),
        (
            "metadata_json",
            '{"task": "detect", "names": {"0": "person", "1": "traffic light", "3": "it\'s"}}',
        ),
    ],
)
def test_labels_in_the_notes_of_a_yolo_exporter_are_read(tmp_path: Path, name: str, text: str) -> None:
    file = packed(tmp_path, **{name: text})
    assert packed_labels(file) == ("person", "traffic light", "2", "it's")
    assert exporter_notes(file)["task"] == "detect"


def test_a_list_of_names_is_read_too(tmp_path: Path) -> None:
    assert packed_labels(packed(tmp_path, meta_txt="{'names': ['a', 'b']}")) == ("a", "b")


def test_notes_that_the_metadata_takes_for_labels_are_still_notes(tmp_path: Path) -> None:
    file = packed(tmp_path, temp_meta_txt="{'names': {0: 'a', 1: 'b'}}")
    assert find_labels(file, ("temp_meta.txt",)) == ("a", "b")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "no dictionary",
        "[1, 2]",
        "{'names': 5}",
        "{'names': {}}",
        "{'names': {'a': 'b'}}",
        "{'names': {0: 'a', 900000: 'b'}}",
        "{'names': {0: 'a'}",
        "{'names': __import__('os').getcwd()}",
        "{'names': ['\\d']}",
        "{'names': ['\\x']}",
        "{'names': 1or 2}",
        "[" * 100_000,
        "{'a':" * 30_000,
        "-" * 200_000 + "1",
        "1," * (NOTES_LIMIT // 2 + 1),
        '{"names":' * 30_000,
    ],
)
def test_notes_that_make_no_sense_give_no_labels_and_no_warnings(tmp_path: Path, text: str) -> None:
    assert packed_labels(packed(tmp_path, temp_meta_txt=text)) == ()


def test_a_damaged_archive_gives_labels_none_or_one_error(tmp_path: Path) -> None:
    whole = packed(tmp_path, labels_txt="person\n" * 50, temp_meta_txt="{'names': ['a']}").read_bytes()
    chance = random.Random(4)
    refused = 0
    for _ in range(600):
        damaged = bytearray(whole)
        for _ in range(chance.choice((1, 2, 8))):
            damaged[chance.randrange(48, len(damaged))] = chance.randrange(256)
        if chance.random() < 0.3:
            del damaged[chance.randrange(48, len(damaged)) :]
        file = tmp_path / "damaged.tflite"
        file.write_bytes(damaged)
        try:
            packed_labels(file)
            packed_files(bytes(damaged))
        except (ModelError, ValueError):
            refused += 1
    assert 50 < refused < 600


def test_a_packed_file_behind_a_password_is_reported(tmp_path: Path) -> None:
    file = packed(tmp_path, labels_txt="person\n")
    content = bytearray(file.read_bytes())
    # Bit 0 of the general purpose flag: encrypted (APPNOTE.TXT, 4.4.4), in both headers.
    content[content.index(b"PK\x03\x04") + 6] |= 1
    content[content.index(b"PK\x01\x02") + 8] |= 1
    file.write_bytes(content)
    with pytest.raises(ModelError, match=r"cannot be read \(.*encrypted"):
        packed_labels(file)


@needs_models
@pytest.mark.shared
@pytest.mark.parametrize(
    ("file", "count", "first", "last"),
    [
        ("coco_labels.txt", 90, "person", "toothbrush"),
        ("imagenet_labels.txt", 1001, "background", "toilet tissue, toilet paper, bathroom tissue"),
        ("pascal_voc_segmentation_labels.txt", 21, "background", "tvmonitor"),
    ],
)
def test_the_shared_label_files_are_understood(file: str, count: int, first: str, last: str) -> None:
    labels = read_labels(MODELS / file)
    assert (len(labels), labels[0], labels[-1]) == (count, first, last)


@needs_models
@pytest.mark.shared
@pytest.mark.parametrize(
    ("file", "count"),
    [
        ("coco_ssd_mobilenet_v1_quant_metadata", 90),
        ("mobilenet_v1_0.25_128_quant", 1001),
        ("mobilenet_v1_0.25_224_quant_metadata", 1001),
        ("mobilenet_v2_1.0_224_quant", 0),
        ("yolov8n_int8", 80),
    ],
)
def test_labels_packed_in_the_shared_models_are_found(file: str, count: int) -> None:
    assert len(packed_labels(MODELS / f"{file}.tflite")) == count
