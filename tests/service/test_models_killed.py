"""`edge-vision models add`, killed half way: nothing half done is ever seen, the next one tidies up."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.service.models import Command, colours

STALLING = """
import signal, sys
from edge_vision.service.cli import main
from edge_vision.service.models import installation

def stall(*_):
    print("half way", flush=True)
    signal.pause()

if sys.argv[1] == "filling":
    installation.write_case = stall
else:
    rename = installation.Path.rename
    def first_only(path, target):
        rename(path, target)
        stall()
    installation.Path.rename = first_only
sys.exit(main(["models", "add", *sys.argv[2:]]))
"""


@contextmanager
def half_way(models: Command, where: str, *arguments: str | Path) -> Iterator[subprocess.Popen[str]]:
    """`models add` in a process of its own that stands still half way; killed at the end."""
    process = subprocess.Popen(
        [sys.executable, "-c", STALLING, where, *map(str, arguments)],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "EDGE_VISION_MODELS": str(models.installed)},
    )
    with process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "half way\n"
            yield process
        finally:
            process.kill()


def names(models: Command) -> list[str]:
    return sorted(path.name for path in models.installed.iterdir())


def test_what_a_killed_process_left_is_removed_by_the_next(models: Command, tmp_path: Path) -> None:
    file = colours(tmp_path)
    with half_way(models, "filling", file, "--name", "killed"):
        pass
    assert len(names(models)) == 1
    assert names(models)[0].startswith(".killed.")
    (models.installed / ".mine").mkdir()
    assert models("add", file).status == 0
    assert names(models) == [".mine", "colours"]


def test_what_a_running_process_makes_is_left_alone(models: Command, tmp_path: Path) -> None:
    file = colours(tmp_path)
    with half_way(models, "filling", file, "--name", "running"):
        assert models("add", file).status == 0
        assert len(names(models)) == 2
        assert names(models)[0].startswith(".running.")
    assert models("add", file, "--replace").status == 0
    assert names(models) == ["colours"]


def test_a_bundle_whose_replacement_was_killed_is_found_and_put_back(
    models: Command, tmp_path: Path
) -> None:
    file = colours(tmp_path)
    models("add", file)
    kept = (models.installed / "colours" / "bundle.toml").stat().st_ino
    with half_way(models, "putting", file, "--replace"):
        pass
    assert len(names(models)) == 2
    assert all(name.startswith(".colours.") for name in names(models))
    (row,) = models("list", "--json").json
    assert (row["name"], row["error"]) == ("colours", "")
    assert models("verify", "colours").status == 0
    assert models("add", file, "--name", "other").status == 0
    assert names(models) == ["colours", "other"]
    assert (models.installed / "colours" / "bundle.toml").stat().st_ino == kept
