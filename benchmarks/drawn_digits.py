"""Whether drawn digits help a reader of wheels that has few real ones to learn from.

    drawn_digits.py DATA OUT [--each 5 10 20 50] [--drawn 2] [--all-seen BUNDLE]

For each number of real pictures of a tenth, meter-digits learns from those alone, and from those and
so many times as many, at most 50, that a generator draws which learnt from those alone. Beside them, as
a bound for who has few pictures, with a generator that learnt from all of them, which is no fair helper.
Each reader sees as many pictures, and is judged on the same validation part, of which nobody learnt.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from edge_vision_models.digits_maker.recipe import DigitsMaker, DigitsMakerOptions
from edge_vision_models.meter_digits.fewer import with_drawn
from edge_vision_models.meter_digits.recipe import MeterDigits, MeterDigitsOptions

from edge_vision.contracts.model import Model
from edge_vision.service.training.opening import equip, find_model, opened_model
from edge_vision.service.training.trained import purpose
from edge_vision.training.examples import Parts
from edge_vision.training.networks.keras_model import KerasModel
from edge_vision.training.session import Session

MOST_DRAWN = 50
"""So many pictures of each tenth are drawn at most."""


def session(folder: Path) -> Session:
    """Where one training writes; what it says is not shown."""
    folder.mkdir(parents=True, exist_ok=True)
    return Session(folder, folder / "cache", opened_model, find_model, lambda _: None)


def generator(parts: Parts, folder: Path, each: int, visits: int) -> tuple[Model, Any]:
    """A generator that learnt from so few pictures."""
    count = len(parts.training)
    repeat = max(1, 2000 // count)
    epochs = max(1, visits // (count * repeat))
    options = {"repeat": repeat, "epochs": epochs, "every": epochs, "reader_epochs": max(5, epochs // 4)}
    recipe = DigitsMaker(DigitsMakerOptions.parse({**options, "most_per_class": each}))
    equip(recipe)
    graph = recipe.device_graph(recipe.train(session(folder), parts))
    return KerasModel(graph, purpose(recipe, "few", parts.labels)), graph


def reader(parts: Parts, folder: Path, visits: int) -> str:
    """How well meter-digits does that learnt from these, by its own figures."""
    epochs = max(2, visits // len(parts.training))
    recipe = MeterDigits(MeterDigitsOptions.parse({"epochs": epochs, "every": epochs}))
    equip(recipe)
    score = recipe.validate(recipe.train(session(folder), parts), parts)
    return f"exact {score.values['exact']:.1%}, within one {score.values['within_one']:.1%}"


@contextmanager
def opened(bundle: str) -> Iterator[Model | None]:
    """The generator that saw all, where one is given."""
    if not bundle:
        yield None
        return
    with opened_model(bundle) as model:
        yield model


def main() -> None:
    """Do all of it, and print a line for each reader."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--each", type=int, nargs="+", default=[5, 10, 20, 50])
    parser.add_argument("--drawn", type=float, default=2.0, help="pictures for each real one")
    parser.add_argument("--all-seen", default="", help="a generator that learnt from all pictures")
    parser.add_argument("--visits", type=int, default=40_000, help="pictures that each network sees")
    wishes = parser.parse_args()
    out: Path = wishes.out
    with opened(wishes.all_seen) as all_seen:
        for each in wishes.each:
            recipe = MeterDigits(MeterDigitsOptions.parse({"most_per_class": each}))
            equip(recipe)
            parts = recipe.read(wishes.data, out / "cache")
            count = max(1, min(MOST_DRAWN, round(wishes.drawn * each)))
            say = f"{each} of each tenth"
            print(f"{say}: {reader(parts, out / f'{each}-real', wishes.visits)}", flush=True)
            few, _ = generator(parts, out / f"{each}-maker", each, wishes.visits)
            drawers = {"drawn by a generator of those": few, "of all pictures (a bound)": all_seen}
            for told, model in drawers.items():
                if model is not None:
                    more = replace(parts, training=with_drawn(parts.training, model, count, seed=1))
                    figures = reader(more, out / f"{each}-{told.split()[-1]}", wishes.visits)
                    print(f"{say}, {count} {told}: {figures}", flush=True)


if __name__ == "__main__":
    main()
