"""The JSON-lines sink: results and events, one JSON object a line, on standard output or in a file."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from typing import Any, ClassVar

from edge_vision.builtin.background import BackgroundWriter
from edge_vision.builtin.complaints import Complaints
from edge_vision.builtin.encode import encode_json
from edge_vision.builtin.places import check_file_place
from edge_vision.contracts.options import Options as BaseOptions
from edge_vision.contracts.options import option
from edge_vision.contracts.sink import Sink, SinkContext
from edge_vision.data.errors import SinkError, StageError
from edge_vision.data.event import Event
from edge_vision.data.payload import event_payload, result_payload
from edge_vision.data.result import Result

logger = logging.getLogger(__name__)

LINES_WAITING = 1000
"""At most so many lines wait to be written."""

STANDARD_OUTPUT = 1


class JsonLinesSink(Sink):
    """Writes results and events as JSON, one object a line, in UTF-8.

    Lines are encoded on the calling thread and written, whole, on the sink's own. A file is appended
    to, so what rotates logs should copy and truncate. When the reader of a pipe goes away, writing
    ends; the pipeline does not notice, the results are counted as lost.
    """

    name: ClassVar[str] = "jsonl"

    class Options(BaseOptions):
        """What a user may write beside `uses = "jsonl"`."""

        path: str | None = option(
            None, "File to append to; left out, lines go to standard output.", min_length=1
        )
        stats: bool = option(False, "Also write the statistics that are made once in a while.")

    options: Options

    def __init__(self, options: Options, context: SinkContext) -> None:
        super().__init__(options, context)
        if options.path is not None:
            check_file_place(context.folder / options.path, "path")
        self._writer = BackgroundWriter(f"sink {context.name}", self._write_line, LINES_WAITING)
        self._descriptor = -1
        self._torn = False
        self._complain = Complaints(logger, context.name)

    def open(self) -> None:
        """Open the file; raises SinkError where that is not possible."""
        try:
            if self.options.path is None:
                self._descriptor = os.dup(STANDARD_OUTPUT)
            else:
                file = self.context.folder / self.options.path
                self._descriptor = os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
        except OSError as error:
            target = self.options.path or "standard output"
            raise SinkError(f"{self.context.name}: cannot write to {target}: {error.strerror}") from None
        self._writer.start()

    def wait_for_room(self, timeout: float) -> bool:
        """Wait until half of what may wait is written; False where `timeout` seconds passed."""
        return self._writer.wait_for_room(timeout)

    def write(self, result: Result, *, wait: bool = False) -> None:
        """Write a result as one line."""
        if self._writer.accepts(wait):
            self._put(result_payload(result, self.context.identity), wait=wait)

    def notify(self, event: Event) -> None:
        """Write an event as one line."""
        if self._writer.accepts(wait=False, rare=True):
            self._put(event_payload(event, self.context.identity), rare=True)

    def stats(self, payload: Mapping[str, Any]) -> None:
        """Write statistics as one line, where the options ask for them."""
        if self.options.stats and self._writer.accepts(wait=False, rare=True):
            self._put(payload, rare=True)

    def counters(self) -> Mapping[str, int]:
        """How many lines were written, were lost, and wait."""
        return self._writer.counters()

    def flush(self, timeout: float) -> bool:
        """Wait until every line is written; False where `timeout` seconds passed."""
        return self._writer.flush(timeout)

    def close(self) -> None:
        """Write what was accepted, for a bounded time, and let go of the file."""
        self._writer.close()
        if self._descriptor >= 0 and not self._writer.alive:
            os.close(self._descriptor)
            self._descriptor = -1

    def _put(self, payload: Mapping[str, Any], *, wait: bool = False, rare: bool = False) -> None:
        try:
            line = encode_json(payload) + b"\n"
        except StageError as error:
            self._writer.lose()
            self._complain(str(error))
        else:
            self._writer.put(line, wait, rare)

    def _write_line(self, line: bytes) -> None:
        """Write a whole line; one that a full disk cut short before is ended first."""
        rest = memoryview(b"\n" + line if self._torn else line)
        while rest:
            written = os.write(self._descriptor, rest)
            rest = rest[written:]
            self._torn = True
        self._torn = False
