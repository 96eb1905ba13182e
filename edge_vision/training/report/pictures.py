"""The pictures of a report: curves, what is mistaken for what, and examples, written into a folder."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from edge_vision.data.frame import Image
from edge_vision.training.evaluation.sights import picture_of
from edge_vision.training.exam import Exam
from edge_vision.training.fitting.history import History
from edge_vision.training.report.canvas import save_picture
from edge_vision.training.report.choice import easiest, hardest
from edge_vision.training.report.confusion import confusion_picture
from edge_vision.training.report.curves import Panel, curves_picture
from edge_vision.training.report.sheet import LARGE, sheet
from edge_vision.training.score import Score

CURVES, CONFUSION, HARDEST, GOOD = "curves.png", "confusion.png", "hardest.png", "good.png"

MOST_DRAWN = 9
"""So many examples at most where what was said is drawn on them."""

Shown = tuple[Path, str]
"""A picture's file, and what it shows."""


def write_pictures(
    folder: Path, histories: Mapping[str, History], score: Score, exam: Exam
) -> tuple[Shown, ...]:
    """Draw all there is to draw, and write it; gives the files and what each shows.

    score  of the exam, in the order of its examples
    """
    return tuple(
        (save_picture(picture, folder / name), told)
        for name, told, picture in _drawn(histories, score, exam)
    )


def _drawn(
    histories: Mapping[str, History], score: Score, exam: Exam
) -> Iterator[tuple[str, str, Image]]:
    if score.confusion is not None:
        told = "What is mistaken for what"
        yield CONFUSION, told, confusion_picture(score.confusion, score.labels)
    if rows := easiest(score, exam.truths):
        yield GOOD, "Good cases", _sheet(rows, score, exam)
    if rows := hardest(score):
        yield HARDEST, "The hardest cases", _sheet(rows, score, exam)
    if panels := [panel for name, history in histories.items() for panel in _panels(name, history)]:
        yield CURVES, "How it learnt; the line marks the epoch that was kept", curves_picture(panels)


def _panels(name: str, history: History) -> Iterator[Panel]:
    """The losses of a fit, its figures of the validation, and its learning rate."""
    columns = history.columns()
    best = history.best_epoch - 1 if history.best_epoch else None
    losses = {key: values for key, values in columns.items() if key.startswith("loss")}
    if len(losses) == 2:  # the sum is the same as its only part
        losses = {"loss": columns["loss"]}
    scores = {key[6:]: values for key, values in columns.items() if key.startswith("score_")}
    shares = {key: values for key, values in scores.items() if _is_share(values)}
    others = {key: values for key, values in scores.items() if key not in shares}
    yield Panel(f"{name}: loss", losses, best)
    yield Panel(f"{name}: validation", shares, best)
    for key, values in others.items():
        yield Panel(f"{name}: {key}", {key: values}, best)
    if "learning_rate" in columns:
        yield Panel(f"{name}: learning rate", {"rate": columns["learning_rate"]}, best)


def _is_share(values: Sequence[float]) -> bool:
    return not any(value < 0.0 or value > 1.0 for value in values)


def _sheet(rows: Sequence[int], score: Score, exam: Exam) -> Image:
    """Some examples, each with what it is and what was said of it."""
    texts = [_text(row, score, exam) for row in rows]
    if score.drawing is None:
        return sheet([picture_of(exam.source, row)[..., ::-1] for row in rows], texts)
    drawn = (score.drawing(row, picture_of(exam.source, row)) for row in rows[:MOST_DRAWN])
    return sheet([each[..., ::-1] for each in drawn], texts[:MOST_DRAWN], LARGE)


def _text(row: int, score: Score, exam: Exam) -> str:
    truth = exam.truths[row] if len(exam.truths) else ""
    said = score.said[row] if score.said else ""
    return "\n".join(text for text in (truth, f"said: {said}" if said else "") if text)
