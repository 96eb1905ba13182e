"""The command line. Exit status: 0 done, 1 failed, 2 usage, 78 configuration.

A command's module is loaded for it alone, so that the daemon starts fast.
"""

from __future__ import annotations

import argparse
import os
import re
import sys
from collections.abc import Sequence
from importlib import import_module
from importlib.metadata import version
from typing import Any

from edge_vision.builtin.tflite.trial_process import end_spare, start_spare
from edge_vision.data.errors import ConfigError, EdgeVisionError, PluginError, one_line
from edge_vision.service.logs import start_logging

WRONG_CONFIGURATION = os.EX_CONFIG
COMMANDS = {
    "demo": ("commands", "see it work, with nothing to configure"),
    "run": ("commands", "run the daemon"),
    "check": ("commands", "check a configuration and build it, opening no camera"),
    "schema": ("commands", "print a JSON Schema"),
    "plugins": ("commands", "see the plugins"),
    "bench": ("bench.commands", "measure a configuration beside a bare loop"),
    "models": ("models.commands", "look into models, make bundles of them, prove them"),
    "train": ("training.commands", "train a model on your own data and make a bundle of it"),
    "export": ("training.commands", "make the bundle of a training again"),
    "evaluate": ("training.commands", "say how well a model does on data"),
}
"""The module that does each command, and its help."""
OPEN_MODELS = ("run", "check", "demo")
"""Commands that nearly always open a model."""
USER_INFO = re.compile(r"(://[^\s/:@]*:)[^\s]*@")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; gives the exit status."""
    words = sys.argv[1:] if arguments is None else arguments
    if any(word in OPEN_MODELS for word in words):
        start_spare()
    try:
        wishes = make_parser().parse_args(words)
        start_logging(wishes.log_level or wishes.usual_log_level)
        status: int = wishes.command(wishes)
        sys.stdout.flush()
    except (ConfigError, PluginError) as error:
        print(one_line(USER_INFO.sub(r"\1***@", str(error))), file=sys.stderr)
        return WRONG_CONFIGURATION
    except EdgeVisionError as error:
        print(one_line(str(error)), file=sys.stderr)
        return 1
    except BrokenPipeError:
        # Whoever read our output has gone; Python must not complain about it at its exit either.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except KeyboardInterrupt:
        return 130
    finally:
        end_spare()
    return status


def make_parser() -> argparse.ArgumentParser:
    """The parser of all commands."""
    parser = argparse.ArgumentParser(
        prog="edge-vision", description="Turns cameras into facts on MQTT.", allow_abbrev=False
    )
    parser.add_argument("--version", action="version", version=f"edge-vision {version('edge-vision')}")
    parser.add_argument(
        "--log-level",
        choices=("debug", "info", "warning", "error"),
        help="default: info",
    )
    parser.set_defaults(usual_log_level="info")
    commands = parser.add_subparsers(
        title="commands", metavar="COMMAND", required=True, parser_class=_Parser
    )

    for name, (module, says) in COMMANDS.items():
        commands.add_parser(name, help=says).told_by = f"edge_vision.service.{module}", name
    return parser


class _Parser(argparse.ArgumentParser):
    """The parser of one command.

    told_by  the module that tells what it takes, by a function add_<command>_arguments, and the command
    """

    told_by: tuple[str, str] | None = None

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Parse, once it is told what there is."""
        if self.told_by is not None:
            (module, name), self.told_by = self.told_by, None
            getattr(import_module(module), f"add_{name}_arguments")(self)
        return super().parse_known_args(args, namespace)


if __name__ == "__main__":
    sys.exit(main())
