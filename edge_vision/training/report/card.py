"""The card of a model: what it is, what it learnt from, how well it does, and where it ends."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from edge_vision.training.data_facts import DataFacts
from edge_vision.training.report.table import figure, figures, markdown
from edge_vision.training.score import Score

FIRST_LABELS = 30


@dataclass(frozen=True, slots=True)
class Form:
    """One form of a model, and how well it does.

    name          such as float32 or int8
    size          of its file in bytes
    milliseconds  one run takes where it was made, on one thread
    score         on the part that judges; None where it could not be made
    left_out      why it is not in the bundle; empty where it is
    psnr          decibels between its pictures and those of the network in Keras; None where it
                  makes no pictures
    """

    name: str
    size: int
    milliseconds: float
    score: Score | None
    left_out: str = ""
    psnr: float | None = None


@dataclass(frozen=True, slots=True)
class Card:
    """What a card tells.

    name        of the model
    about       what it does, a sentence or two
    labels      names of its classes; empty where it has none
    looks_at    what goes in, such as 96 x 96 pixels in colour
    data        what it learnt from
    learnt      how much of it: counts in words
    command     what makes it again
    parameters  so many numbers it learnt
    keras       how well the network does before it is converted; the measure of all forms
    forms       those of the bundle, and those that were left out
    limits      what it cannot do, a sentence or more
    pictures    files in the bundle's folder, and what each shows
    """

    name: str
    about: str
    labels: Sequence[str]
    looks_at: str
    data: DataFacts
    learnt: str
    command: str
    parameters: int
    keras: Score
    forms: Sequence[Form]
    limits: str
    pictures: Sequence[tuple[str, str]]


def card_text(card: Card) -> str:
    """The card as Markdown."""
    return "\n\n".join(_parts(card)) + "\n"


def _parts(card: Card) -> Iterator[str]:
    yield f"# {card.name}"
    yield card.about
    yield "\n".join(f"- {line}" for line in _facts(card))
    yield "## How well it does"
    yield (
        f"On {card.keras.examples} examples that it did not learn from. Size is the file's, ms one run "
        "on one thread of the computer that made it."
    )
    yield _metrics(card)
    if left := [form for form in card.forms if form.left_out]:
        yield "\n".join(f"- {form.name} is not in the bundle: {form.left_out}." for form in left)
    if card.limits:
        yield "## Limits"
        yield card.limits
    if card.pictures:
        yield "## Pictures"
        yield "\n\n".join(f"{told}:\n\n![{told}]({file})" for file, told in card.pictures)


def _facts(card: Card) -> Iterator[str]:
    yield f"looks at: {card.looks_at}"
    if card.labels:
        more = len(card.labels) - FIRST_LABELS
        shown = ", ".join(card.labels[:FIRST_LABELS]) + (f" and {more} more" if more > 0 else "")
        yield f"tells apart: {shown}"
    data = card.data
    yield f"data: {data.name}{f' ({data.source})' if data.source else ''}; {card.learnt}"
    yield f"licence of the data: {data.licence}"
    if data.research_only:
        yield "**for research only**: its data may be used for nothing else, and so may this model"
    if data.cite:
        yield f"cite: {data.cite}"
    yield f"parameters: {card.parameters:,}"
    yield f"made by: `{card.command}`"


def _metrics(card: Card) -> str:
    names = list(card.keras.values)
    paints = any(form.psnr is not None for form in card.forms)
    near = ["dB from Keras"] if paints else []
    rows = [
        [
            "Keras",
            *(figure(name, card.keras.values[name]) for name in names),
            *("" for _ in near),
            "",
            "",
        ]
    ]
    rows += [
        [
            form.name,
            *(figure(name, form.score.values[name]) for name in names),
            *("-" if form.psnr is None else f"{form.psnr:.1f}" for _ in near),
            f"{form.size / 1000:.0f} kB",
            f"{form.milliseconds:.2g}",
        ]
        for form in card.forms
        if form.score is not None
    ]
    return markdown(["variant", *names, *near, "size", "ms"], rows)


def report_text(card: Card) -> str:
    """The report of a run before there is a bundle: how well the network does."""
    parts = [
        f"# {card.name}",
        "\n".join(f"- {line}" for line in _facts(card)),
        f"On {card.keras.examples} examples that it did not learn from: {figures(card.keras.values)}.",
        "\n\n".join(f"{told}:\n\n![{told}]({file})" for file, told in card.pictures),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"
