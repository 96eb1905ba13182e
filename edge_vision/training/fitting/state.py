"""The state of a network or an optimiser: its variables' values, in order, beside their names."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_vision.data.errors import TrainingError


@dataclass(frozen=True, slots=True, eq=False)
class State:
    """Values of variables.

    names   each variable's path, without the numbers that Keras appends to layers nobody named, which
            depend on what else a process has built
    values  each variable's array
    """

    names: tuple[str, ...]
    values: tuple[NDArray[Any], ...]

    @classmethod
    def of(cls, variables: Sequence[Any]) -> State:
        """The present values of variables, copied."""
        names = tuple(plain(variable.path) for variable in variables)
        return cls(names, tuple(np.array(np.asarray(variable)) for variable in variables))

    def put(self, variables: Sequence[Any]) -> None:
        """Set variables to these values; raises TrainingError, and sets none, where any is another."""
        if wrong := self.difference(variables):
            raise TrainingError(wrong)
        for variable, value in zip(variables, self.values, strict=True):
            variable.assign(value.astype(str(variable.dtype), copy=False))

    def difference(self, variables: Sequence[Any]) -> str:
        """The first variable that is another, in words; empty where all agree in name and shape."""
        here = [(plain(variable.path), tuple(variable.shape)) for variable in variables]
        there = [(name, value.shape) for name, value in zip(self.names, self.values, strict=True)]
        for own, other in zip_longest(here, there):
            if own != other:
                return f"it has {_shown(other)} where this one has {_shown(own)}"
        return ""


def plain(path: str) -> str:
    """A variable's path without the numbers that Keras appends to layers nobody named."""
    return "/".join(re.sub(r"_\d+$", "", part) for part in path.split("/"))


def _shown(variable: tuple[str, tuple[int, ...]] | None) -> str:
    return f"{variable[0]} {variable[1]}" if variable else "nothing more"
