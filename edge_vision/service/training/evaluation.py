"""Evaluation: how well any model does on data, asked as the daemon asks it."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edge_vision.builtin.warp import opencv_warp
from edge_vision.contracts.model import Model
from edge_vision.contracts.options import Options
from edge_vision.data.errors import TrainingError
from edge_vision.service.training.finding import find_recipe
from edge_vision.service.training.opening import (
    declared_bundle,
    equip,
    find_model,
    opened_bundle,
)
from edge_vision.training.data.collection import Collection
from edge_vision.training.data.readers import read_any
from edge_vision.training.data.unlabelled import read_unlabelled
from edge_vision.training.evaluation.evaluators import evaluator_of
from edge_vision.training.report.table import figure
from edge_vision.training.score import Score

CONFUSED = 5
"""So many kinds of mistakes are told."""

ParseOptions = Callable[[type[Options]], Any]
"""Reads the options of a recipe from what a person wrote."""


@dataclass(frozen=True, slots=True)
class Question:
    """What a person asked.

    model    a bundle's name or folder, or a file
    data     the folder to judge on
    recipe   that reads it; empty for the usual way of the model's task
    part     of the data; empty for all, or for a recipe's validation part
    variant  of the bundle; empty for that of model.tflite
    """

    model: str
    data: Path
    recipe: str = ""
    part: str = ""
    variant: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Answer:
    """What came out.

    model    the model's folder or file
    variant  the form that was judged; empty for a file
    task     what it is for
    score    how well it did
    """

    model: Path
    variant: str
    task: str
    score: Score


def evaluated(question: Question, parse: ParseOptions) -> Answer:
    """Judge a model; raises TrainingError or ModelError where it and the data do not go together."""
    path = find_model(question.model)
    with opened_bundle(declared_bundle(path, question.variant or None)) as model:
        score = _by_recipe(question, model, parse) if question.recipe else _by_task(question, model)
        return Answer(path, model.bundle.variant, model.bundle.task, score)


def _by_task(question: Question, model: Model) -> Score:
    if model.bundle.task == "generate":  # judged by pictures alone, whatever else is told of them
        collection = read_unlabelled(question.data, "label")
    else:
        collection = read_any(question.data)
    if question.part not in ("", "all"):
        collection = _part(collection, question)
    return evaluator_of(model.bundle, collection)(model, collection, opencv_warp)


def _part(collection: Collection, question: Question) -> Collection:
    items = [item for item in collection.items if item.part == question.part]
    if not items:
        raise TrainingError(
            f"{question.data}: declares no {question.part} part (as folders train/, val/ and test/ do); "
            "leave --part out, or give the --recipe that splits it"
        )
    return collection.of(items)


def _by_recipe(question: Question, model: Model, parse: ParseOptions) -> Score:
    kind = find_recipe(question.recipe)
    recipe = kind(parse(kind.Options))
    equip(recipe)
    if recipe.task != model.bundle.task:
        raise TrainingError(
            f"{question.model}: its task is {model.bundle.task}, that of the recipe {recipe.name} "
            f"is {recipe.task}"
        )
    with tempfile.TemporaryDirectory(prefix="edge-vision-evaluate-") as cache:
        exam = recipe.exam(question.data, Path(cache), question.part or "validation")
        return recipe.evaluate(model, exam, opencv_warp)


def score_json(answer: Answer) -> dict[str, Any]:
    """How well a model did, as JSON knows it."""
    score = answer.score
    return {
        "model": str(answer.model),
        "variant": answer.variant,
        "task": answer.task,
        "examples": score.examples,
        "metrics": {name: round(float(value), 6) for name, value in score.values.items()},
        "labels": list(score.labels),
        "confusion": None if score.confusion is None else score.confusion.tolist(),
    }


def score_text(answer: Answer) -> str:
    """How well a model did, for a person."""
    score = answer.score
    called = f"{answer.model}{f' ({answer.variant})' if answer.variant else ''}"
    width = max(len(name) for name in score.values)
    lines = [f"{called} on {score.examples} examples", ""]
    lines += [f"{name:<{width}}  {figure(name, value)}" for name, value in score.values.items()]
    if mistakes := _mistakes(score):
        lines += ["", "most often mistaken:", *(f"- {line}" for line in mistakes)]
    return "\n".join(lines)


def _mistakes(score: Score) -> list[str]:
    """What is mistaken for what most often, a line each."""
    if score.confusion is None or not score.labels:
        return []
    found = [
        (int(score.confusion[row, column]), score.labels[row], score.labels[column])
        for row in range(len(score.confusion))
        for column in range(len(score.confusion))
        if row != column and score.confusion[row, column]
    ]
    found.sort(key=lambda each: -each[0])
    return [f"{was} for {said}: {count} times" for count, was, said in found[:CONFUSED]]
