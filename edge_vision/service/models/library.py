"""The library: folders of model bundles, installed on this computer or shipped with the program."""

from __future__ import annotations

import importlib.util
import logging
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from edge_vision.data.errors import ConfigError, suggestion
from edge_vision.service.models.drafts import replaced_bundles

log = logging.getLogger(__name__)

VARIABLE = "EDGE_VISION_MODELS"
"""The environment variable that names the only folder of installed bundles."""
SYSTEM_FOLDER = Path("/var/lib/edge-vision/models")
"""Where the system service keeps its models."""
SHIPPED_PACKAGE = "edge_vision_models"
"""The package whose folders are the shipped bundles."""


@dataclass(frozen=True, slots=True)
class Volume:
    """One bundle of the library: its name, where it comes from, and its folder."""

    name: str
    origin: Literal["installed", "shipped"]
    folder: Path


@dataclass(frozen=True, slots=True)
class Library:
    """Bundles by name: a folder's name is the bundle's. What is installed goes before what is shipped.

    The folder of a shipped bundle may hold a recipe beside it and be a package of Python: it has _ where
    the bundle's name has -.

    installed  folders of installed bundles; the first that holds a name has it
    shipped    the folder of shipped bundles, None where there is none
    """

    installed: tuple[Path, ...]
    shipped: Path | None = None

    @classmethod
    def here(cls, environment: Mapping[str, str] = os.environ) -> Library:
        """The library of this computer and user."""
        if named := environment.get(VARIABLE):
            return cls((Path(named),), _shipped_folder())
        own = _own_folder(environment)
        return cls((SYSTEM_FOLDER,) if own is None else (own, SYSTEM_FOLDER), _shipped_folder())

    @property
    def target(self) -> Path:
        """The folder that new bundles go to: the last that can be written to, else the first."""
        return next((each for each in reversed(self.installed) if _can_write(each)), self.installed[0])

    def volumes(self) -> Iterator[Volume]:
        """All bundles, the installed ones first, by name; one that is hidden by another comes too."""
        for folder in self.installed:
            for name, path in _bundles(folder).items():
                yield Volume(name, "installed", path)
        if self.shipped is not None:
            for name, path in _shipped_bundles(self.shipped).items():
                yield Volume(name, "shipped", path)

    def find(self, written: str, folder: Path) -> Path:
        """The bundle's folder, or the file, that a text such as `bundle` in [models] means.

        A path, relative to `folder`, goes first: it is one where it has a slash, ends in .tflite, or
        something of that name is there. The folder of a training stands for the bundle that it made.
        Raises ConfigError, with a near name, for a name that nothing
        has.
        """
        path = folder / written
        if "/" in written or written.endswith(".tflite") or os.path.lexists(path):
            return made_bundle(path)
        names = []
        for volume in self.volumes():
            if volume.name == written:
                return volume.folder
            names.append(volume.name)
        hint = suggestion(written, names) or "; `edge-vision models add FILE` installs one"
        raise ConfigError(f"no file, installed or shipped bundle is called {written}{hint}", "bundle")


def made_bundle(path: Path) -> Path:
    """The bundle in the folder of a training, any other path as it is."""
    inside = path / "bundle"
    is_run = not os.path.lexists(path / "bundle.toml") and os.path.lexists(inside / "bundle.toml")
    return inside if is_run else path


def _own_folder(environment: Mapping[str, str]) -> Path | None:
    """The user's own folder of models (XDG Base Directory Specification), None without a home."""
    data = Path(environment.get("XDG_DATA_HOME", ""))
    if not data.is_absolute():  # the specification has relative ones ignored
        home = environment.get("HOME", "")
        if not home:
            return None
        data = Path(home) / ".local" / "share"
    return data / "edge-vision" / "models"


def _shipped_folder() -> Path | None:
    """The folder of the package of shipped bundles, None where it is not installed."""
    spec = importlib.util.find_spec(SHIPPED_PACKAGE)
    places = None if spec is None else spec.submodule_search_locations
    return Path(next(iter(places))) if places else None


def _can_write(folder: Path) -> bool:
    """True where a folder can be written to, or made."""
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    return folder.is_dir() and os.access(folder, os.W_OK | os.X_OK)


def _shipped_bundles(folder: Path) -> dict[str, Path]:
    """The folders of shipped bundles by name; what has no bundle.toml is the program's own."""
    return {
        name.replace("_", "-"): path
        for name, path in _bundles(folder).items()
        if os.path.lexists(path / "bundle.toml")
    }


def _bundles(folder: Path) -> dict[str, Path]:
    """The folders in a folder by name, hidden and private ones left out.

    A bundle whose replacement was interrupted, as by a power cut, is found where it was put aside.
    """
    try:
        with os.scandir(folder) as found:
            names = [entry.name for entry in found if entry.is_dir()]
        bundles = replaced_bundles(folder)
    except FileNotFoundError:
        return {}
    except OSError as error:
        log.warning("%s: the models in it cannot be seen: %s", folder, error.strerror)
        return {}
    bundles |= {name: folder / name for name in names if not name.startswith((".", "_"))}
    return dict(sorted(bundles.items()))
