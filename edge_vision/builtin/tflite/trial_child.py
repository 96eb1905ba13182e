"""The child process of a trial: reads a model from standard input, rehearses it, answers on output.

It is run by its path, with one argument: the modules' search path, a JSON list. On standard input comes
a line, a JSON table of `seconds` (for the rehearsal alone) and `memory` (bytes of address space), and
behind it the model. It answers one JSON table, {"trial": ...} or {"problem": "..."}, and whatever
libraries say goes to standard error.
"""

from __future__ import annotations

import json
import os
import resource
import signal
import sys
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from types import ModuleType

_LONGEST_LOG = 1 << 20


def main() -> None:
    """Answer, and leave without tidying up."""
    answer = os.dup(1)
    os.dup2(2, 1)
    sys.path[:] = json.loads(sys.argv[1])
    _skip_package_root()
    errors = import_module("edge_vision.data.errors")
    answers = import_module("edge_vision.builtin.tflite.trial_answer")
    rehearsal = import_module("edge_vision.builtin.tflite.rehearsal")
    memory = 0
    try:
        rehearsal.find_runtime()  # what importing it takes is not the model's fault
        told = sys.stdin.buffer.readline()
        if not told:
            os._exit(0)  # nobody needs it
        limits = json.loads(told)
        memory = limits["memory"]
        content = sys.stdin.buffer.read()
        _limit(limits["seconds"], memory)
        said = {"trial": answers.told(rehearsal.rehearse(content))}
    except errors.ModelError as error:
        said = {"problem": str(error)}
    except MemoryError:
        said = {"problem": f"needs more memory than {memory >> 20} MiB"}
    with os.fdopen(answer, "w", encoding="utf-8") as out:
        json.dump(said, out)
    os._exit(0)


def _skip_package_root() -> None:
    """Let modules of edge_vision be imported without its root, which imports all public names.

    A trial needs few of them, and would take twice as long.
    """
    root = ModuleType("edge_vision")
    root.__path__ = [str(Path(__file__).resolve().parents[2])]
    sys.modules["edge_vision"] = root


def _limit(seconds: int, memory: int) -> None:
    """Bound what a rehearsal may take, as far as the system lets us; the alarm ends it in any case."""
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.alarm(seconds)
    limits = (
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_CPU, seconds),
        (resource.RLIMIT_FSIZE, _LONGEST_LOG),
        (resource.RLIMIT_AS, memory),
    )
    for kind, most in limits:
        with suppress(OSError, ValueError):
            hard = resource.getrlimit(kind)[1]
            soft = most if hard == resource.RLIM_INFINITY else min(most, hard)
            resource.setrlimit(kind, (soft, hard))
    with suppress(OSError):  # where memory runs out, this process is to go and no other
        Path("/proc/self/oom_score_adj").write_text("1000", encoding="ascii")


if __name__ == "__main__":
    main()
