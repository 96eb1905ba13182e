"""Places: whether a file or a folder can be made where an option says."""

from __future__ import annotations

from pathlib import Path

from edge_vision.data.errors import ConfigError


def check_place(folder: Path, option: str) -> None:
    """Refuse a folder that is, or would lie in, something that is no folder; raises ConfigError."""
    try:
        for place in (folder, *folder.parents):
            if place.is_dir():
                return
            if place.exists() or place.is_symlink():
                raise ConfigError(f"{place} is no folder", option)
    except OSError as error:
        raise ConfigError(f"{folder}: {error.strerror}", option) from None


def check_file_place(file: Path, option: str) -> None:
    """Refuse a file that cannot be there: a folder is, or its own folder is not; raises ConfigError."""
    try:
        if file.is_dir():
            raise ConfigError(f"{file} is a folder", option)
        if not file.parent.is_dir():
            raise ConfigError(f"no such folder: {file.parent}", option)
    except OSError as error:
        raise ConfigError(f"{file}: {error.strerror}", option) from None
