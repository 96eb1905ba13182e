"""A trial: a model is tried in a child process with limits, so that a bad file harms nobody.

The runtime trusts the files it is given; a damaged one may crash it, take all memory or never end.
"""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
from collections import OrderedDict, deque
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from threading import Lock, Thread
from weakref import WeakValueDictionary

from edge_vision.builtin.tflite.file_check import check_model
from edge_vision.builtin.tflite.runtime import wanted_runtimes
from edge_vision.builtin.tflite.trial_answer import Trial, trial_of
from edge_vision.builtin.tflite.trial_process import take_process
from edge_vision.contracts.regular_file import read_model_file
from edge_vision.data.errors import ModelError, one_line

SECONDS = 30
"""So long may a rehearsal take."""

PATIENCE = 60.0
"""Seconds until a child is given up that has not even begun, on a machine that is much too busy."""

MEMORY = min(4 << 30, os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
"""Bytes of address space, beside a few times the file: no more than the machine has."""

MOST_KEPT = 32
"""So many answers are kept, so that reloading costs nothing."""

_LONGEST_PROBLEM = 400
_OUT_OF_MEMORY = ("bad_alloc", "length_error", "out of memory", "failed to allocate")
_TOO_SLOW = (signal.SIGALRM, signal.SIGXCPU)


class Passing(Exception):
    """A problem that may be gone the next time, such as a machine that is too busy."""


class Kept:
    """Answers by the file's digest: a trial, or what is wrong with it. The oldest one goes first."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._answers: OrderedDict[str, Trial | str] = OrderedDict()
        self._asking: WeakValueDictionary[str, Lock] = WeakValueDictionary()
        self._one_at_a_time = Lock()

    def asking(self, digest: str) -> Lock:
        """Held by who asks, so that nobody asks the same at the same time."""
        with self._one_at_a_time:
            return self._asking.setdefault(digest, Lock())

    def get(self, digest: str) -> Trial | str | None:
        """What is known, None where it is nothing."""
        with self._one_at_a_time:
            return self._answers.get(digest)

    def put(self, digest: str, answer: Trial | str) -> None:
        """Keep an answer."""
        with self._one_at_a_time:
            self._answers[digest] = answer
            while len(self._answers) > self._most:
                self._answers.popitem(last=False)

    def clear(self) -> None:
        """Forget everything."""
        with self._one_at_a_time:
            self._answers.clear()


kept = Kept(MOST_KEPT)
"""The answers of this process."""


def try_model(file: Path, content: bytes | None = None) -> Trial:
    """What a model did in a child process; what is known of the same content is not tried again.

    content  what is in the file, where it has been read

    Raises ModelError, one line that names the file, where the model cannot be used.
    """
    if content is None:
        content = read_model(file)
    # A runtime tells of what it can do itself, so that its answer is none of another's.
    digest = f"{hashlib.sha256(content).hexdigest()} {' '.join(wanted_runtimes())}"
    with kept.asking(digest):
        answer = kept.get(digest)
        if answer is None:
            try:
                answer = _asked(content)
            except Passing as problem:
                raise ModelError(f"{file}: {problem}") from None
            kept.put(digest, answer)
    if isinstance(answer, str):
        raise ModelError(f"{file}: {answer}")
    return answer


def begin_trials(files: Iterable[Path]) -> None:
    """Begin to try models that will be opened soon, as many at once as there are cores.

    Who opens one then finds the answer, or waits for it; whatever is wrong is told there.
    """
    waiting = deque(files)

    def work() -> None:
        with suppress(IndexError):
            while True:
                file = waiting.popleft()
                with suppress(ModelError):
                    try_model(file)

    for _ in range(min(len(waiting), len(os.sched_getaffinity(0)))):
        Thread(target=work, name="trial", daemon=True).start()


def read_model(file: Path) -> bytes:
    """What is in a model's file; raises ModelError where it cannot be read."""
    try:
        return read_model_file(file)
    except OSError as error:
        raise ModelError(f"{file}: {error.strerror or error}") from None


def _asked(content: bytes) -> Trial | str:
    """What is found out of a model; most damage is told without a process of its own."""
    try:
        check_model(content)
    except ModelError as problem:
        return str(problem)
    return _ask_child(content)


def _ask_child(content: bytes) -> Trial | str:
    """What a child says of a model; raises Passing where it may say something else another time."""
    memory = MEMORY + 4 * len(content)
    try:
        limits = {"seconds": SECONDS, "memory": memory}
        status, said, last_words = take_process().ask(limits, content, PATIENCE)
    except subprocess.TimeoutExpired:
        raise Passing(_slow()) from None
    except OSError as error:
        raise Passing(f"cannot be tried in a process of its own ({error.strerror})") from None
    if status < 0:
        return _death(signal.Signals(-status), last_words, memory)
    try:
        answer = json.loads(said)
        return _shorten(answer["problem"]) if "problem" in answer else trial_of(answer["trial"])
    except (ValueError, KeyError, TypeError):
        reason = last_words.strip().rpartition("\n")[2] or f"exit status {status}"
        raise Passing(f"its trial failed ({_shorten(reason)})") from None


def _death(cause: signal.Signals, last_words: str, memory: int) -> str:
    """What is wrong with a model whose child was ended by a signal; raises Passing likewise."""
    if cause in _TOO_SLOW:
        raise Passing(_slow())
    if cause == signal.SIGKILL:
        raise Passing("its trial was killed, probably because memory ran out")
    if any(word in last_words for word in _OUT_OF_MEMORY):
        raise Passing(f"needs more memory than {memory >> 20} MiB")
    return (
        f"crashes the runtime ({cause.name}); the file is damaged, or uses what this runtime cannot do"
    )


def _slow() -> str:
    return f"does not finish two runs within {SECONDS} seconds; use a smaller model"


def _shorten(problem: str) -> str:
    """A problem in one line that is not long, whatever names are in it."""
    line = one_line(problem)
    return line if len(line) <= _LONGEST_PROBLEM else f"{line[: _LONGEST_PROBLEM - 3]}..."
