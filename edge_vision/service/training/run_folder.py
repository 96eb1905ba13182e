"""A run's folder: what is being trained there, from what, and how far it has come."""

from __future__ import annotations

import fcntl
import os
import platform
import shutil
import tomllib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from edge_vision.contracts.options import Options
from edge_vision.data.errors import TrainingError
from edge_vision.service.models.inspection import plain_name
from edge_vision.service.models.toml_text import toml_text
from edge_vision.service.training.data_digest import PREFIX
from edge_vision.service.training.settings import flat
from edge_vision.training.fitting.checkpoint import FILE as CHECKPOINT
from edge_vision.training.whole_file import whole_file

FILE = "run.toml"
CACHE = "cache"
PACKAGES = ("edge-vision", "keras", "tensorflow", "tensorflow-cpu", "jax", "torch", "numpy")
CHANGED = 3
"""So many differences between two runs are told at most."""


@dataclass(frozen=True, slots=True)
class Run:
    """One training: what decides how it ends.

    recipe       as it was written: a name, or a file's path
    command      what was typed
    name         of the bundle; empty for what it was, at first that of the run's folder
    options      all of them, as TOML knows them
    data         the folder that it learns from
    digest       of the files in there
    distribute   none, mirrored or workers
    started      date and time
    is_trained   True once its networks have learnt
    versions     of what it was trained with
    kind         of the options, which is not written down
    """

    recipe: str
    command: str
    name: str
    options: Mapping[str, Any]
    data: Path
    digest: str
    distribute: str = "none"
    started: str = ""
    is_trained: bool = False
    versions: Mapping[str, str] | None = None
    kind: type[Options] = Options


class RunFolder:
    """The folder of one run. Nobody writes there but who holds it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.bundle = path / "bundle"

    def read(self) -> Run | None:
        """The run of this folder, None where there is none; raises TrainingError."""
        file = self.path / FILE
        try:
            table = tomllib.loads(file.read_text(encoding="utf-8"))
            table["data"] = Path(table["data"])
            return Run(**table)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise TrainingError(f"{file}: cannot be read: {error.strerror}") from None
        except (ValueError, TypeError, KeyError) as error:
            raise TrainingError(f"{file}: is no run's ({error}); --restart, or another --out") from None

    @contextmanager
    def held(self) -> Iterator[None]:
        """Keep the folder for oneself; raises TrainingError where somebody else trains in it."""
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except OSError as error:
            raise TrainingError(f"{self.path}: cannot be used: {error.strerror}") from None
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            raise TrainingError(
                f"{self.path}: another training runs there; choose another --out"
            ) from None
        except OSError:
            pass  # a file system without locks
        try:
            yield
        finally:
            os.close(descriptor)

    def begin(self, run: Run, *, restart: bool) -> Run:
        """Begin a run, or go on with it; gives it as it stands.

        A run that has learnt nothing gives its folder up to another one, so that a mistake is simply
        corrected. Raises TrainingError where another run has the folder, and `restart` does not give
        it up.
        """
        if restart:
            self._clear()
        before = self.read()
        if before is not None and not self._has_learnt(before) and differences(before, run):
            self._clear(but=CACHE)  # what was read of the data is of use whatever was wrong
            before = None
        if before is None:
            if left := [each.name for each in self._holds()]:
                raise TrainingError(
                    f"{self.path}: holds {left[0]} and is no run's folder; choose another --out"
                )
            name = run.name or plain_name(self.path)
            return self._written(replace(run, name=name, started=_now(), versions=_versions()))
        if changed := differences(before, run):
            raise TrainingError(
                f"{self.path}: holds another run: {'; '.join(changed)}. --restart begins anew there, "
                "another --out keeps both"
            )
        moved = replace(before, data=run.data, name=run.name or before.name, digest=run.digest)
        return before if moved == before else self._written(moved)

    def finish(self, run: Run) -> Run:
        """Write down that its networks have learnt."""
        return self._written(replace(run, is_trained=True))

    def _written(self, run: Run) -> Run:
        table = {name: getattr(run, name) for name in Run.__slots__ if name != "kind"}
        table["data"] = str(run.data)
        plain = {name: value for name, value in table.items() if not isinstance(value, Mapping)}
        tables = {name: value for name, value in table.items() if isinstance(value, Mapping)}
        with whole_file(self.path / FILE) as draft:
            draft.write_text(toml_text({**plain, **tables}), encoding="utf-8")
        return run

    def _has_learnt(self, run: Run) -> bool:
        """True where giving the folder up would lose something that was learnt."""
        return run.is_trained or self.bundle.exists() or any(self.path.glob(f"*/{CHECKPOINT}"))

    def _holds(self) -> list[Path]:
        """What is in the folder and is neither hidden nor a cache of data."""
        return [
            each for each in self.path.iterdir() if each.name != CACHE and not each.name.startswith(".")
        ]

    def _clear(self, but: str = "") -> None:
        """Remove what an earlier run left; nothing where the folder was never a run's."""
        if not (self.path / FILE).exists():
            return
        try:
            for each in self.path.iterdir():
                if each.name == but:
                    continue
                if each.is_dir() and not each.is_symlink():
                    shutil.rmtree(each)
                else:
                    each.unlink()
        except OSError as error:
            raise TrainingError(f"{error.filename}: cannot be removed: {error.strerror}") from None


def differences(before: Run, now: Run) -> list[str]:
    """What another run was, or was given, a few words each; empty where they are the same."""
    found = []
    if before.recipe != now.recipe:
        found.append(f"recipe {before.recipe}, not {now.recipe}")
    # What an earlier version had no option for was done as is still usual.
    old, new = flat(now.kind.completed(before.options)), flat(now.options)
    found += [
        f"{key} = {_told(old.get(key))}, not {_told(new.get(key))}"
        for key in sorted({*old, *new})
        if old.get(key) != new.get(key)
    ]
    comparable = before.digest.startswith(PREFIX)  # earlier versions looked at sizes only
    if comparable and before.digest != now.digest:
        found.append(f"its data were other files than those now in {now.data}")
    if before.distribute != now.distribute:
        found.append(f"distribute = {before.distribute}, not {now.distribute}")
    more = len(found) - CHANGED
    return [*found[:CHANGED], *([f"and {more} more"] if more > 0 else [])]


def _told(value: Any) -> str:
    return "left out" if value is None else str(value)


def _versions() -> dict[str, str]:
    """The versions of the packages that decide how a training ends, those that are there."""
    found = {"python": platform.python_version()}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
