"""Drafts: the hidden folders in which bundles are made, and those that somebody left behind."""

from __future__ import annotations

import fcntl
import logging
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

OLD = ".old"
"""Ends the name of a bundle that was put aside, because another one is about to take its place."""

_DRAFT = re.compile(rf"\.(?P<bundle>[A-Za-z0-9][A-Za-z0-9_-]*)\.[0-9a-f]{{8}}(?P<old>{re.escape(OLD)})?")

_log = logging.getLogger(__name__)


@contextmanager
def tidied(folder: Path) -> Iterator[None]:
    """Keep a folder of bundles for making one, after what earlier processes left there is put right.

    Whoever makes a bundle shares a lock of the folder, which ends with the process, however that ends.
    Only somebody who has the lock alone puts right what is left there, so that is nobody's any more.
    Raises OSError where the folder cannot be opened.
    """
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        if _locked(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB):
            _tidy(folder)
        _locked(descriptor, fcntl.LOCK_SH)
        yield
    finally:
        os.close(descriptor)


def replaced_bundles(folder: Path) -> dict[str, Path]:
    """By name, the bundles that were put aside and whose successors did not take their places.

    Raises OSError where the folder cannot be read.
    """
    return {
        bundle: path
        for path, bundle, is_old in _drafts(folder)
        if is_old and not os.path.lexists(folder / bundle)
    }


def _tidy(folder: Path) -> None:
    """Put back bundles whose successors did not take their places, and remove all other drafts."""
    for bundle, old in replaced_bundles(folder).items():
        try:
            old.rename(folder / bundle)
        except OSError as error:
            _log.warning("%s: cannot be put back as %s: %s", old, bundle, error.strerror)
    for path, bundle, is_old in _drafts(folder):
        if not is_old or os.path.lexists(folder / bundle):
            shutil.rmtree(path, ignore_errors=True)


def _drafts(folder: Path) -> list[tuple[Path, str, bool]]:
    """The drafts in a folder: each one's path, its bundle's name, and whether it is one put aside."""
    with os.scandir(folder) as found:
        names = sorted(entry.name for entry in found if entry.is_dir(follow_symlinks=False))
    matches = [match for match in map(_DRAFT.fullmatch, names) if match]
    return [(folder / match[0], match["bundle"], match["old"] is not None) for match in matches]


def _locked(descriptor: int, how: int) -> bool:
    """Lock a folder; False where others have it, or where its file system knows no locks."""
    try:
        fcntl.flock(descriptor, how)
    except OSError:
        return False
    return True
