"""Choice: which variant of a bundle is used: the one that is asked for, else the fastest here."""

from __future__ import annotations

import hashlib
import logging
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from threading import Lock
from typing import TypeAlias

from edge_vision.contracts.model import Model, Variant
from edge_vision.contracts.regular_file import open_model_file
from edge_vision.contracts.variants import check_alike
from edge_vision.data.errors import ConfigError, ModelError, one_line
from edge_vision.service.models.choice_store import read_times, store_file, write_times
from edge_vision.service.models.timing import side_by_side

SAME = 1.05
"""Variants that take at most so many times as long as the fastest are as fast: their order decides."""
MOST_KEPT = 64
"""So many choices are remembered."""

Open: TypeAlias = Callable[[Variant], Model]
"""Opens a variant as the daemon does; raises ConfigError or ModelError."""

_log = logging.getLogger(__name__)
_Key: TypeAlias = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Choice:
    """The variant that is used, and the milliseconds that a run of each one took, by name."""

    variant: str
    milliseconds: Mapping[str, float]

    def __str__(self) -> str:
        times = self.milliseconds
        own = times[self.variant]
        if len(times) == 1:
            return f"{self.variant}, the only one that can be used ({own:.3g} ms)"
        others = ", ".join(f"{name} {ms:.3g}" for name, ms in times.items() if name != self.variant)
        praise = "the fastest here" if own == min(times.values()) else "as fast as any here"
        return f"{self.variant}, {praise} of {len(times)} ({own:.3g} ms; {others})"


class Remembered:
    """Choices of this process by the digests of the files they were made between."""

    def __init__(self) -> None:
        self._choices: OrderedDict[_Key, Choice] = OrderedDict()
        self._one_at_a_time = Lock()

    def get(self, key: _Key) -> Choice | None:
        """The choice between these files, None where none was made."""
        with self._one_at_a_time:
            return self._choices.get(key)

    def put(self, key: _Key, choice: Choice) -> None:
        """Remember a choice; the oldest one is forgotten first."""
        with self._one_at_a_time:
            self._choices[key] = choice
            while len(self._choices) > MOST_KEPT:
                self._choices.popitem(last=False)

    def clear(self) -> None:
        """Forget all."""
        with self._one_at_a_time:
            self._choices.clear()


remembered = Remembered()
"""The choices of this process: what is loaded again is not measured again."""


def fastest_of(name: str, variants: Sequence[Variant], open_one: Open) -> tuple[Model, Choice]:
    """The fastest variant of a bundle, opened, and what the choice was made by.

    name  what the configuration calls the model, for what is logged

    One that cannot be opened or run, or that has other tensors, is left out with a warning; raises what
    was wrong with the first where that is so of all.
    """
    key = tuple((variant.name, _digest(variant)) for variant in variants)
    known = _known(key)
    if known is not None:
        _log.info("%s: %s", name, known)
        chosen = next(variant for variant in variants if variant.name == known.variant)
        return open_one(chosen), known
    models = _opened(name, variants, open_one)
    try:
        times, failed = side_by_side(models)
        for variant, error in failed.items():
            _leave_out(name, variant, error)
        if not times:
            raise next(iter(failed.values()))
        choice = chosen_of({variant: each.median for variant, each in times.items()})
        model = models.pop(choice.variant)
    finally:
        for each in models.values():
            each.close()
    if len(times) == len(variants):  # what failed now may be well when it is opened the next time
        _remember(key, choice)
    _log.info("%s: %s", name, choice)
    return model, choice


def _known(key: _Key) -> Choice | None:
    """The choice that was made between these files by this process, or by one before it."""
    known = remembered.get(key)
    file = store_file()
    if known is None and file is not None and (times := read_times(file, key)) is not None:
        known = chosen_of(times)
        remembered.put(key, known)
    return known


def _remember(key: _Key, choice: Choice) -> None:
    remembered.put(key, choice)
    if (file := store_file()) is not None:
        write_times(file, key, choice.milliseconds)


def chosen_of(milliseconds: Mapping[str, float]) -> Choice:
    """The first, in the order of the bundle, of those that are as fast as the fastest."""
    least = min(milliseconds.values())
    return Choice(next(n for n, ms in milliseconds.items() if ms <= SAME * least), milliseconds)


def _opened(name: str, variants: Sequence[Variant], open_one: Open) -> dict[str, Model]:
    """The variants that can be opened, by name, all with the tensors of the first of them."""
    found: dict[str, Model] = {}
    first_error: ConfigError | ModelError | None = None
    for variant in variants:
        try:
            model = open_one(variant)
        except (ConfigError, ModelError) as error:
            first_error = first_error or error
            _leave_out(name, variant.name, error)
            continue
        try:
            if found:
                check_alike(next(iter(found.values())).bundle, model.bundle)
        except ModelError as error:
            model.close()
            _leave_out(name, variant.name, error)
        else:
            found[variant.name] = model
    if not found and first_error is not None:
        raise first_error
    return found


def _leave_out(name: str, variant: str, error: Exception) -> None:
    _log.warning("%s: the variant %s is left out: %s", name, variant, one_line(str(error)))


def _digest(variant: Variant) -> str:
    """The digest of a variant's file; empty where it cannot be read, which is told when it is opened."""
    try:
        with open_model_file(variant.file) as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return ""
