"""The configuration: a TOML file, read strictly, with errors that say where and what would be right."""

from __future__ import annotations

import os
import re
import socket
import tomllib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from edge_vision.contracts.options import Options, option
from edge_vision.data.errors import ConfigError, one_line
from edge_vision.service.ladder import GovernorTable, RungTable, on_rung
from edge_vision.service.lines import line_of

LARGEST = 1_000_000
"""Bytes of the largest configuration file that is read."""
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
Table = dict[str, Any]


class ModelTable(Options):
    """One entry of [models]."""

    bundle: str = option(..., "a shipped name, a bundle folder, or any .tflite file", min_length=1)
    variant: str | None = option(
        None, "which form of the bundle, such as int8; left out: the fastest here", min_length=1
    )
    form: Literal["as-is", "fastest"] = option(
        "as-is", "fastest: a quantised model also in floats, where that is as right and faster here"
    )
    labels: str | None = option(None, "names of the classes, one a line, where the model carries none")
    mean: float | None = option(None, "of a float input: value = (pixel - mean) / std; bare: 0")
    std: float | None = option(None, "of a float input: value = (pixel - mean) / std; bare: 255", gt=0)


class CameraTable(Options):
    """One entry of [cameras]."""

    source: str | int | Table = option(..., "a URL, a device, a file, a folder of images, or a table")
    fps: float | None = option(
        None, "frames processed at most; left out: every frame", unit="1/s", gt=0, le=1000
    )
    weight: float = option(
        1.0, "share of the workers' time where it is short, beside other cameras", gt=0, le=1000
    )
    stages: tuple[Table, ...] = option((), "the stages, in order; each names what it `uses`")
    sinks: tuple[str, ...] | None = option(None, "the sinks for its results; left out: all")


class PluginsTable(Options):
    """The [plugins] table."""

    folder: str | None = option(None, "a folder of single-file plugins", min_length=1)
    disable: tuple[str, ...] = option((), "plugins that are not loaded")


class ConfigTables(Options):
    """The whole file."""

    node: str = option("", "this computer's name in topics; left out: its host name")
    workers: int = option(0, "threads that compute; 0: as many as there are cores", ge=0, le=256)
    stats_interval: float = option(30.0, "how often statistics are sent", unit="s", ge=0.1, le=86400)
    mqtt: Table | None = option(None, "the broker; left out: JSON lines on standard output")
    models: dict[str, ModelTable] = option({}, "models by name")
    cameras: dict[str, CameraTable] = option({}, "cameras by name")
    sinks: dict[str, Table] = option({}, "further sinks by name")
    plugins: PluginsTable = option(PluginsTable(), "where plugins come from")
    governor: GovernorTable | None = option(
        None, "what is given up where there is more to do than time for it; left out: nothing"
    )


@dataclass(frozen=True, slots=True)
class Config:
    """A configuration as read: its file, its text, its tables. Paths in it are relative to `folder`.

    rung  so many rungs down the governor's ladder the tables are; 0: as they are written
    """

    file: Path
    text: str
    tables: ConfigTables
    rung: int = 0

    @property
    def folder(self) -> Path:
        """The folder the file lies in."""
        return self.file.parent

    @property
    def node(self) -> str:
        """This computer's name in topics."""
        return self.tables.node or _host_name()

    @property
    def workers(self) -> int:
        """How many threads compute."""
        return self.tables.workers or len(os.sched_getaffinity(0))

    def located(self, error: ConfigError) -> str:
        """The one line a person is shown for an error in this file."""
        path, line = error.path, None
        while path and line is None:
            line = line_of(self.text, path)
            path = path.rpartition(".")[0]  # what is missing is told where its table begins
        return one_line(f"{self.file}: {error}{f' (line {line})' if line else ''}")


class ConfigFileError(ConfigError):
    """A wrong configuration, as the one line that a person is shown: file, path, problem, line."""


def read_config(file: Path, rung: int = 0) -> Config:
    """Read a configuration file; raises ConfigFileError with the line a person is shown.

    rung  so many rungs down its governor's ladder, or on the last one where that has fewer
    """
    text = _text(file)
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigFileError(f"{file}: not TOML: {error}") from None
    except RecursionError:
        raise ConfigFileError(f"{file}: tables or arrays are nested too deeply") from None
    except ValueError as error:  # what Python itself refuses, such as numbers of thousands of digits
        raise ConfigFileError(one_line(f"{file}: not TOML: {error}")) from None
    try:
        config = parse_config(document, file, text)
        governor = config.tables.governor
        if not rung or governor is None:
            return config
        rung = min(rung, len(governor.ladder))
        return _lowered(config, document, governor.ladder[rung - 1], rung)
    except ConfigError as error:
        bare = Config(file, text, ConfigTables())
        raise ConfigFileError(bare.located(error)) from None


def parse_config(document: Table, file: Path, text: str = "") -> Config:
    """Check the tables of a configuration, but not yet what plugins declare; raises ConfigError."""
    tables = ConfigTables.parse(document)
    if tables.node:
        check_name(tables.node, "node")
    for kind in ("models", "cameras", "sinks"):
        for name in getattr(tables, kind):
            check_name(name, f"{kind}.{name}")
    if not tables.cameras:
        raise ConfigError('needs at least one, such as [cameras.porch] with source = "test"', "cameras")
    if "mqtt" in tables.sinks:
        raise ConfigError("the sink of that name is the table [mqtt]; choose another name", "sinks.mqtt")
    return Config(file, text, tables)


def _lowered(config: Config, document: Table, table: RungTable, rung: int) -> Config:
    path = f"governor.ladder[{rung - 1}]"
    changed = on_rung(document, table, path)
    try:
        return replace(parse_config(changed, config.file, config.text), rung=rung)
    except ConfigError as error:
        raise ConfigError(f"with what it changes, {error}", path) from error


def check_name(name: str, path: str) -> None:
    """Refuse a name that is no single, plain part of a topic."""
    if not NAME.fullmatch(name):
        raise ConfigError(
            f"{name[:40]!r} is no name: use up to 64 letters, digits, - and _, a letter or digit first",
            path,
        )


def _text(file: Path) -> str:
    try:
        if file.stat().st_size > LARGEST:
            raise ConfigFileError(f"{file}: larger than {LARGEST:,} bytes")
        data = file.read_bytes()
    except OSError as error:
        raise ConfigFileError(f"{file}: cannot be read: {error.strerror}") from None
    if data.startswith(b"\xef\xbb\xbf"):
        raise ConfigFileError(f"{file}: begins with a byte-order mark (BOM); save it as plain UTF-8")
    try:
        return data.decode("utf-8").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        raise ConfigFileError(f"{file}: not UTF-8 (at byte {error.start}); save it as UTF-8") from None


def _host_name() -> str:
    plain = re.sub(r"[^A-Za-z0-9_-]+", "-", socket.gethostname().split(".")[0]).strip("-_")
    return plain[:64] or "node"
