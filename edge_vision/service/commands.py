"""The commands `run`, `check`, `demo`, `schema` and `plugins`."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from uuid import uuid4

from edge_vision.contracts.model import ModelBundle
from edge_vision.contracts.schemas import schema_of
from edge_vision.data.errors import ConfigError
from edge_vision.service.config import ConfigFileError, ConfigTables, read_config
from edge_vision.service.daemon import Daemon
from edge_vision.service.draft import Draft, check_ladder, make_draft, plugin_folder
from edge_vision.service.plugins import BUILTIN, PluginInfo, Plugins, load_plugins


def add_demo_arguments(demo: argparse.ArgumentParser) -> None:
    """What `demo` takes."""
    demo.add_argument(
        "--source", default="test", help="a camera, a file, a folder; default: a drawn scene"
    )
    demo.add_argument("--model", type=Path, help="any .tflite file, to see what it finds")
    demo.add_argument("--labels", type=Path, help="its labels, one a line, where it carries none")
    demo.add_argument(
        "--seconds", type=_seconds, default=0.0, help="stop after so long; default: on Ctrl-C"
    )
    demo.add_argument("--port", type=_port, default=1883, help="of the embedded broker; default: 1883")
    demo.set_defaults(command=_demo, usual_log_level="warning")


def add_run_arguments(run: argparse.ArgumentParser) -> None:
    """What `run` takes."""
    run.add_argument("config", type=Path, metavar="CONFIG")
    run.set_defaults(command=lambda wishes: Daemon(wishes.config).run())


def add_check_arguments(check: argparse.ArgumentParser) -> None:
    """What `check` takes."""
    check.add_argument("config", type=Path, metavar="CONFIG")
    check.set_defaults(command=_check)


def add_schema_arguments(schema: argparse.ArgumentParser) -> None:
    """What `schema` takes."""
    schema.add_argument(
        "kind", nargs="?", default="result", choices=("config", "result", "event", "stats")
    )
    schema.set_defaults(command=_schema)


def add_plugins_arguments(plugins: argparse.ArgumentParser) -> None:
    """The actions of `plugins`, and what they take."""
    actions = plugins.add_subparsers(title="actions", metavar="ACTION", required=True)
    listing = actions.add_parser("list", help="list plugins and what they offer")
    listing.add_argument(
        "config", nargs="?", type=Path, metavar="CONFIG", help="also its plugins folder"
    )
    listing.add_argument("--config", dest="config", type=Path, help=argparse.SUPPRESS)
    listing.add_argument("--folder", type=Path, help="also this folder of single-file plugins")
    listing.add_argument("--json", action="store_true", help="for a program")
    listing.set_defaults(command=_list_plugins)


def _seconds(text: str) -> float:
    seconds = float(text)
    if not 0 <= seconds < 1e9:
        raise ValueError
    return seconds


def _port(text: str) -> int:
    port = int(text)
    if not 0 <= port <= 65535:
        raise ValueError
    return port


def _demo(wishes: argparse.Namespace) -> int:
    from edge_vision.service.demo import DemoWishes, run_demo  # noqa: PLC0415 - others do without

    return run_demo(DemoWishes(wishes.source, wishes.model, wishes.labels, wishes.seconds, wishes.port))


def _check(wishes: argparse.Namespace) -> int:
    draft = make_draft(wishes.config, uuid4().hex, _change_nothing)
    check_ladder(draft, uuid4().hex, _change_nothing)
    for plugin in draft.plugins.broken:
        print(
            f"{plugin.origin}: the plugin {plugin.name} does not load: {plugin.error}", file=sys.stderr
        )
    print(f"{wishes.config}: good: {_summary(draft)}")
    draft.shelf.close()
    return 0


def _summary(draft: Draft) -> str:
    bundles = {name: model.bundle for name, model in draft.shelf.models.items()}
    parts = [
        f"{len(found)} {noun}{'' if len(found) == 1 else 's'} ({', '.join(found)})"
        for noun, found in (
            ("camera", list(draft.cameras)),
            ("model", [_model_summary(draft, name, bundle) for name, bundle in bundles.items()]),
            ("sink", list(draft.sinks)),
        )
        if found
    ]
    return ", ".join(parts)


def _model_summary(draft: Draft, name: str, bundle: ModelBundle) -> str:
    """What a model is for, and in which of its forms it is used where it has several."""
    used = str(draft.shelf.choices.get(name, bundle.variant if len(bundle.variants) > 1 else ""))
    return f"{name}: {bundle.task} by {bundle.layout}" + (f"; {used}" if used else "")


def _change_nothing(camera: str, key: str, _text: str) -> bool:
    raise ConfigError("nothing is running", f"{camera}.{key}")


def _schema(wishes: argparse.Namespace) -> int:
    schema = _config_schema() if wishes.kind == "config" else schema_of(wishes.kind)
    print(json.dumps(schema, indent=2))
    return 0


def _config_schema() -> dict[str, object]:
    """The schema of the configuration; what a stage, source or sink takes beside `uses` is its own."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "edge-vision/config/1",
        **ConfigTables.model_json_schema(),
        "title": "edge-vision configuration",
    }


def _list_plugins(wishes: argparse.Namespace) -> int:
    folder: Path | None = wishes.folder
    disable: tuple[str, ...] = ()
    if wishes.config is not None:
        config = read_config(wishes.config)
        folder, disable = folder or plugin_folder(config), config.tables.plugins.disable
    try:
        plugins = load_plugins(folder, disable)
    except ConfigError as error:
        if wishes.config is None:
            raise
        raise ConfigFileError(read_config(wishes.config).located(error)) from error
    rows = [_plugin_row(plugins, info) for info in (_builtin(), *plugins.infos)]
    if wishes.json:
        print(json.dumps(rows, indent=2))
    else:
        _print_rows(rows)
    return 1 if plugins.broken else 0


def _builtin() -> PluginInfo:
    return PluginInfo(BUILTIN, f"edge-vision {version('edge-vision')}")


def _plugin_row(plugins: Plugins, info: PluginInfo) -> dict[str, object]:
    row: dict[str, object] = {"name": info.name, "origin": info.origin}
    for catalogue in plugins.registry.by_hook.values():
        row[f"{catalogue.kind}s"] = catalogue.of(info.name)
    row["status"] = "disabled" if info.blocked else "broken" if info.error else "loaded"
    if info.error:
        row["error"] = info.error
    return row


def _print_rows(rows: Sequence[dict[str, object]]) -> None:
    name_width = max(len(str(row["name"])) for row in rows)
    origin_width = max(len(str(row["origin"])) for row in rows)
    for row in rows:
        offers = [
            f"{kind}: {', '.join(found)}"
            for kind in ("sources", "stages", "sinks")
            if isinstance(found := row[kind], list) and found
        ]
        says = "; ".join(offers) if row["status"] == "loaded" else str(row.get("error", row["status"]))
        print(f"{row['name']!s:<{name_width}}  {row['origin']!s:<{origin_width}}  {says}")
