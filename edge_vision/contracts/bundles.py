"""Reading a model bundle: a folder with a bundle.toml, or a .tflite file by itself."""

from __future__ import annotations

import hashlib
import math
import re
import tomllib
import zipfile
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Literal

from edge_vision.contracts.model import ModelBundle
from edge_vision.contracts.options import Options, option
from edge_vision.contracts.tensors import TensorSpec
from edge_vision.data.errors import ConfigError, ModelError, suggestion

TEXT_LIMIT = 1 << 20
"""Files of labels and bundle.toml are read up to this many bytes."""

_IDENTIFIER = b"TFL3"
_NUMBERED = re.compile(r"(\d+)[\s:]+(\S.*)")
_PACKED_LABELS = ("labels.txt", "labelmap.txt")


class InputTable(Options):
    """[input] of a bundle.toml: how pixels become floats, value = (pixel - mean) / std."""

    mean: float = option(0.0, "Taken from each pixel, which is 0 to 255.")
    std: float = option(255.0, "What remains is divided by it.", gt=0)


class OutputTable(Options):
    """One of [[outputs]] of a bundle.toml."""

    name: str = option(..., "The tensor's name in the model.", min_length=1)
    meaning: str = option(..., "What it is, such as scores, boxes, class-map.", min_length=1)


class BundleTable(Options):
    """A bundle.toml; its table [made] is for people and is not read here."""

    name: str = option("", "What its maker calls it.")
    version: str = option("", "Which of several.")
    task: Literal["", "classify", "detect", "segment", "generate", "keypoints", "read", "embed"] = (
        option("", "What it is for; left out, it is told from the outputs.")
    )
    sha256: str = option(
        "", "Digest of model.tflite; another file is refused.", pattern="^([0-9a-f]{64})?$"
    )
    labels: str = option("", "File of labels beside it; left out, those packed in the model.")
    input: InputTable | None = option(None, "How pixels become floats.")
    outputs: tuple[OutputTable, ...] = option((), "What outputs mean where that cannot be told.")


def load_bundle(
    path: Path,
    name: str,
    *,
    labels: Path | None = None,
    mean: float | None = None,
    std: float | None = None,
) -> ModelBundle:
    """What can be known of a model without opening it.

    path    a bundle's folder, or a .tflite file
    name    what the configuration calls it
    labels  a file of labels that goes before the bundle's own
    mean    of a float input, taken from each pixel (0 to 255); goes before the bundle's own
    std     of a float input, what remains is divided by it; likewise

    Raises ConfigError, with the key at fault, where what was asked for is not there, and ModelError
    where the model or its bundle.toml is not right.
    """
    if path.is_dir():
        table = _read_table(path / "bundle.toml")
        file = path / "model.tflite"
    else:
        table = BundleTable()
        file = path
    _check_file(file, table.sha256)
    if labels is not None:
        names = read_labels(labels)
    elif table.labels:
        names = read_labels(path / table.labels)
    else:
        names = packed_labels(file)
    outputs = tuple(TensorSpec(o.name, (), "", meaning=o.meaning) for o in table.outputs)
    return ModelBundle(name, file, names, table.task, _normalised(table.input, mean, std), outputs)


def with_tensors(
    bundle: ModelBundle, inputs: tuple[TensorSpec, ...], outputs: tuple[TensorSpec, ...]
) -> ModelBundle:
    """A copy with the tensors that a runtime found, and what had been declared of them.

    Raises ModelError where an output was declared that the model does not have, or a normalisation
    for a model without a float input.
    """
    known = [spec.name for spec in outputs]
    for declared in bundle.outputs:
        if declared.name not in known:
            raise ModelError(
                f"{bundle.name}: bundle.toml names the output {declared.name}, which the model "
                f"does not have{suggestion(declared.name, known)}"
            )
    meanings = {spec.name: spec.meaning for spec in bundle.outputs}
    outputs = tuple(replace(spec, meaning=meanings.get(spec.name, spec.meaning)) for spec in outputs)
    for declared in bundle.inputs:
        floats = [
            spec.name for spec in inputs if len(spec.shape) == 4 and spec.dtype.startswith("float")
        ]
        if not floats:
            seen = ", ".join(str(spec) for spec in inputs)
            raise ModelError(
                f"{bundle.name}: mean and std are for float images; this model takes {seen} as it is"
            )
        inputs = tuple(
            replace(spec, mean=declared.mean, std=declared.std) if spec.name in floats else spec
            for spec in inputs
        )
    return replace(bundle, inputs=inputs, outputs=outputs)


def read_labels(path: Path) -> tuple[str, ...]:
    """The labels in a file; raises ConfigError at `labels` where it cannot be used."""
    try:
        with path.open("rb") as file:
            data = file.read(TEXT_LIMIT + 1)
    except OSError as error:
        raise ConfigError(f"{path}: {_reason(error)}", "labels") from None
    try:
        return parse_labels(data)
    except ValueError as error:
        raise ConfigError(f"{path}: {error}", "labels") from None


def packed_labels(file: Path) -> tuple[str, ...]:
    """The labels packed in a .tflite file, which TFLite's metadata appends to it as a ZIP archive.

    labels.txt goes first, then labelmap.txt, then the first other name that holds "label". Empty
    where none is packed; raises ModelError where one is and cannot be read.
    """
    if not zipfile.is_zipfile(file):
        return ()
    try:
        with zipfile.ZipFile(file) as archive:
            found = [info for info in archive.infolist() if _is_label_file(info.filename)]
            if not found:
                return ()
            best = min(found, key=lambda info: _preference(info.filename))
            with archive.open(best) as member:
                return parse_labels(member.read(TEXT_LIMIT + 1))
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, ValueError, OSError) as error:
        raise ModelError(f"{file}: the labels packed in it cannot be read ({error})") from None


def parse_labels(data: bytes) -> tuple[str, ...]:
    """Labels from the text of a file, UTF-8, one a line, up to the first empty line.

    What follows an empty line is taken for remarks. Lines of the form "0  person" give each label its
    class; then they run upwards from 0, and a class left out is called by its number. Raises ValueError
    where there are no labels.
    """
    if len(data) > TEXT_LIMIT:
        raise ValueError(f"larger than {TEXT_LIMIT} bytes, so not a file of labels")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"not UTF-8 (byte {error.start}); save it as UTF-8") from None
    lines: list[str] = []
    for line in text.strip().split("\n"):
        if not line.strip():
            break
        lines.append(line.strip())
    if not lines:
        raise ValueError("holds no labels; write one a line")
    return _numbered(lines) or tuple(lines)


def _numbered(lines: list[str]) -> tuple[str, ...]:
    """The labels of numbered lines, empty where the lines are not numbered.

    So that labels such as "1 cent" or "90 degrees" are left alone, the numbers have to start at 0,
    run upwards, and name at least half of the classes.
    """
    matches = [_NUMBERED.fullmatch(line) for line in lines]
    rows = [(int(match[1]), match[2]) for match in matches if match is not None]
    if len(rows) != len(lines) or rows[0][0] != 0 or rows[-1][0] + 1 > 2 * len(rows):
        return ()
    if any(later[0] <= earlier[0] for earlier, later in pairwise(rows)):
        return ()
    named = dict(rows)
    return tuple(named.get(number, str(number)) for number in range(rows[-1][0] + 1))


def _is_label_file(name: str) -> bool:
    base = name.rpartition("/")[2].lower()
    return "label" in base and base.endswith(".txt")


def _preference(name: str) -> tuple[int, str]:
    base = name.rpartition("/")[2].lower()
    rank = _PACKED_LABELS.index(base) if base in _PACKED_LABELS else len(_PACKED_LABELS)
    return rank, name


def _read_table(path: Path) -> BundleTable:
    try:
        with path.open("rb") as file:
            data = file.read(TEXT_LIMIT + 1)
    except FileNotFoundError:
        raise ConfigError(f"{path.parent} is a folder without a bundle.toml", "bundle") from None
    except OSError as error:
        raise ConfigError(f"{path}: {_reason(error)}", "bundle") from None
    if len(data) > TEXT_LIMIT:
        raise ModelError(f"{path}: larger than {TEXT_LIMIT} bytes")
    try:
        table = tomllib.loads(data.decode("utf-8"))
    except RecursionError:
        raise ModelError(f"{path}: nested too deeply") from None
    except ValueError as error:
        raise ModelError(f"{path}: {error}") from None
    table.pop("made", None)
    try:
        return BundleTable.parse(table)
    except ConfigError as error:
        raise ModelError(f"{path}: {error}") from None


def _check_file(file: Path, digest: str) -> None:
    try:
        with file.open("rb") as opened:
            head = opened.read(8)
            opened.seek(0)
            actual = hashlib.file_digest(opened, "sha256").hexdigest() if digest else ""
    except OSError as error:
        raise ConfigError(f"{file}: {_reason(error)}", "bundle") from None
    if not head:
        raise ModelError(f"{file}: the file is empty")
    if head[4:] != _IDENTIFIER:
        raise ModelError(f"{file}: not a TFLite model (no {_IDENTIFIER.decode()} at its fifth byte)")
    if actual != digest:
        raise ModelError(
            f"{file}: its digest is {actual[:12]}..., bundle.toml says {digest[:12]}...; "
            "the file is damaged or was replaced"
        )


def _normalised(
    table: InputTable | None, mean: float | None, std: float | None
) -> tuple[TensorSpec, ...]:
    """What was said of the input's normalisation, as a tensor without a name; empty for nothing."""
    for key, value in (("mean", mean), ("std", std)):
        if value is not None and not math.isfinite(value):
            raise ConfigError(f"should be a finite number, not {value}", key)
    if std is not None and std <= 0:
        raise ConfigError(f"should be greater than 0, not {std}", "std")
    if table is None and mean is None and std is None:
        return ()
    table = table or InputTable()
    return (
        TensorSpec(
            "",
            (),
            "",
            mean=table.mean if mean is None else mean,
            std=table.std if std is None else std,
        ),
    )


def _reason(error: OSError) -> str:
    return "no such file" if isinstance(error, FileNotFoundError) else (error.strerror or str(error))
