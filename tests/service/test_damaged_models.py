"""Damaged models: each is a named error or a clean load, and never a crash or a hang of ours.

They are tried through `check` inside of this very process, which would die with them.
"""

from __future__ import annotations

import io
import os
import random
import re
import signal
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest

from edge_vision.service.cli import main
from tests.service.process import Process, daemon
from tests.tiny_models import TinyModel, accumulating, averaging, copying, customised, detecting, twins

COUNT, BATCHES = 300, 10
SEED = 20261122

REAL = (
    "coco_ssd_mobilenet_v1_quant_metadata",
    "dig-class100-0180-s2_q",
    "face_detection_short_range",
    "mlperf_tiny_vww_96_int8",
    "mobilenet_v1_0.25_224_quant_metadata",
    "movenet_single_pose_lightning_ptq",
    "tflm_mnist_lstm_float",
    "yolov8n_int8",
)

Wholes = Sequence[bytes]
Damage = Callable[[random.Random, Wholes], bytes]


def cut(chance: random.Random, wholes: Wholes) -> bytes:
    """A download that broke off, now and then close to its end."""
    whole = chance.choice(wholes)
    near_the_end = chance.random() < 0.3
    return whole[: -chance.randrange(1, 2000)] if near_the_end else whole[: chance.randrange(len(whole))]


def flipped_anywhere(chance: random.Random, wholes: Wholes) -> bytes:
    """Mostly the weights."""
    whole = chance.choice(wholes)
    return flipped(
        whole, [chance.randrange(len(whole)) for _ in range(chance.choice((1, 10, 100)))], chance
    )


def flipped_header(chance: random.Random, wholes: Wholes) -> bytes:
    """The first bytes lead to all others."""
    return flipped(chance.choice(wholes), [chance.randrange(120)], chance)


def flipped_tables(chance: random.Random, wholes: Wholes) -> bytes:
    """Tables lie near the names in them."""
    whole = chance.choice(wholes)
    names = [match.start() for match in re.finditer(rb"[\w/:]{5,}", whole)]
    places = [chance.choice(names) + chance.randrange(-60, 20) for _ in range(chance.choice((1, 2, 5)))]
    return flipped(whole, [min(max(place, 0), len(whole) - 1) for place in places], chance)


def flipped_end(chance: random.Random, wholes: Wholes) -> bytes:
    """Metadata and packed files are at the end, in some files the tables too."""
    whole = chance.choice(wholes)
    first = max(0, len(whole) - 3000)
    return flipped(
        whole, [chance.randrange(first, len(whole)) for _ in range(chance.choice((1, 3)))], chance
    )


def flipped(whole: bytes, places: Sequence[int], chance: random.Random) -> bytes:
    damaged = bytearray(whole)
    for place in places:
        damaged[place] ^= 1 << chance.randrange(8)
    return bytes(damaged)


def spliced(chance: random.Random, wholes: Wholes) -> bytes:
    """The beginning of one model, and of another the end."""
    first, second = chance.choice(wholes), chance.choice(wholes)
    place = chance.randrange(8, len(first))
    return first[:place] + second[min(place, len(second)) :]


def emptied(chance: random.Random, wholes: Wholes) -> bytes:
    """A run of zeros, as a disk without power leaves it."""
    damaged = bytearray(chance.choice(wholes))
    length = min(chance.choice((8, 100, 4096)), len(damaged) - 8)
    place = chance.randrange(8, len(damaged) - length + 1)
    damaged[place : place + length] = bytes(length)
    return bytes(damaged)


def of_another_type(chance: random.Random, wholes: Wholes) -> bytes:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as opened:
        opened.writestr("model.tflite", chance.choice(wholes)[:1000])
    return chance.choice(
        (
            b"",
            b"\x89PNG\r\n\x1a\n" + chance.randbytes(500),
            b"<!DOCTYPE html><html><body>404: not found</body></html>",
            b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 4185023\n",
            archive.getvalue(),
            chance.randbytes(3000),
            b"\x1c\0\0\0TFL3" + chance.randbytes(3000),
        )
    )


DAMAGES: tuple[Damage, ...] = (
    cut,
    flipped_anywhere,
    flipped_header,
    flipped_tables,
    flipped_tables,
    flipped_end,
    spliced,
    emptied,
    of_another_type,
)


def tiny(folder: Path) -> list[bytes]:
    files = (
        averaging(folder / "averaging.tflite"),
        accumulating(folder / "accumulating.tflite", steps=3),
        copying(folder / "copying.tflite", [1, 8, 8, 3], dtype="int8", quantisation=(1 / 255, -128)),
        detecting(folder / "detecting.tflite"),
        twins(folder / "twins.tflite"),
    )
    with zipfile.ZipFile(files[0], "a") as archive:
        archive.writestr("labels.txt", "red\ngreen\nblue\n")
    return [file.read_bytes() for file in files]


def damaged_models(wholes: Wholes, numbers: Iterable[int]) -> Iterator[tuple[str, bytes]]:
    """Damaged models by their numbers: a name, and what is in the file."""
    for number in numbers:
        damage = DAMAGES[number % len(DAMAGES)]
        chance = random.Random(f"{SEED} {number}")
        yield f"{number:03}-{damage.__name__}", damage(chance, wholes)


def tried(
    models: Iterable[tuple[str, bytes]], folder: Path, capfd: pytest.CaptureFixture[str]
) -> Mapping[str, int]:
    """The exit status of `check` for each; what it says is one line that names the file."""
    statuses = {}
    config = folder / "config.toml"
    for name, content in models:
        (folder / f"{name}.tflite").write_bytes(content)
        config.write_text(
            f'[models.m]\nbundle = "{name}.tflite"\n[cameras.c]\nsource = "test"\nstages = []\n'
        )
        statuses[name] = main(["--log-level", "error", "check", str(config)])
        said = capfd.readouterr().err
        assert statuses[name] in (0, 78), name
        assert said.count("\n") == (1 if statuses[name] else 0), said
        assert not statuses[name] or f"{name}.tflite: " in said, said
        assert len(said) < 1000, said
        (folder / f"{name}.tflite").unlink()
    return statuses


def test_damaged_tiny_models_are_told(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    statuses = tried(damaged_models(tiny(tmp_path), range(60)), tmp_path, capfd)
    assert list(statuses.values()).count(78) > 30


@pytest.mark.shared
@pytest.mark.slow
@pytest.mark.parametrize("batch", range(BATCHES))
def test_damaged_real_models_are_told(
    shared: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str], batch: int
) -> None:
    wholes = [(shared / "models" / f"{name}.tflite").read_bytes() for name in REAL] + tiny(tmp_path)
    statuses = tried(damaged_models(wholes, range(batch, COUNT, BATCHES)), tmp_path, capfd)
    assert len(statuses) == COUNT // BATCHES
    assert {0, 78} == set(statuses.values())


def giving_no_numbers(file: Path) -> Path:
    """A classifier (1, 4, 4, 3) -> (1, 3) whose weights were ruined in training."""
    model = TinyModel()
    image, means = model.tensor("image", [1, 4, 4, 3]), model.tensor("means", [1, 3])
    axes = model.tensor("axes", [2], "int32", value=np.array([1, 2]))
    ruined, sums = (
        model.tensor("ruined", [1], value=np.array([np.nan])),
        model.tensor("sums", [1, 4, 4, 3]),
    )
    model.operator("ADD", [image, ruined], [sums])
    model.operator("MEAN", [sums, axes], [means], keepDims=False)
    return model.write(file, [image], [means])


@pytest.mark.parametrize("make", [os.mkfifo, lambda path: path.symlink_to("/dev/zero")])
def test_a_pipe_in_a_models_place_ends_the_check_at_once(
    tmp_path: Path, make: Callable[[Path], None]
) -> None:
    make(tmp_path / "model.tflite")
    status, said = checked(tmp_path)
    assert (status, said.count("\n")) == (78, 1)
    assert "models.m.bundle: " in said
    assert "model.tflite: is not a regular file" in said


def test_a_model_that_gives_no_numbers_fails_the_check(tmp_path: Path) -> None:
    giving_no_numbers(tmp_path / "model.tflite")
    status, said = checked(tmp_path)
    assert (status, said.count("\n")) == (78, 1)
    assert "its output means held values that are no numbers" in said


def checked(folder: Path) -> tuple[int, str]:
    """The exit status of `check` in a process of its own, which may take a while, and what it says."""
    config = folder / "config.toml"
    config.write_text(
        '[models.m]\nbundle = "model.tflite"\n[cameras.c]\nsource = "test"\n'
        'stages = [{ uses = "classify", model = "m" }]\n'
    )
    done = subprocess.run(
        [sys.executable, "-m", "edge_vision", "check", str(config)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return done.returncode, done.stderr


def refusals(process: Process) -> int:
    """How often a reload was refused."""
    return sum("the configuration that runs is kept" in line for line in list(process.log))


def reload_refused(process: Process, model: Path | None = None, content: bytes = b"") -> None:
    """Have the daemon reload (another model), wait until it has refused, and see that it goes on."""
    if model is not None:
        model.write_bytes(content)
    refused = refusals(process)
    process.send(signal.SIGHUP)
    process.until(lambda: refusals(process) > refused)
    go_on(process)


def go_on(process: Process) -> None:
    before = len(process.results())
    process.until(lambda: len(process.results()) > before + 3)
    assert process.results()[-1]["labels"]


def test_a_running_daemon_keeps_its_model_where_a_reload_brings_a_damaged_one(tmp_path: Path) -> None:
    model = averaging(tmp_path / "model.tflite")
    whole = model.read_bytes()
    (tmp_path / "labels.txt").write_text("red\ngreen\nblue\n")
    config = tmp_path / "config.toml"
    config.write_text(
        'node = "bench"\n[models.m]\nbundle = "model.tflite"\nlabels = "labels.txt"\n'
        '[cameras.porch]\nsource = "test"\nfps = 20\nstages = [{ uses = "classify", model = "m" }]\n'
    )
    with daemon(config) as process:
        process.until(lambda: bool(process.results()))
        reload_refused(process, model, whole[: len(whole) // 2])
        assert process.said("model.tflite: is damaged or cut short")
        reload_refused(process, model, b"")
        assert process.said("model.tflite: the file is empty")
        reload_refused(process, model, customised(tmp_path / "other.tflite").read_bytes())
        assert process.said("model.tflite: needs the custom operator PosenetDecoderOp")
        reload_refused(process, model, giving_no_numbers(tmp_path / "other.tflite").read_bytes())
        assert process.said("model.tflite: its output means held values that are no numbers")
        model.unlink()
        os.mkfifo(model)
        reload_refused(process)
        assert process.said("model.tflite: is not a regular file")
        model.unlink()
        model.write_bytes(whole)
        process.send(signal.SIGHUP)
        go_on(process)
        process.send(signal.SIGTERM)
        assert process.wait(10) == 0
        numbers = [result["seq"] for result in process.results()]
    assert numbers == list(range(1, len(numbers) + 1))
