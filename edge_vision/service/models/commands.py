"""The commands `edge-vision models`: inspect, add, verify, list."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from edge_vision.contracts.bundles import load_bundle, read_table
from edge_vision.contracts.model import TASKS
from edge_vision.data.errors import ConfigError, ModelError, one_line
from edge_vision.service.config import NAME
from edge_vision.service.models.golden import read_cases
from edge_vision.service.models.inspection import inspected, naming, opened, plain_name
from edge_vision.service.models.installation import Order, install
from edge_vision.service.models.library import Library, Volume
from edge_vision.service.models.report import (
    configuration,
    differences_json,
    differences_text,
    in_columns,
    inspection_json,
    inspection_text,
)
from edge_vision.service.models.verification import differences, tolerances

LARGEST_UNIT = 1_000_000


def add_models_commands(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add `models` and its actions to the parser of all commands."""
    models = commands.add_parser("models", help="look into models, make bundles of them, prove them")
    actions = models.add_subparsers(title="actions", metavar="ACTION", required=True)

    inspect = actions.add_parser("inspect", help="say what a model is and how it will be used")
    inspect.add_argument("model", metavar="FILE|BUNDLE")
    inspect.add_argument("--labels", type=Path, help="its labels, one a line, where it carries none")
    inspect.add_argument("--json", action="store_true", help="for a program")
    inspect.set_defaults(command=_inspect)

    add = actions.add_parser("add", help="make a bundle of a model and install it")
    add.add_argument("model", type=Path, metavar="FILE")
    add.add_argument("--name", type=_name, help="of the bundle; default: the file's")
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
    add.add_argument("--replace", action="store_true", help="put it in place of one of that name")
    add.set_defaults(command=_add)

    verify = actions.add_parser("verify", help="run a bundle's golden files on this computer")
    verify.add_argument("model", metavar="BUNDLE")
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
    file: Path = wishes.model
    folder = Library.here().target if wishes.to is None else wishes.to
    if file.is_dir():
        raise ModelError(f"{file}: is a folder; a bundle is installed by copying its folder to {folder}")
    order = Order(wishes.name or plain_name(file), folder, wishes.pictures, wishes.replace)
    order.check()
    with opened(file, wishes.labels, wishes.task or "") as model:
        inspection = inspected(file, model, wishes.labels)
        with naming(file):
            installed = install(inspection, model, order)
    known = Library.here()
    told = order.name if folder in (*known.installed, known.shipped) else str(installed.folder)
    print(
        f"{installed.folder}\n\nTo use it:\n\n{configuration(order.name, told, inspection.bundle.task)}"
    )
    if doubts := (*inspection.warnings, *installed.doubts):
        print("\nDoubtful:\n\n" + "\n".join(f"- {doubt}" for doubt in doubts))
    return 0


def _verify(wishes: argparse.Namespace) -> int:
    path = _found(wishes.model)
    if path.is_file():
        raise ModelError(f"{path}: is a file; only a bundle, a folder, has golden files to compare with")
    with naming(path):
        table = read_table(path)
        cases = list(read_cases(path))
        with opened(path) as model:
            found = differences(model, cases, tolerances(model.bundle, cases, table.outputs))
            digest = model.bundle.facts.sha256 or table.sha256
    beyond = [each.spec.name for each in found if not each.good]
    if wishes.json:
        _print_json(
            {
                "bundle": str(path),
                "sha256": digest,
                "digest": "checked" if table.sha256 else "not stated",
                "cases": [case.name for case in cases],
                "outputs": differences_json(found),
                "good": not beyond,
            }
        )
    else:
        checked = f"is {digest[:12]}... as stated" if table.sha256 else "is not stated in bundle.toml"
        print(f"{path}: the digest {checked}; {len(cases)} cases\n\n{differences_text(found)}")
    if beyond:
        raise ModelError(
            f"{path}: does not give here what its golden files say: {', '.join(beyond)} "
            f"{'is' if len(beyond) == 1 else 'are'} beyond the tolerance or the answer to something else"
        )
    return 0


def _list(wishes: argparse.Namespace) -> int:
    rows = [_row(volume) for volume in Library.here().volumes()]
    if wishes.json:
        _print_json(rows)
        return 0
    if not rows:
        print(f"none; `edge-vision models add FILE` installs one in {Library.here().target}")
        return 0
    shown = [("name", "task", "version", "size", "", "where")]
    shown += [
        (
            row["name"],
            row["task"] or "?",
            row["version"] or "-",
            f"{row['size'] / LARGEST_UNIT:.1f} MB",
            row["origin"],
            row["folder"] if not row["error"] else f"{row['folder']}  broken: {row['error']}",
        )
        for row in rows
    ]
    print(in_columns(shown))
    return 0


def _row(volume: Volume) -> dict[str, Any]:
    """What is told of a bundle in a list; one that cannot be read tells why."""
    row: dict[str, Any] = {
        "name": volume.name,
        "task": "",
        "layout": "",
        "version": "",
        "size": 0,
        "origin": volume.origin,
        "folder": str(volume.folder),
        "error": "",
    }
    try:
        table = read_table(volume.folder)
        row |= {"task": table.task, "layout": table.layout, "version": table.version}
        bundle = load_bundle(volume.folder, volume.name)
        row["size"] = bundle.file.stat().st_size
    except ConfigError as error:
        row["error"] = one_line(error.problem)
    except (ModelError, OSError) as error:
        row["error"] = one_line(str(error))
    return row


def _found(written: str) -> Path:
    """The file or folder that is meant; raises ModelError where there is none of that name."""
    try:
        return Library.here().find(written, Path())
    except ConfigError as error:
        raise ModelError(error.problem) from error


def _print_json(value: Any) -> None:
    print(json.dumps(value, indent=2, ensure_ascii=False))
