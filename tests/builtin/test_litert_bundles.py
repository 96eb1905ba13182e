import zipfile
from pathlib import Path

import numpy as np
import pytest

from edge_vision.builtin.litert import LiteRTModel, described
from edge_vision.contracts.bundles import load_bundle
from edge_vision.contracts.model import StatePair
from tests.tiny_models import TinyModel, averaging


def opened(file: Path, threads: int = 1) -> LiteRTModel:
    return LiteRTModel(load_bundle(file, "tiny"), threads)


def packing(file: Path, members: dict[str, str]) -> Path:
    """A model with files packed at its end."""
    with zipfile.ZipFile(file, "a") as archive:
        for name, text in members.items():
            archive.writestr(name, text)
    return file


def test_packed_labels_that_are_cut_short_are_told(tmp_path: Path) -> None:
    file = packing(averaging(tmp_path / "m.tflite"), {"labels.txt": "red\ngreen\nblue\n"})
    whole = file.read_bytes()
    assert opened(file).bundle.warnings == ()
    file.write_bytes(whole[:-30])
    bundle = opened(file).bundle
    assert bundle.labels == ()
    assert [line for line in bundle.warnings if "(labels.txt) is damaged or cut short" in line]


@pytest.mark.parametrize(
    ("names", "labels", "doubt"),
    [
        (("labels_de.txt", "labels_en.txt"), ("a0", "b0", "c0"), "those of labels_de.txt are taken"),
        (("first.txt", "other.txt"), (), "first.txt, other.txt is packed in it and nothing says"),
        (("labels.txt",), ("a0", "b0", "c0"), ""),
        (("metadata.json",), (), ""),
    ],
)
def test_packed_files_that_may_hold_the_labels_are_told(
    tmp_path: Path, names: tuple[str, ...], labels: tuple[str, ...], doubt: str
) -> None:
    members = {name: f"a{number}\nb{number}\nc{number}\n" for number, name in enumerate(names)}
    file = packing(averaging(tmp_path / "m.tflite"), members)
    bundle = opened(file).bundle
    assert bundle.labels == labels
    assert len(bundle.warnings) == bool(doubt)
    assert doubt in "".join(bundle.warnings)
    given = tmp_path / "given.txt"
    given.write_text("x\ny\nz\n")
    assert LiteRTModel(load_bundle(file, "tiny", labels=given)).bundle.warnings == ()


def test_a_state_may_be_declared_by_the_names_of_a_signature(tmp_path: Path) -> None:
    model = TinyModel()
    ids = {name: model.tensor(f"serving_default_{name}:0", [1, 4]) for name in ("x", "h")}
    outs = {
        name: model.tensor(f"StatefulPartitionedCall:{i}", [1, 4]) for i, name in enumerate(("y", "n"))
    }
    model.operator("ADD", list(ids.values()), [outs["y"]])
    model.operator("MUL", list(ids.values()), [outs["n"]])
    model.signature(ids, outs)
    model.write(tmp_path / "model.tflite", list(ids.values()), list(outs.values()))
    (tmp_path / "bundle.toml").write_text('[[state]]\ninput = "h"\noutput = "n"\n')
    pair = StatePair("serving_default_h:0", "StatefulPartitionedCall:1")
    assert described(load_bundle(tmp_path, "m")).state == (pair,)


def test_outputs_may_be_declared_by_the_names_of_a_signature(tmp_path: Path) -> None:
    model = TinyModel()
    image = model.tensor("serving_default_x:0", [1, 4])
    shape = model.tensor("shape", [2], "int32", value=np.array([1, 4]))
    result = model.tensor("PartitionedCall:0", [1, 4])
    model.operator("RESHAPE", [image, shape], [result], newShape=[1, 4])
    model.signature({"x": image}, {"chances": result})
    (tmp_path / "bundle.toml").write_text(
        '[[outputs]]\nname = "chances"\nmeaning = "scores"\n', encoding="utf-8"
    )
    model.write(tmp_path / "model.tflite", [image], [result])
    (output,) = described(load_bundle(tmp_path, "m")).outputs
    assert (output.name, output.meaning) == ("PartitionedCall:0", "scores")


def test_warnings_are_logged_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("WARNING")
    model = opened(packing(averaging(tmp_path / "m.tflite"), {"vocab.txt": "a"}))
    (warning,) = [line for line in model.bundle.warnings if "vocab.txt" in line]
    model({"image": np.zeros((1, 4, 4, 3), np.float32)})
    assert caplog.messages.count(f"tiny: {warning}") == 1
