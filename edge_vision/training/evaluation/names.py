"""Names of classes: which class of a model is which class of a data set."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from edge_vision.data.errors import TrainingError, suggestion

MISSING = -1
"""In a table of classes: the other side has no such class."""

_MOST_NAMES = 3


def model_classes(
    model: Sequence[str], data: Sequence[str], needed: Iterable[int] | None = None
) -> NDArray[np.int64]:
    """The model's class of each class of the data, MISSING where it has none.

    model   names of the model's classes
    data    names of the data set's classes
    needed  classes of the data that the model must know; left out, all

    They are found by name; capitals, and whether words are joined by spaces, hyphens or underscores,
    do not matter. A model whose classes are only numbered has them in the data's order. Raises
    TrainingError, which names what is near, where the model does not know a class that is needed.
    """
    wanted = range(len(data)) if needed is None else sorted(set(needed))
    if are_numbers(model) and not are_numbers(data):
        if len(model) != len(data):
            raise TrainingError(
                f"the model has {len(model)} classes without names, the data have {len(data)}; give the "
                "model its labels.txt"
            )
        return np.arange(len(data))
    known = {_plain(name): number for number, name in reversed(list(enumerate(model)))}
    found = np.array([known.get(_plain(name), MISSING) for name in data], np.int64)
    missing = [data[number] for number in wanted if found[number] == MISSING]
    if missing:
        shown = ", ".join(missing[:_MOST_NAMES]) + (", ..." if len(missing) > _MOST_NAMES else "")
        hint = suggestion(missing[0], [*model] if len(model) <= 50 else _near(missing[0], model))
        raise TrainingError(
            f"the model does not know {len(missing)} of the data's classes: {shown}{hint}; rename the "
            "class in the data or in the model's labels.txt, or take a model that knows it"
        )
    return found


def data_classes(table: NDArray[np.int64], count: int) -> NDArray[np.int64]:
    """The data's class of each of a model's classes, MISSING where there is none.

    table  what `model_classes` gave
    count  how many classes the model has
    """
    turned = np.full(count, MISSING, np.int64)
    known = np.flatnonzero(table != MISSING)
    turned[table[known]] = known
    return turned


def are_numbers(names: Sequence[str]) -> bool:
    """True where classes are called by their numbers, as those of a model without labels are."""
    return [*names] == [str(number) for number in range(len(names))]


def _plain(name: str) -> str:
    return " ".join(name.lower().replace("_", " ").replace("-", " ").split())


def _near(name: str, model: Sequence[str]) -> list[str]:
    """Those of very many names that share a word with one, so that the error stays short."""
    words = set(_plain(name).split())
    return [other for other in model if words & set(_plain(other).split())][:_MOST_NAMES]
