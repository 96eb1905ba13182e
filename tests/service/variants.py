"""What tests of bundles with several variants share: a bundle of four forms of one tiny classifier."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np

from tests.service.models import Command
from tests.tiny_models import TinyModel, averaging

NAMES = ("float32", "renamed", "int8", "uint8")
"""The variants of `colour_bundle`, in its order."""
CALLED = ("image", "scores")


def colour_bundle(models: Command, tmp_path: Path, name: str = "colours") -> Path:
    """An installed classifier of three colours: in floats, with other names of tensors, in bytes."""
    file = averaging(tmp_path / f"{name}.tflite", called=CALLED)
    assert models("add", file, "--name", name).status == 0
    folder = models.installed / name
    averaging(folder / "renamed.tflite", names=("serving_default_x:0", "Call:0"), called=CALLED)
    (folder / "small").mkdir()
    averaging(folder / "int8.tflite", dtype="int8", called=CALLED)
    averaging(folder / "small" / "uint8.tflite", dtype="uint8", called=CALLED)
    table = folder / "bundle.toml"
    table.write_text(f'variant = "float32"\n{table.read_text()}')
    for each in ("renamed", "int8", "small/uint8"):
        add_row(folder, Path(each).name, f"{each}.tflite")
    return folder


def add_row(folder: Path, name: str, file: str, more: str = "") -> None:
    """Add one of [[variants]] to a bundle.toml."""
    digest = hashlib.sha256((folder / file).read_bytes()).hexdigest()
    with (folder / "bundle.toml").open("a") as table:
        table.write(f'\n[[variants]]\nname = "{name}"\nfile = "{file}"\nsha256 = "{digest}"\n{more}')


def darker(path: Path, called: tuple[str, str] = CALLED) -> Path:
    """A form of the classifier that is wrong: it gives half of each mean."""
    model = TinyModel()
    image = model.tensor("image", [1, 4, 4, 3])
    axes = model.tensor("axes", [2], "int32", value=np.array([1, 2]))
    half = model.tensor("half", [1], value=np.array([0.5]))
    means, result = model.tensor("means", [1, 3]), model.tensor("result", [1, 3])
    model.operator("MEAN", [image, axes], [means])
    model.operator("MUL", [means, half], [result])
    model.signature({called[0]: image}, {called[1]: result})
    return model.write(path, [image], [result])
