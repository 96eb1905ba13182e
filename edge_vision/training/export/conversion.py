"""Conversion: a Keras graph becomes .tflite files, in a child process that may crash alone."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from edge_vision.data.errors import TrainingError, one_line, suggestion
from edge_vision.training.export.checks import check_content
from edge_vision.training.export.device_graph import ENDPOINT, DeviceGraph, Sample
from edge_vision.training.export.flatbuffer import Content
from edge_vision.training.export.forms import FORMS, SAMPLES, SAVED, Form, answers_of, file_of
from edge_vision.training.export.states import stacked
from edge_vision.training.whole_file import whole_file

CHILD = Path(__file__).with_name("conversion_child.py")

SECONDS = 900.0
"""So long may a conversion take."""

_QUIET = {"TF_CPP_MIN_LOG_LEVEL": "2", "CUDA_VISIBLE_DEVICES": "-1", "TF_ENABLE_ONEDNN_OPTS": "0"}
_MISSING = re.compile(r"'(tf\.\w+)' op is neither a custom op nor a flex op")
_LAST_WORDS = 4000
_LONGEST_PROBLEM = 400


@dataclass(frozen=True, slots=True)
class Converted:
    """A .tflite file that was made, and what it answers.

    content  the file
    answers  to all samples, (n, ...) by output name, run by LiteRT; empty where they were not wanted
    """

    content: Content
    answers: Mapping[str, NDArray[Any]]


def convert(
    graph: keras.Model,
    form: Form,
    file: Path,
    representative: Sequence[Sample] = (),
    seconds: float = SECONDS,
) -> Path:
    """Write a Keras graph as a .tflite file of a form; the same graph gives the same bytes.

    graph           functional, its outputs a dict by name; batch 1 on the device. Its input "image"
                    takes pixels as uint8, and is normalised inside
    representative  what the device will see, for int8: arrays by input name, each with the batch of 1

    The file has one signature, "serving_default", and tensors of the names of the graph's inputs and
    outputs. All but the image is float32, in every form. Raises TrainingError where it cannot be.
    """
    made = convert_all(graph, (form,), representative, runs=False, seconds=seconds)[form]
    file.parent.mkdir(parents=True, exist_ok=True)
    with whole_file(file) as draft:
        draft.write_bytes(made.content)
    return file


def convert_all(
    graph: keras.Model,
    forms: Sequence[Form],
    representative: Sequence[Sample] = (),
    *,
    runs: bool = True,
    seconds: float = SECONDS,
) -> dict[Form, Converted]:
    """A Keras graph as .tflite files of several forms, made by one child process.

    runs     also run each file on the representative data
    seconds  so long may all of it take
    """
    for form in forms:
        if form not in FORMS:
            raise TrainingError(f"no form is called {form}{suggestion(form, FORMS)}")
    device = DeviceGraph(graph)
    if not representative and ("int8" in forms or runs):
        raise TrainingError("int8 needs representative data: some hundred samples of what it will see")
    for sample in representative:
        device.check(sample)
    with tempfile.TemporaryDirectory(prefix="edge-vision-export-") as name:
        folder = Path(name)
        device.save(folder / SAVED)
        arrays: dict[str, Any] = stacked(representative)
        np.savez(folder / SAMPLES, **arrays)
        _run_child(folder, forms, runs, seconds)
        made = {form: _collected(folder, form, runs) for form in forms}
    for form, each in made.items():
        check_content(each.content, f"{graph.name} as {form}", device.weights)
    return made


def _collected(folder: Path, form: Form, runs: bool) -> Converted:
    answers: dict[str, NDArray[Any]] = {}
    if runs:
        with np.load(answers_of(folder, form)) as held:
            answers = dict(held)
    return Converted(file_of(folder, form).read_bytes(), answers)


def _run_child(folder: Path, forms: Sequence[Form], runs: bool, seconds: float) -> None:
    """Let the child make the files; raises TrainingError with what it said last where it did not."""
    wishes = {
        "path": [str(each) for each in sys.path],
        "folder": str(folder),
        "endpoint": ENDPOINT,
        "forms": list(forms),
        "run": runs,
    }
    with (folder / "noise").open("w+b") as noise:
        try:
            child = subprocess.run(  # noqa: S603 - our own interpreter and file
                [sys.executable, "-I", str(CHILD), json.dumps(wishes)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=noise,
                cwd=folder,
                env={**os.environ, **_QUIET},
                timeout=seconds,
                check=False,
            )
        except subprocess.TimeoutExpired as late:
            form = _last_form(late.stdout or b"")
            raise TrainingError(
                f"the conversion to {form} did not end within {seconds:.0f} seconds; convert a smaller "
                "graph, or fewer representative samples"
            ) from None
        noise.seek(0, os.SEEK_END)
        noise.seek(max(0, noise.tell() - _LAST_WORDS))
        last_words = noise.read().decode(errors="replace")
    if child.returncode != 0 or b'"problem"' in child.stdout:
        raise _failure(child.returncode, child.stdout, last_words)


def _failure(status: int, said: bytes, last_words: str) -> TrainingError:
    """What went wrong in a child, in one line."""
    lines = said.decode(errors="replace").splitlines()
    if lines and lines[-1].startswith("{"):
        told = json.loads(lines[-1])
        missing = sorted(set(_MISSING.findall(told["problem"])))
        if missing:
            return TrainingError(
                f"cannot be converted to {told['form']}: TFLite has no {', '.join(missing)}; build the "
                "layer that needs it from others (no Flex operators: the daemon's runtime has none)"
            )
        return TrainingError(f"cannot be converted to {told['form']}: {_short(told['problem'])}")
    form = _last_form(said)
    if status < 0:
        name = signal.Signals(-status).name
        return TrainingError(
            f"the converter crashed at {form} ({name}); leave that form out, or build the network from "
            "other layers (loops over a sequence crash it: use a step with its state explicit)"
        )
    reason = last_words.strip().rpartition("\n")[2] or f"exit status {status}"
    return TrainingError(f"the conversion to {form} failed: {_short(reason)}")


def _last_form(said: bytes) -> str:
    """The form that a child was at."""
    lines = [line for line in said.decode(errors="replace").splitlines() if line in FORMS]
    return lines[-1] if lines else "its first form"


def _short(problem: str) -> str:
    line = one_line(problem)
    return line if len(line) <= _LONGEST_PROBLEM else f"{line[: _LONGEST_PROBLEM - 3]}..."
