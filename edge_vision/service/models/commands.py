"""The commands `edge-vision models`: inspect, add, verify, list."""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from edge_vision.builtin.tflite.runtime import RUNTIMES, VARIABLE
from edge_vision.contracts.bundle_table import read_table
from edge_vision.contracts.model import TASKS
from edge_vision.data.errors import ConfigError, ModelError
from edge_vision.service.config import NAME
from edge_vision.service.models.fastest_form import FormTrial
from edge_vision.service.models.inspection import inspected, naming, opened, plain_name
from edge_vision.service.models.installation import Order, install, install_folder
from edge_vision.service.models.library import Library, made_bundle
from edge_vision.service.models.listing import listing_text, row_of
from edge_vision.service.models.proof import benchmark_of, proof_of
from edge_vision.service.models.proof_report import (
    benchmark_json,
    benchmark_text,
    proof_json,
    proof_text,
)
from edge_vision.service.models.report import configuration, inspection_json, inspection_text

FASTEST = "fastest"


def add_models_arguments(models: argparse.ArgumentParser) -> None:
    """The actions of `models`, and what they take."""
    actions = models.add_subparsers(title="actions", metavar="ACTION", required=True)

    inspect = actions.add_parser("inspect", help="say what a model is and how it will be used")
    inspect.add_argument("model", metavar="FILE|BUNDLE")
    inspect.add_argument("--labels", type=Path, help="its labels, one a line, where it carries none")
    inspect.add_argument("--json", action="store_true", help="for a program")
    inspect.set_defaults(command=_inspect)

    add = actions.add_parser("add", help="make a bundle of a model and install it, or install a bundle")
    add.add_argument("model", type=Path, metavar="FILE|FOLDER")
    add.add_argument("--name", type=_name, help="of the bundle; default: the file's, or its own")
    add.add_argument("--labels", type=Path, help="its labels, one a line, where it carries none")
    add.add_argument("--task", choices=TASKS, help="what it is for, where that is told wrongly")
    add.add_argument("--to", type=Path, metavar="FOLDER", help="of bundles; default: the installed ones")
    add.add_argument(
        "--pictures",
        type=Path,
        nargs="+",
        default=[],
        metavar="FILE|FOLDER",
        help="for its golden files; default: a drawn scene, noise, a gradient",
    )
    add.add_argument(
        "--form",
        choices=(FASTEST,),
        nargs="?",
        const=FASTEST,
        help="also write a quantised model in floats, and keep that where it is right and faster here",
    )
    add.add_argument("--replace", action="store_true", help="put it in place of one of that name")
    add.set_defaults(command=_add)

    verify = actions.add_parser("verify", help="run a bundle's golden files on this computer")
    verify.add_argument("model", metavar="BUNDLE")
    verify.add_argument("--bench", action="store_true", help="also how long its variants take here")
    verify.add_argument(
        "--runtime", choices=tuple(RUNTIMES), help="what runs it; default: the first that is installed"
    )
    verify.add_argument("--json", action="store_true", help="for a program")
    verify.set_defaults(command=_verify)

    listing = actions.add_parser("list", help="list installed and shipped bundles")
    listing.add_argument("--json", action="store_true", help="for a program")
    listing.set_defaults(command=_list)
    for action in (inspect, add, verify, listing):
        action.set_defaults(usual_log_level="error")  # doubts are told in the answer


def _name(text: str) -> str:
    if not NAME.fullmatch(text):
        raise argparse.ArgumentTypeError(
            "up to 64 letters, digits, - and _, a letter or digit first, please"
        )
    return text


def _inspect(wishes: argparse.Namespace) -> int:
    path = _found(wishes.model)
    with opened(path, wishes.labels) as model:
        inspection = inspected(path, model, wishes.labels)
    if wishes.json:
        _print_json(inspection_json(inspection))
    else:
        print(inspection_text(inspection))
    return 0


def _add(wishes: argparse.Namespace) -> int:
    file = made_bundle(wishes.model)
    folder = Library.here().target if wishes.to is None else wishes.to
    if file.is_dir():
        return _add_folder(wishes, file, folder)
    order = Order(
        wishes.name or plain_name(file), folder, wishes.pictures, wishes.replace, bool(wishes.form)
    )
    order.check()
    with opened(file, wishes.labels, wishes.task or "") as model:
        inspection = inspected(file, model, wishes.labels)
        with naming(file):
            installed = install(inspection, model, order)
    _say_how_to_use(order, inspection.bundle.task)
    _say_forms(installed.forms)
    _say_doubts((*inspection.warnings, *installed.doubts))
    return 0


def _add_folder(wishes: argparse.Namespace, source: Path, folder: Path) -> int:
    unused = ("labels", "task") if wishes.form else ("labels", "task", "pictures")
    given = [key for key in unused if getattr(wishes, key)]
    if given:
        raise ModelError(
            f"{source}: is a folder, a bundle, which is installed as it is; --{given[0]} is for a file"
        )
    name = wishes.name or plain_name(source)
    with naming(source):
        own = read_table(source).name
    if not wishes.name and NAME.fullmatch(own):
        name = own
    order = Order(name, folder, wishes.pictures, wishes.replace, bool(wishes.form))
    with naming(source):
        installed = install_folder(source, order)
    _say_how_to_use(order, installed.task)
    _say_forms(installed.forms)
    _say_doubts(installed.doubts)
    return 0


def _say_how_to_use(order: Order, task: str) -> None:
    known = Library.here()
    told = order.name if order.folder in (*known.installed, known.shipped) else str(order.target)
    print(f"{order.target}\n\nTo use it:\n\n{configuration(order.name, told, task)}")


def _say_forms(trials: Sequence[FormTrial]) -> None:
    for trial in trials:
        print(f"\n{trial}")


def _say_doubts(doubts: Sequence[str]) -> None:
    if doubts:
        print("\nDoubtful:\n\n" + "\n".join(f"- {doubt}" for doubt in doubts))


def _verify(wishes: argparse.Namespace) -> int:
    path = _found(wishes.model)
    if path.is_file():
        raise ModelError(f"{path}: is a file; only a bundle, a folder, has golden files to compare with")
    with _runtime(wishes.runtime):
        proof = proof_of(path)
        benchmark = benchmark_of(path) if wishes.bench else None
    if wishes.json:
        timed = {} if benchmark is None else {"bench": benchmark_json(benchmark)}
        _print_json({**proof_json(proof), **timed})
    else:
        print(proof_text(proof))
        if benchmark is not None:
            print(f"\n{benchmark_text(benchmark)}")
    if proof.problem:
        raise ModelError(proof.problem)
    return 0


@contextmanager
def _runtime(wanted: str | None) -> Iterator[None]:
    """Let models be opened by one runtime, in this process and in those that it starts."""
    before = os.environ.get(VARIABLE)
    if wanted is not None:
        os.environ[VARIABLE] = wanted
    try:
        yield
    finally:
        os.environ.pop(VARIABLE, None)
        if before is not None:
            os.environ[VARIABLE] = before


def _list(wishes: argparse.Namespace) -> int:
    rows = [row_of(volume) for volume in Library.here().volumes()]
    if wishes.json:
        _print_json(rows)
    elif rows:
        print(listing_text(rows))
    else:
        print(f"none; `edge-vision models add FILE` installs one in {Library.here().target}")
    return 0


def _found(written: str) -> Path:
    """The file or folder that is meant; raises ModelError where there is none of that name."""
    try:
        return Library.here().find(written, Path())
    except ConfigError as error:
        raise ModelError(error.problem) from error


def _print_json(value: Any) -> None:
    print(json.dumps(value, indent=2, ensure_ascii=False))
