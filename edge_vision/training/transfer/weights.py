"""Weights: what a network has learnt, as arrays by the path of each variable, in an .npz file.

Paths are Keras' own, such as "stem_norm/gamma": the layer's name, then the variable's. They are the same
on every backend, so that weights trained on one are read on another.
"""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from edge_vision.data.errors import TrainingError
from edge_vision.training.whole_file import whole_file

Weights = Mapping[str, NDArray[np.float32]]
"""Arrays by the path of the variable they belong to."""


def variables_by_path(network: Any) -> dict[str, Any]:
    """The variables that a network learns or keeps (means and variances too), by their paths.

    Raises TrainingError where two have one path, as the layers of nested networks may.
    """
    found: dict[str, Any] = {}
    for variable in network.weights:
        if variable.path in found:
            raise TrainingError(
                f"two weights of the network are called {variable.path}; give its layers different names"
            )
        found[variable.path] = variable
    return found


def weights_of(network: Any) -> dict[str, NDArray[np.float32]]:
    """Copies of a network's weights by path."""
    named = variables_by_path(network).items()
    return {path: to_array(variable) for path, variable in named}


def to_array(variable: Any) -> NDArray[np.float32]:
    """A variable's or a tensor's values, in memory of their own, as float32."""
    # Not Keras' convert_to_numpy: on TensorFlow that warns with NumPy 2.
    return np.array(np.asarray(variable), dtype=np.float32)


def save_weights(network: Any, file: Path, dtype: DTypeLike = np.float32) -> None:
    """Write a network's weights, whole or not at all.

    dtype  what they are stored as; float16 takes half the room and rounds to three digits
    """
    write_weights(weights_of(network), file, dtype)


def write_weights(weights: Weights, file: Path, dtype: DTypeLike = np.float32) -> None:
    """Write weights, whole or not at all; raises TrainingError where a value does not fit the dtype."""
    stored = {path: _stored(path, array, dtype) for path, array in weights.items()}
    file.parent.mkdir(parents=True, exist_ok=True)
    with whole_file(file) as draft, zipfile.ZipFile(draft, "w") as archive:
        # As numpy.savez writes it, whose own arguments would clash with a weight called "file".
        for path, array in stored.items():
            with archive.open(f"{path}.npy", "w", force_zip64=True) as member:
                np.lib.format.write_array(member, array, allow_pickle=False)


def read_weights(file: Path) -> dict[str, NDArray[np.float32]]:
    """The weights in an .npz file; raises TrainingError where they cannot be read."""
    try:
        with file.open("rb") as opened, np.load(opened, allow_pickle=False) as arrays:
            return {path: np.asarray(arrays[path], np.float32) for path in arrays.files}
    except FileNotFoundError:
        raise TrainingError(f"{file}: no such file of weights") from None
    except (OSError, ValueError, TypeError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise TrainingError(f"{file}: is no file of weights that can be read ({error})") from None


def load_weights(network: Any, file: Path) -> None:
    """Set all weights of a network from a file; raises TrainingError where any is missing or differs."""
    set_weights(network, read_weights(file), str(file))


def set_weights(network: Any, weights: Weights, origin: str = "these weights") -> None:
    """Set all weights of a network; raises TrainingError, and sets none, where any does not fit."""
    variables = variables_by_path(network)
    wrong = [
        f"{path} {tuple(variable.shape)} {_what_is_there(path, weights)}"
        for path, variable in variables.items()
        if path not in weights or weights[path].shape != tuple(variable.shape)
    ]
    if wrong:
        more = f", and {len(wrong) - 1} more" if len(wrong) > 1 else ""
        raise TrainingError(f"{origin}: not of this network: {wrong[0]}{more}")
    for path, variable in variables.items():
        variable.assign(weights[path])


def _what_is_there(path: str, weights: Weights) -> str:
    return f"is {weights[path].shape} there" if path in weights else "is not there"


def _stored(path: str, array: NDArray[Any], dtype: DTypeLike) -> NDArray[Any]:
    with np.errstate(over="ignore"):
        stored = np.asarray(array).astype(dtype)
    if not np.isfinite(stored).all():
        problem = (
            "holds values that are no numbers"
            if not np.isfinite(array).all()
            else (f"holds values too large for {np.dtype(dtype)}; store it as float32")
        )
        raise TrainingError(f"the weight {path} {problem}")
    return stored
