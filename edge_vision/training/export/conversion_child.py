"""The child process of a conversion: TensorFlow's converter may crash, and takes only itself along.

It is run by its path, with one argument: a JSON table of `path` (the modules' search path), `folder`
(where all files lie), `endpoint`, `forms` and `run` (whether each file is also run on the samples). It
writes a .tflite file a form, and what each answers, and says on standard output, a line each, which
form it begins with; what the converter says goes to standard error. A problem is a JSON line.
"""

from __future__ import annotations

import json
import os
import sys
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any


def main() -> None:
    """Convert to each form, and leave without tidying up."""
    wishes = json.loads(sys.argv[1])
    said = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    sys.path[:] = wishes["path"]
    _skip_package_root()
    errors = import_module("edge_vision.data.errors")
    worker = import_module("edge_vision.training.export.forms")
    form = ""
    try:
        for form in wishes["forms"]:
            print(form, file=said, flush=True)
            worker.make(Path(wishes["folder"]), wishes["endpoint"], form, wishes["run"])
    except errors.TrainingError as error:
        _tell(said, form, str(error))
    except Exception as error:
        _tell(said, form, f"{type(error).__name__}: {error}")
        raise
    said.flush()
    os._exit(0)


def _tell(said: Any, form: str, problem: str) -> None:
    print(json.dumps({"form": form, "problem": problem}), file=said, flush=True)


def _skip_package_root() -> None:
    """Let modules of edge_vision be imported without its root, which imports all public names."""
    root = ModuleType("edge_vision")
    root.__path__ = [str(Path(__file__).resolve().parents[2])]
    sys.modules["edge_vision"] = root


if __name__ == "__main__":
    main()
