"""The bundle.toml of a model's folder: every key of it, read strictly."""

from __future__ import annotations

import os
import tomllib
from pathlib import Path
from typing import Any, Literal

from pydantic import field_validator

from edge_vision.contracts.labels import TEXT_LIMIT, reason
from edge_vision.contracts.made import Made, made_of
from edge_vision.contracts.model import TASKS, Fit
from edge_vision.contracts.options import Options, option
from edge_vision.contracts.regular_file import read_regular
from edge_vision.data.errors import ConfigError, ModelError

MODEL_FILE = "model.tflite"
"""The file of a bundle's first form."""
_DIGEST = "^([0-9a-f]{64})?$"
_VARIANT = "^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$"


class InputTable(Options):
    """[input] of a bundle.toml: how a view becomes the image that the model takes."""

    mean: float | tuple[float, ...] | None = option(
        None, "Taken from each pixel, which is 0 to 255; one number, or one for each channel."
    )
    std: float | tuple[float, ...] | None = option(
        None, "What remains is divided by it; one number, or one for each channel."
    )
    order: Literal["rgb", "bgr"] | None = option(None, "Order of the channels; left out, rgb.")
    fit: Fit | None = option(
        None, "How a view is made to fit: stretched, or whole with grey bars; left out, as is usual."
    )


class FurtherInputTable(Options):
    """One of [[inputs]] of a bundle.toml."""

    name: str = option(..., "The tensor's name in the model.", min_length=1)
    meaning: Literal["image", "latent", "label", "features"] = option(
        ..., "What it takes: a picture, numbers drawn at random, a class, or values of another kind."
    )


class OutputTable(Options):
    """One of [[outputs]] of a bundle.toml."""

    name: str = option(..., "The tensor's name in the model.", min_length=1)
    meaning: str = option(..., "What it is, such as scores, boxes, class-map.", min_length=1)
    tolerance: float | None = option(
        None,
        "Real values by which it may differ from its golden files; left out, as is usual for its kind.",
        ge=0,
    )
    share: float | None = option(
        None, "Share of its values that must be within the tolerance; left out, likewise.", gt=0, le=1
    )


class AllowanceTable(Options):
    """One of [[variants.outputs]] of a bundle.toml: how far a variant may be from the golden files."""

    name: str = option(..., "The output's name.", min_length=1)
    tolerance: float | None = option(
        None, "As in [[outputs]], of this variant; left out, as is usual for one.", ge=0
    )
    share: float | None = option(None, "Likewise.", gt=0, le=1)


class VariantTable(Options):
    """One of [[variants]] of a bundle.toml: a further form of the same model."""

    name: str = option(..., "What it is called, such as float16 or int8.", pattern=_VARIANT)
    file: str = option(..., "Its .tflite file, in the bundle's folder.", min_length=1)
    sha256: str = option("", "Digest of that file; another one is refused.", pattern=_DIGEST)
    outputs: tuple[AllowanceTable, ...] = option(
        (),
        "Outputs that may be further from the golden files, or less far, than is usual for a variant.",
    )


class StateTable(Options):
    """One of [[state]] of a bundle.toml: an output that is an input of the next run."""

    input: str = option("", "The input's name; left out for a variable inside the graph.")
    output: str = option(..., "The output's name, or that of a variable inside the graph.", min_length=1)


class BundleTable(Options):
    """A bundle.toml, but for its table [made], which says how the model came about."""

    name: str = option("", "What its maker calls it.")
    version: str = option("", "Which of several.")
    task: str = option("", "What it is for; left out, it is told from the outputs.")
    sha256: str = option("", "Digest of model.tflite; another file is refused.", pattern=_DIGEST)
    labels: str = option(
        "", "File of labels beside it; left out, labels.txt, else those packed in the model."
    )
    layout: str = option("", "How its outputs are arranged; left out, it is told from them.")
    variant: str = option("model", "What form model.tflite is, such as float32.", pattern=_VARIANT)
    variants: tuple[VariantTable, ...] = option(
        (), "Further forms of it, with the same inputs and outputs; types and quantisation may differ."
    )
    input: InputTable = option(InputTable(), "How a view becomes its image.")
    inputs: tuple[FurtherInputTable, ...] = option((), "What inputs take where that cannot be told.")
    outputs: tuple[OutputTable, ...] = option((), "What outputs mean where that cannot be told.")
    state: tuple[StateTable, ...] | None = option(
        None, "Outputs that are inputs of the next run; left out, told by shape and name; [] for none."
    )
    decoding: dict[str, Any] = option({}, "What the layout's adapter is told, such as anchors.")

    @field_validator("task")
    @classmethod
    def _is_task(cls, task: str) -> str:
        if task and task not in TASKS:
            raise ValueError(f"should be {', '.join(TASKS[:-1])} or {TASKS[-1]}, not {task!r}")
        return task

    def allowances(self, variant: str) -> tuple[OutputTable | AllowanceTable, ...]:
        """What is declared of how far a variant's outputs may be from the golden files."""
        if variant == self.variant:
            return self.outputs
        return next((row.outputs for row in self.variants if row.name == variant), ())


def read_table(folder: Path) -> BundleTable:
    """The bundle.toml in a folder.

    Raises ConfigError where there is none, ModelError where it is not right.
    """
    table = _read(folder)
    table.pop("made", None)
    try:
        return BundleTable.parse(table)
    except ConfigError as error:
        raise ModelError(f"{folder / 'bundle.toml'}: {error}") from None


def read_made(folder: Path) -> Made:
    """How a folder's model came about, by [made] of its bundle.toml; raises as `read_table` does."""
    return made_of(_read(folder).get("made"))


def inside_folder(folder: Path, written: str, key: str) -> Path:
    """A file in a bundle's folder that a key names; raises ModelError where the way to it leads out.

    A bundle may come from anywhere, and what is read of it is published.
    """
    file = folder / written
    # Links that lead in a circle make Path.resolve fail, and are told when the file is opened.
    if not Path(os.path.realpath(file)).is_relative_to(os.path.realpath(folder)):
        raise ModelError(
            f"{folder / 'bundle.toml'}: {key}: {written} is outside of the bundle's folder; "
            "copy the file into it"
        )
    return file


def _read(folder: Path) -> dict[str, Any]:
    """The tables of a folder's bundle.toml; raises as `read_table` does."""
    path = folder / "bundle.toml"
    try:
        data = read_regular(path, TEXT_LIMIT + 1)
    except FileNotFoundError:
        raise ConfigError(f"{folder} is a folder without a bundle.toml", "bundle") from None
    except OSError as error:
        raise ConfigError(f"{path}: {reason(error)}", "bundle") from None
    if len(data) > TEXT_LIMIT:
        raise ModelError(f"{path}: larger than {TEXT_LIMIT} bytes")
    try:
        return tomllib.loads(data.decode("utf-8"))
    except RecursionError:
        raise ModelError(f"{path}: nested too deeply") from None
    except ValueError as error:
        raise ModelError(f"{path}: {error}") from None
