"""Wrong configurations: each gives exit status 78 and one line that says where and what to do."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from edge_vision.service.cli import main

Check = Callable[[str | bytes], tuple[int, str]]

PLUGIN = '''
"""A stage for these tests."""
from edge_vision import ModelName, Options, Stage, StageNames, hookimpl, option


class Find(Stage):
    """Finds nothing."""

    name = "find"

    class Options(Options):
        model: ModelName
        min_score: float = option(0.5, "least score", ge=0, le=1)
        corner: tuple[int, int] = option((0, 0), "a point", unit="px")

    def __call__(self, result):
        return result


class Gate(Stage):
    """Lets all pass."""

    name = "gate"

    class Options(Options):
        after: StageNames = option((), "earlier stages")

    def __call__(self, result):
        return result


class Fails(Stage):
    """Cannot be made."""

    name = "fails"

    def __init__(self, options, context):
        raise ValueError("it will not work")

    def __call__(self, result):
        return result


@hookimpl
def register_stages(register):
    register(Find)
    register(Gate)
    register(Fails)
'''

HALF = """
from edge_vision import Stage, hookimpl


class Half(Stage):
    name = "half"


@hookimpl
def register_stages(register):
    register(Half)
"""


@pytest.fixture
def check(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Check:
    """Check a configuration as `edge-vision check config.toml` would; gives status and what was said."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "plugins").mkdir()
    (tmp_path / "plugins" / "find.py").write_text(PLUGIN)
    (tmp_path / "empty.tflite").write_bytes(b"")
    (tmp_path / "noise.tflite").write_bytes(bytes(range(256)) * 4)
    (tmp_path / "nothing").mkdir()
    (tmp_path / "half").mkdir()
    (tmp_path / "half" / "half.py").write_text(HALF)
    (tmp_path / "half" / "exits.py").write_text("raise SystemExit(3)\n")

    def run(text: str | bytes) -> tuple[int, str]:
        Path("config.toml").write_bytes(text if isinstance(text, bytes) else text.encode())
        status = main(["--log-level", "error", "check", "config.toml"])
        return status, capsys.readouterr().err

    return run


def stages(*tables: str, extra: str = "") -> str:
    """A configuration with these stages, each on a line of its own, the first on line 5."""
    inside = "".join(f"  {table},\n" for table in tables)
    head = '[plugins]\nfolder = "plugins"\n[cameras.porch]\nsource = "test"\n'
    return f"{head}stages = [\n{inside}]\n{extra}"


CAMERA = '[cameras.porch]\nsource = "test"\n'

WRONG: dict[str, tuple[str, str]] = {
    "unknown option of a stage": (
        stages('{ uses = "gate" }', '{ uses = "find", model = "people", min_scor = 0.5 }'),
        "cameras.porch.stages[1].min_scor: unknown option, did you mean min_score? (line 7)",
    ),
    "unknown top-level table": ("[camera.porch]\n", "camera: unknown option, did you mean cameras?"),
    "no camera": ('node = "a"\n', "cameras: needs at least one, such as [cameras.porch]"),
    "empty file": ("", "cameras: needs at least one"),
    "no source": ("[cameras.porch]\nfps = 5\n", "cameras.porch.source: is missing"),
    "unknown option of a camera": (
        CAMERA + "fsp = 5\n",
        "cameras.porch.fsp: unknown option, did you mean fps? (line 3)",
    ),
    "rate of zero": (
        CAMERA + "fps = 0\n",
        "fps: should be greater than 0, not 0 (line 3)",
    ),
    "rate as text": (CAMERA + 'fps = "5"\n', 'cameras.porch.fps: should be a valid number, not "5"'),
    "rate not a number": (
        CAMERA + "fps = nan\n",
        "fps: should be a finite number, not NaN",
    ),
    "unknown stage": (
        stages('{ uses = "gat" }'),
        "cameras.porch.stages[0].uses: there is no stage 'gat', did you mean gate? (line 6)",
    ),
    "stage without uses": (stages('{ name = "gate" }'), "cameras.porch.stages[0].uses: is missing"),
    "stage that is no table": (stages('"gate"'), "cameras.porch.stages[0]: should be a table"),
    "uses is no text": (stages("{ uses = 3 }"), "cameras.porch.stages[0].uses: should be a name, not 3"),
    "score beyond one": (
        stages('{ uses = "find", model = "people", min_score = 1.5 }'),
        "cameras.porch.stages[0].min_score: should be less than or equal to 1, not 1.5 (line 6)",
    ),
    "boolean for a number": (
        stages('{ uses = "find", model = "people", min_score = true }'),
        "cameras.porch.stages[0].min_score: should be a valid number, not true",
    ),
    "wrong place in an array": (
        stages('{ uses = "find", model = "people", corner = [1, "2"] }'),
        'cameras.porch.stages[0].corner[1]: should be a valid integer, not "2"',
    ),
    "option left out": (stages('{ uses = "find" }'), "cameras.porch.stages[0].model: is missing"),
    "unknown model": (
        stages('{ uses = "find", model = "peple" }', extra='[models.people]\nbundle = "empty.tflite"\n'),
        "cameras.porch.stages[0].model: there is no model 'peple', did you mean people? (line 6)",
    ),
    "no model at all": (
        stages('{ uses = "find", model = "people" }'),
        "cameras.porch.stages[0].model: there is no model 'people'; [models] is empty",
    ),
    "two stages of one name": (
        stages('{ uses = "gate" }', '{ uses = "gate" }'),
        "cameras.porch.stages[1].name: two stages are called gate; give one of them another name",
    ),
    "stage name with a slash": (
        stages('{ uses = "gate", name = "a/b" }'),
        "cameras.porch.stages[0].name: 'a/b' is no name",
    ),
    "later stage named": (
        stages('{ uses = "gate", name = "first", after = ["gate"] }', '{ uses = "gate" }'),
        "cameras.porch.stages[0].after[0]: no earlier stage is called 'gate'; it is the first stage",
    ),
    "missing model file": (
        CAMERA + '[models.people]\nbundle = "missing.tflite"\n',
        "models.people.bundle: missing.tflite: no such file",
    ),
    "empty model file": (
        CAMERA + '[models.people]\nbundle = "empty.tflite"\n',
        "models.people.bundle: ",
    ),
    "model file that is none": (
        CAMERA + '[models.people]\nbundle = "noise.tflite"\n',
        "models.people.bundle: ",
    ),
    "model table without bundle": (
        CAMERA + '[models.people]\nlabels = "a.txt"\n',
        "models.people.bundle: is missing (line 3)",
    ),
    "camera name no topic can have": ('[cameras."a/b#"]\nsource = "test"\n', "'a/b#' is no name"),
    "node with a wildcard": ('node = "a+b"\n' + CAMERA, "node: 'a+b' is no name"),
    "missing file": ('[cameras.porch]\nsource = "missing.mp4"\n', "cameras.porch.source: no such file"),
    "empty folder of pictures": ('[cameras.porch]\nsource = "nothing"\n', "cameras.porch.source"),
    "scheme that is not allowed": (
        '[cameras.porch]\nsource = "concat:a.mp4|b.mp4"\n',
        "cameras.porch.source: ",
    ),
    "unknown source": (
        '[cameras.porch]\nsource = { uses = "opencw", url = "a" }\n',
        "cameras.porch.source.uses: there is no source 'opencw', did you mean opencv? (line 2)",
    ),
    "unknown option of a source": (
        '[cameras.porch]\nsource = { uses = "test", widht = 320 }\n',
        "cameras.porch.source.widht: unknown option, did you mean width? (line 2)",
    ),
    "port out of range": (
        CAMERA + "[mqtt]\nport = 70000\n",
        "mqtt.port: should be less than or equal to 65535, not 70000 (line 4)",
    ),
    "unknown option of the broker": (
        CAMERA + '[mqtt]\nhots = "a"\n',
        "mqtt.hots: unknown option, did you mean host? (line 4)",
    ),
    "root with a wildcard": (CAMERA + '[mqtt]\nroot = "a/#"\n', "mqtt.root: "),
    "password file that is missing": (
        CAMERA + '[mqtt]\nusername = "me"\npassword_file = "none"\n',
        "mqtt.password_file: ",
    ),
    "unknown sink class": (
        CAMERA + '[sinks.archive]\nuses = "jsnl"\n',
        "sinks.archive.uses: there is no sink 'jsnl', did you mean jsonl?",
    ),
    "sink called mqtt": (CAMERA + '[sinks.mqtt]\nuses = "jsonl"\n', "sinks.mqtt: the sink of that name"),
    "camera with an unknown sink": (
        CAMERA + 'sinks = ["archiv"]\n[sinks.archive]\nuses = "jsonl"\n',
        "cameras.porch.sinks[0]: there is no sink 'archiv', did you mean archive?",
    ),
    "plugin folder that is missing": (
        CAMERA + '[plugins]\nfolder = "none"\n',
        "plugins.folder: no such folder",
    ),
    "disabled plugin that is not there": (
        CAMERA + '[plugins]\nfolder = "plugins"\ndisable = ["fnd"]\n',
        "plugins.disable[0]: there is no plugin 'fnd', did you mean find?",
    ),
    "stage of a disabled plugin": (
        stages('{ uses = "gate" }').replace("[cameras", 'disable = ["find"]\n[cameras'),
        "cameras.porch.stages[0].uses: there is no stage 'gate'",
    ),
    "workers below zero": ("workers = -1\n" + CAMERA, "workers: should be greater than or equal to 0"),
    "a date for a text": (CAMERA + "[mqtt]\nhost = 2026-01-01\n", "mqtt.host: a date"),
    "no TOML": ("[cameras.porch\n", "config.toml: not TOML: "),
    "a key written twice": (CAMERA + 'source = "test"\n', "config.toml: not TOML: "),
    "a table written twice": (CAMERA + CAMERA, "config.toml: not TOML: "),
    "nested without end": ("a = " + "[" * 20000 + "]" * 20000, "nested too deeply"),
    "byte-order mark": ("\ufeff" + CAMERA, "byte-order mark"),
    "a number of thousands of digits": ("workers = " + "9" * 5000, "config.toml: not TOML: "),
    "a number beyond 64 bits": (
        "workers = 0x" + "f" * 40 + "\n" + CAMERA,
        "workers: a number beyond 64 bits has no use here",
    ),
    "a NUL character": (
        CAMERA + '[models.people]\nbundle = "a\\u0000.tflite"\n',
        "models.people.bundle: a text with a NUL character has no use here",
    ),
    "a NUL character in a name": ('[cameras."a\\u0000"]\nsource = "test"\n', "is no name"),
    "a line break in a name": ('[cameras."a\\nb"]\nsource = "test"\n', "is no name"),
    "a path of thousands of characters": (
        CAMERA + f'[models.people]\nbundle = "{"a" * 5000}"\n',
        "models.people.bundle: ",
    ),
    "a plugin that fails while it is made": (
        stages('{ uses = "fails" }'),
        "cameras.porch.stages[0]: failed with ValueError: it will not work (line 6)",
    ),
    "a class of a stage that is not finished": (
        CAMERA + 'stages = [{ uses = "half" }]\n[plugins]\nfolder = "half"\n',
        "the stage half does not define __call__",
    ),
    "a plugin that ends the program": (
        CAMERA + 'stages = [{ uses = "exits" }]\n[plugins]\nfolder = "half"\n',
        "the plugin exits does not load: SystemExit: 3",
    ),
    "lines to a folder": (
        CAMERA + '[sinks.archive]\nuses = "jsonl"\npath = "plugins"\n',
        "sinks.archive.path: ",
    ),
    "pictures below a file": (
        CAMERA + '[sinks.archive]\nuses = "folder"\npath = "empty.tflite/pictures"\n',
        "sinks.archive.path: ",
    ),
    "a broker with its port": (
        CAMERA + '[mqtt]\nhost = "localhost:1883"\n',
        "mqtt.host: is a name or an address; the port has an option of its own",
    ),
    "another sink as the broker": (CAMERA + '[mqtt]\nuses = "jsonl"\n', "mqtt.uses: [mqtt] always uses"),
    "too large": ("#" + "x" * 1_000_001, "larger than 1,000,000 bytes"),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_configuration_is_told_in_one_line(case: str, check: Check) -> None:
    text, expected = WRONG[case]
    status, said = check(text)
    assert status == 78, said
    assert said.count("\n") == 1, said
    assert said.startswith("config.toml: ")
    assert expected in said
    assert "Traceback" not in said


def test_there_are_many_such_cases() -> None:
    assert len(WRONG) >= 25


def test_bytes_that_are_no_utf8_are_told(check: Check) -> None:
    status, said = check(b"node = '\xff'\n")
    assert (status, said.count("\n")) == (78, 1)
    assert "not UTF-8 (at byte 8)" in said


def test_a_file_that_is_not_there_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "nowhere/config.toml"]) == 78
    assert capsys.readouterr().err == "nowhere/config.toml: cannot be read: No such file or directory\n"


def test_a_password_in_a_wrong_url_is_not_repeated(check: Check) -> None:
    for source in (
        '"rtsq://me:hunter2@camera/stream"',
        '{ uses = "opencv", url = "gopher://me:hunter2@camera/" }',
        '["rtsp://me:hunter2@camera/stream"]',
    ):
        status, said = check(f"[cameras.porch]\nsource = {source}\n")
        assert status == 78
        assert "hunter2" not in said


def test_a_good_configuration_is_summed_up(check: Check, capsys: pytest.CaptureFixture[str]) -> None:
    Path("config.toml").write_text(stages('{ uses = "gate" }'))
    assert main(["check", "config.toml"]) == 0
    assert capsys.readouterr().out == "config.toml: good: 1 camera (porch), 1 sink (stdout)\n"
