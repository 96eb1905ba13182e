"""The command `bench`."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from edge_vision.service.bench.comparison import compare
from edge_vision.service.bench.report import as_table, as_text


def add_bench_arguments(bench: argparse.ArgumentParser) -> None:
    """What `bench` takes."""
    bench.add_argument("config", type=Path, metavar="CONFIG")
    bench.add_argument(
        "--seconds", type=_positive, default=10.0, help="that a run lasts at most; default: 10"
    )
    bench.add_argument("--runs", type=_count, default=5, help="of each, in turn; default: 5")
    bench.add_argument("--json", action="store_true", help="for a program")
    bench.set_defaults(command=_bench, usual_log_level="warning")


def _positive(text: str) -> float:
    value = float(text)
    if not 0.0 < value < 1e6:
        raise ValueError
    return value


def _count(text: str) -> int:
    value = int(text)
    if not 1 <= value <= 1000:
        raise ValueError
    return value


def _bench(wishes: argparse.Namespace) -> int:
    found = compare(wishes.config, wishes.seconds, wishes.runs, _tell)
    print(json.dumps(as_table(found), indent=2) if wishes.json else as_text(found))
    return 0


def _tell(text: str) -> None:
    """Progress, on a terminal only."""
    if sys.stderr.isatty():
        print(text, file=sys.stderr, flush=True)
