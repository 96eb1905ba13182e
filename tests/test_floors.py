"""The floors of the house: imports point down, rooms of one floor do not see each other, no circles."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

HOUSE = Path(__file__).resolve().parent.parent
PACKAGE = HOUSE / "edge_vision"
FLOORS = {
    "data": 0,
    "contracts": 1,
    "adapters": 2,
    "engine": 3,
    "builtin": 3,
    "training": 3,
    "testing": 3,
    "service": 4,
}
MODULES = sorted(p for p in PACKAGE.rglob("*.py") if p.parent != PACKAGE or p.stem == "testing")
SHIPPED = sorted((HOUSE / "models").rglob("*.py"))
PLUGINS = sorted(p for p in (HOUSE / "plugins").rglob("*.py") if "tests" not in p.parts)


def imports(file: Path) -> Iterator[tuple[str, int, bool]]:
    """Every module a file imports, the line, and whether that is inside a function."""
    tree = ast.parse(file.read_text())
    inside = {
        id(node)
        for function in ast.walk(tree)
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef)
        for node in ast.walk(function)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name, node.lineno, id(node) in inside
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file}:{node.lineno}: relative import"
            found = [f"{node.module}.{alias.name}" for alias in node.names]
            for name in found:
                yield name, node.lineno, id(node) in inside


def module(file: Path) -> str:
    parts = file.relative_to(HOUSE).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def room(name: str) -> str:
    return name.split(".")[1] if name.count(".") else ""


def named(file: Path) -> str:
    return str(file.relative_to(HOUSE))


@pytest.mark.parametrize("file", MODULES, ids=named)
def test_imports_point_down_and_stay_out_of_neighbouring_rooms(file: Path) -> None:
    own = room(module(file))
    for name, line, _ in imports(file):
        if name.split(".")[0] != "edge_vision":
            continue
        where = f"{named(file)}:{line} imports {name}"
        other = room(name)
        assert other in FLOORS, f"{where}: nobody inside the package imports its root"
        assert other == own or FLOORS[other] < FLOORS[own], f"{where}: that is not further down"


@pytest.mark.parametrize("file", MODULES, ids=named)
def test_the_lowest_floor_needs_numpy_only_and_the_daemon_never_tensorflow(file: Path) -> None:
    own = room(module(file))
    for name, line, inside in imports(file):
        top = name.split(".")[0]
        where = f"{named(file)}:{line} imports {name}"
        if own == "data":
            assert top in {"edge_vision", "numpy"} | set(sys.stdlib_module_names), where
        if own != "training" and top in {"tensorflow", "keras"}:
            assert inside, f"{where}: only as the last of the optional runtimes, inside a function"


@pytest.mark.parametrize("file", PLUGINS, ids=named)
def test_plugins_import_the_public_names_and_nothing_deeper(file: Path) -> None:
    own = file.relative_to(HOUSE / "plugins").parts[0]
    for name, line, _ in imports(file):
        where = f"{named(file)}:{line} imports {name}"
        top = name.split(".")[0]
        if top == "edge_vision":
            assert name.count(".") == 1, where
            assert name.split(".")[1] in public_names(), f"{where}: that name is not public"
        elif top.startswith("edge_vision_"):
            assert top == own, f"{where}: plugins do not know each other"


@pytest.mark.parametrize("file", SHIPPED, ids=named)
def test_recipes_of_shipped_models_see_the_training_room_and_what_is_below(file: Path) -> None:
    seen = {"training"} | {name for name, floor in FLOORS.items() if floor < FLOORS["training"]}
    for name, line, inside in imports(file):
        where = f"{named(file)}:{line} imports {name}"
        if name.split(".")[0] == "edge_vision":
            assert room(name) in seen, where
        if name.split(".")[0] in {"tensorflow", "keras"} and file.name == "recipe.py":
            assert inside, f"{where}: a recipe can be looked at, and evaluate, without it"


def public_names() -> set[str]:
    tree = ast.parse((PACKAGE / "__init__.py").read_text())
    lists = [
        node.value
        for node in tree.body
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "__all__"
    ]
    return set(ast.literal_eval(lists[0]))


def test_there_are_no_import_circles() -> None:
    known = {module(file): file for file in PACKAGE.rglob("*.py")}
    edges = {
        name: {
            target if target in known else target.rpartition(".")[0]
            for target, _, _ in imports(file)
            if target.startswith("edge_vision.")
        }
        for name, file in known.items()
    }
    done: set[str] = set()

    def visit(name: str, path: tuple[str, ...]) -> None:
        assert name not in path, f"circle: {' -> '.join((*path[path.index(name) :], name))}"
        if name not in done:
            for target in sorted(edges.get(name, ())):
                visit(target, (*path, name))
            done.add(name)

    for name in sorted(known):
        visit(name, ())


def test_public_names_are_sorted_and_all_there() -> None:
    import edge_vision  # noqa: PLC0415 - only this test needs it

    assert edge_vision.__all__ == sorted(edge_vision.__all__)
    for name in edge_vision.__all__:
        assert hasattr(edge_vision, name)


def test_files_hold_one_noun() -> None:
    long = [
        f"{named(file)}: {len(file.read_text().splitlines())} lines"
        for file in [*MODULES, *PLUGINS, *SHIPPED]
        if len(file.read_text().splitlines()) > 340
    ]
    assert not long
