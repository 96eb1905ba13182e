"""The float forms of quantised models: how often they agree with the integers, and how long they take.

    python benchmarks/float_forms.py PICTURES MODEL.tflite ...

PICTURES is a folder; up to 200 of its pictures are shown. Prints a row for each form of a model: the
share of pictures with the same best class (in brackets: two classes of one value count as the same), the
milliseconds of a run on one thread, the middle one of all runs in turns, and the ratio to the file as it
is. The row "no delegate" is the file as it is on LiteRT's own kernels: so far two runtimes of it agree.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from ai_edge_litert.interpreter import Interpreter, OpResolverType
from numpy.typing import NDArray

from edge_vision.builtin.tflite.float_form import float_form
from edge_vision.service.models.fastest_form import FORMS

MOST = 200


def main() -> None:
    """Do it."""
    folder, *models = (Path(word) for word in sys.argv[1:])
    files = sorted(each for each in folder.rglob("*") if each.suffix in (".jpg", ".png"))[:MOST]
    read = (cv2.imread(str(file)) for file in files)
    pictures = [cv2.cvtColor(each, cv2.COLOR_BGR2RGB) for each in read if each is not None]
    for model in models:
        print(f"{model.name}, {len(pictures)} pictures")
        compare(model.read_bytes(), pictures)


def compare(content: bytes, pictures: list[NDArray[Any]]) -> None:
    """Print the rows of one model."""
    own = OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
    usual = OpResolverType.AUTO
    forms = {
        "as it is": (content, usual),
        "no delegate": (content, own),
        **{name: (float_form(content, rounded=first), usual) for name, first in FORMS.items()},
    }
    runners: dict[str, Any] = {
        name: Interpreter(model_content=each, num_threads=1, experimental_op_resolver_type=resolver)
        for name, (each, resolver) in forms.items()
    }
    answers: dict[str, list[NDArray[Any]]] = {name: [] for name in runners}
    seconds: dict[str, list[float]] = {name: [] for name in runners}
    for runner in runners.values():
        runner.allocate_tensors()
    for picture in pictures:
        for name, runner in runners.items():
            entry, leaving = runner.get_input_details()[0], runner.get_output_details()[0]
            height, width = (int(side) for side in entry["shape"][1:3])
            seen = cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA)
            runner.set_tensor(entry["index"], seen[None])
            started = time.perf_counter()
            runner.invoke()
            seconds[name].append(time.perf_counter() - started)
            answers[name].append(runner.get_tensor(leaving["index"]).reshape(-1))
    first = np.array(answers["as it is"])
    for name, rows in answers.items():
        same, tied = agreement(first, np.array(rows))
        took = 1000.0 * float(np.median(seconds[name]))
        ratio = float(np.median(seconds["as it is"]) / np.median(seconds[name]))
        print(f"  {name:16} {same:6.1%} ({tied:6.1%})  {took:7.2f} ms  {ratio:5.2f} times as fast")


def agreement(one: NDArray[Any], other: NDArray[Any]) -> tuple[float, float]:
    """Shares of rows with the same best class, and with that or two classes of one value."""
    best, rows = (one.argmax(1), other.argmax(1)), np.arange(len(one))
    tied = [each[rows, best[0]] == each[rows, best[1]] for each in (one, other)]
    return float((best[0] == best[1]).mean()), float((tied[0] | tied[1]).mean())


if __name__ == "__main__":
    main()
