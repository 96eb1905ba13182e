import sys
import types
from typing import Any

import pytest

from edge_vision.builtin.tflite.runtime import RUNTIMES, VARIABLE, find_runtime, unique_names
from edge_vision.data.errors import ModelError

MODULES = ("ai_edge_litert.interpreter", "tflite_runtime.interpreter", "tensorflow")


@pytest.fixture(autouse=True)
def no_wishes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody asks for one of the runtimes."""
    monkeypatch.delenv(VARIABLE, raising=False)


@pytest.mark.parametrize(
    ("names", "unique"),
    [
        (["a", "b"], ["a", "b"]),
        (["a", "a", "a"], ["a", "a_2", "a_3"]),
        (["a", "a", "a_2"], ["a", "a_3", "a_2"]),
        (["taken", "b"], ["taken_2", "b"]),
    ],
)
def test_names_given_once_are_kept(names: list[str], unique: list[str]) -> None:
    assert unique_names(names, {"taken"}) == unique


def fake_runtimes(monkeypatch: pytest.MonkeyPatch, *installed: str) -> dict[str, type]:
    """Make only these runtimes importable; gives the class each would have."""
    classes: dict[str, type] = {}
    for name in MODULES:
        for part in (name.partition(".")[0], name):
            monkeypatch.setitem(sys.modules, part, None)
    for name in installed:
        found = type("Interpreter", (), {"runtime": name})
        package = types.ModuleType(name.partition(".")[0])
        module = package if name == "tensorflow" else types.ModuleType(name)
        holder: Any = types.SimpleNamespace() if name == "tensorflow" else module
        holder.Interpreter = found
        if name == "tensorflow":
            package.__dict__["lite"] = holder
        monkeypatch.setitem(sys.modules, package.__name__, package)
        monkeypatch.setitem(sys.modules, name, module)
        classes[name] = found
    return classes


@pytest.mark.parametrize("first", range(3))
def test_the_first_runtime_that_is_installed_is_used(
    first: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    classes = fake_runtimes(monkeypatch, *MODULES[first:])
    assert find_runtime() is classes[MODULES[first]]


def test_without_a_runtime_the_error_names_all_and_the_cure(monkeypatch: pytest.MonkeyPatch) -> None:
    fake_runtimes(monkeypatch)
    with pytest.raises(ModelError, match="pip install ai-edge-litert") as caught:
        find_runtime()
    assert all(name.partition(".")[0] in str(caught.value) for name in MODULES)


@pytest.mark.parametrize(("name", "module"), list(zip(RUNTIMES, MODULES, strict=True)))
def test_the_runtime_that_is_asked_for_is_used(
    name: str, module: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    classes = fake_runtimes(monkeypatch, *MODULES)
    monkeypatch.setenv(VARIABLE, name)
    assert find_runtime() is classes[module]


def test_a_runtime_that_is_asked_for_and_not_there_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    fake_runtimes(monkeypatch, *MODULES[:2])
    monkeypatch.setenv(VARIABLE, "tensorflow")
    with pytest.raises(
        ModelError, match=r"the runtime tensorflow of EDGE_VISION_RUNTIME is not installed"
    ):
        find_runtime()
    monkeypatch.setenv(VARIABLE, "onnx")
    with pytest.raises(
        ModelError, match=r"no runtime 'onnx'; known: litert, tensorflow, tflite_runtime"
    ):
        find_runtime()
