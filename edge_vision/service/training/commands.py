"""The commands `train`, `export` and `evaluate`."""

from __future__ import annotations

import argparse
import json
import os
import shlex
from importlib import import_module
from pathlib import Path
from typing import Any

from edge_vision.builtin.tflite.native_stderr import without_native_lines
from edge_vision.data.errors import TrainingError
from edge_vision.service.config import NAME
from edge_vision.service.models.toml_text import toml_value
from edge_vision.service.training.finding import check_extra, find_recipe, recipe_names
from edge_vision.service.training.interruption import told_when_stopped
from edge_vision.service.training.run_folder import RunFolder
from edge_vision.service.training.settings import Table, flat, parse_settings, setting

DISTRIBUTIONS = ("none", "mirrored", "workers")
PARTS = ("validation", "test", "training", "all")
RUNS = Path("runs")
_OF_ITS_BUILD = ("absl::InitializeLog()", "oneDNN custom operations")


def add_train_arguments(train: argparse.ArgumentParser) -> None:
    """What `train` takes."""
    train.epilog = f"Recipes: {', '.join(recipe_names())}."
    train.add_argument("recipe", metavar="RECIPE", help="a name, or your own recipe's .py file")
    train.add_argument("--data", type=Path, required=True, metavar="FOLDER", help="what it learns from")
    train.add_argument(
        "--out", type=Path, metavar="FOLDER", help="the run's folder; default: runs/RECIPE"
    )
    train.add_argument("--name", type=_name, help="of the bundle; default: as before, or the folder's")
    _add_options(train)
    train.add_argument("--restart", action="store_true", help="begin anew where a run has the folder")
    train.add_argument(
        "--distribute",
        choices=DISTRIBUTIONS,
        default="none",
        help="over this computer's accelerators (mirrored) or several computers (workers, TF_CONFIG)",
    )
    train.set_defaults(command=_train, usual_log_level="warning")


def add_export_arguments(export: argparse.ArgumentParser) -> None:
    """What `export` takes."""
    export.add_argument("run", type=Path, metavar="RUN", help="the folder of a training")
    export.add_argument("--data", type=Path, metavar="FOLDER", help="where its data are now")
    export.add_argument("--name", type=_name, help="of the bundle; default: as before")
    export.set_defaults(command=_export, usual_log_level="warning")


def add_evaluate_arguments(evaluate: argparse.ArgumentParser) -> None:
    """What `evaluate` takes."""
    evaluate.add_argument("model", metavar="BUNDLE|FILE", help="any bundle or .tflite file")
    evaluate.add_argument("--data", type=Path, required=True, metavar="FOLDER", help="what to judge on")
    evaluate.add_argument(
        "--recipe", default="", help="that reads the data; default: the usual one of its task"
    )
    _add_options(evaluate)
    evaluate.add_argument(
        "--part",
        default="",
        choices=PARTS,
        help="of the data; default: all, of a recipe's own validation",
    )
    evaluate.add_argument("--variant", default="", help="of the bundle; default: that of model.tflite")
    evaluate.add_argument("--json", action="store_true", help="for a program")
    evaluate.set_defaults(command=_evaluate, usual_log_level="warning")


def _add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--options", type=Path, metavar="FILE", help="options of the recipe, as TOML")
    parser.add_argument(
        "--set",
        type=_setting,
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="one option of the recipe, such as epochs=40; may be repeated",
    )


def _name(text: str) -> str:
    if not NAME.fullmatch(text):
        raise argparse.ArgumentTypeError(
            "up to 64 letters, digits, - and _, a letter or digit first, please"
        )
    return text


def _setting(text: str) -> Table:
    try:
        return setting(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _train(wishes: argparse.Namespace) -> int:
    recipe = find_recipe(wishes.recipe)
    options = parse_settings(recipe.Options, wishes.options, wishes.set)
    check_extra()
    with told_when_stopped():
        _import_keras()
        return _trained(wishes, recipe, options)


def _trained(wishes: argparse.Namespace, recipe: Any, options: Any) -> int:
    from edge_vision.service.training.workshop import Order, train  # noqa: PLC0415 - imports Keras

    out: Path = wishes.out or RUNS / recipe.name
    command = _command(wishes)
    order = Order(
        wishes.recipe, recipe(options), wishes.data, out, wishes.name or "", wishes.distribute, command
    )
    return train(order, restart=wishes.restart, say=_say)


def _command(wishes: argparse.Namespace) -> str:
    """What was typed, but for where its results go."""
    words = ["edge-vision", "train", wishes.recipe, "--data", str(wishes.data)]
    if wishes.options is not None:
        words += ["--options", str(wishes.options)]
    for table in wishes.set:
        for key, value in flat(table).items():
            words += ["--set", f"{key}={_plain(value)}"]
    if wishes.distribute != "none":
        words += ["--distribute", wishes.distribute]
    return shlex.join(words)


def _plain(value: Any) -> str:
    return value if isinstance(value, str) else toml_value(value)


def _export(wishes: argparse.Namespace) -> int:
    check_extra()
    os.environ["KERAS_BACKEND"] = "tensorflow"  # whatever it was trained on, only TensorFlow converts
    with told_when_stopped():
        _import_keras()
        return _exported(wishes)


def _exported(wishes: argparse.Namespace) -> int:
    from edge_vision.service.training.workshop import Order, export  # noqa: PLC0415 - imports Keras

    run = RunFolder(wishes.run).read()
    if run is None:
        raise TrainingError(f"{wishes.run}: is no run's folder; `edge-vision train` makes one")
    recipe = find_recipe(run.recipe)
    options = recipe.Options.parse(run.options)
    data = wishes.data or run.data
    name = wishes.name or ""
    order = Order(run.recipe, recipe(options), data, wishes.run, name, run.distribute, run.command)
    return export(order, say=_say)


def _evaluate(wishes: argparse.Namespace) -> int:
    from edge_vision.service.training.evaluation import (  # noqa: PLC0415 - the daemon does without
        Question,
        evaluated,
        score_json,
        score_text,
    )

    asked = Question(wishes.model, wishes.data, wishes.recipe, wishes.part, wishes.variant)
    answer = evaluated(asked, lambda options: parse_settings(options, wishes.options, wishes.set))
    if wishes.json:
        print(json.dumps(score_json(answer), indent=2, ensure_ascii=False))
    else:
        print(score_text(answer))
    return 0


def _say(text: str) -> None:
    print(text, flush=True)


def _import_keras() -> None:
    """Let TensorFlow not tell how it was built; what it tells of errors stays.

    Two of its lines come before it listens to what it is told of logging.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    with without_native_lines(lambda line: any(each in line for each in _OF_ITS_BUILD)):
        import_module("keras")
