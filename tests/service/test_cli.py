"""The command line: plugins, schemas, the demo, and how commands fail."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest

from edge_vision.service.cli import main
from tests.service.test_daemon import PLUGIN

COMMAND = [sys.executable, "-m", "edge_vision"]


def listed(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, dict[str, object]]:
    status = main(["plugins", "list", "--json", *arguments])
    rows = json.loads(capsys.readouterr().out)
    assert status == (1 if any(row["status"] == "broken" for row in rows) else 0)
    return {row["name"]: row for row in rows}


def test_first_party_plugins_are_listed_with_what_they_offer(capsys: pytest.CaptureFixture[str]) -> None:
    rows = listed(capsys)
    assert rows["builtin"]["sources"] == ["opencv", "pictures", "test"]
    assert rows["builtin"]["sinks"] == ["folder", "jsonl", "mqtt"]
    recognition = ["classify", "crops", "detect", "embed", "keypoints", "meter", "read"]
    assert rows["recognition"]["stages"] == recognition
    assert rows["generation"]["stages"] == ["anonymise", "generate", "sharpen"]


def test_a_single_file_is_listed_while_it_is_there(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "plugins").mkdir()
    file = tmp_path / "plugins" / "brightness.py"
    file.write_text(PLUGIN)
    config = tmp_path / "config.toml"
    config.write_text('[plugins]\nfolder = "plugins"\n[cameras.porch]\nsource = "test"\n')
    for arguments in ([str(config)], ["--folder", str(tmp_path / "plugins")]):
        row = listed(capsys, *arguments)["brightness"]
        assert row["stages"] == ["brightness"]
        assert row["origin"] == str(file)
    assert main(["plugins", "list", str(config)]) == 0
    assert "stages: brightness" in capsys.readouterr().out
    file.unlink()
    assert "brightness" not in listed(capsys, str(config))


def test_a_disabled_plugin_is_listed_as_such_and_offers_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = tmp_path / "config.toml"
    config.write_text('[plugins]\ndisable = ["motion"]\n[cameras.porch]\nsource = "test"\n')
    row = listed(capsys, str(config))["motion"]
    assert (row["status"], row["stages"]) == ("disabled", [])


def package(folder: Path, name: str, code: str) -> None:
    """An installed distribution: a module and the metadata that an installer writes beside it."""
    (folder / f"{name}.py").write_text(code)
    info = folder / f"{name}-1.2.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.2\n")
    (info / "entry_points.txt").write_text(f"[edge_vision]\n{name} = {name}\n")


def command(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(folder)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_an_installed_package_is_listed_checked_and_runs(tmp_path: Path) -> None:
    package(tmp_path, "edge_vision_bright", PLUGIN)
    source = '{ uses = "test", realtime = false, frames = 3, width = 64, height = 48 }'
    stage = '{ uses = "brightness", limit = 10 }'
    text = f"[cameras.porch]\nsource = {source}\nstages = [{stage}]\n"
    (tmp_path / "config.toml").write_text(text)
    assert "edge_vision_bright 1.2" in command(tmp_path, "plugins", "list").stdout
    assert command(tmp_path, "check", "config.toml").returncode == 0
    done = command(tmp_path, "run", "config.toml")
    assert done.returncode == 0, done.stderr
    results = [json.loads(line) for line in done.stdout.splitlines()]
    assert [result["labels"][0]["stage"] for result in results] == ["brightness"] * 3
    (tmp_path / "config.toml").write_text(text.replace("limit = 10", "limt = 10"))
    wrong = command(tmp_path, "check", "config.toml")
    assert wrong.returncode == 78
    assert "stages[0].limt: unknown option, did you mean limit?" in wrong.stderr


def test_two_plugins_that_offer_one_name_are_both_named(tmp_path: Path) -> None:
    package(tmp_path, "edge_vision_bright", PLUGIN)
    package(tmp_path, "edge_vision_light", PLUGIN)
    done = command(tmp_path, "plugins", "list")
    assert done.returncode == 78
    assert "two plugins offer the stage brightness: " in done.stderr
    assert "(edge_vision_bright 1.2) and edge_vision_light (edge_vision_light 1.2)" in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("code", "problem"),
    [
        ("import nothing_of_that_name\n", "ModuleNotFoundError"),
        (PLUGIN.replace("def register_stages", "def register_stage"), "did you mean register_stages?"),
        (PLUGIN.replace("@hookimpl\n", ""), "it implements no hook"),
        ("x = (\n", "SyntaxError"),
    ],
)
def test_a_plugin_that_does_not_load_is_listed_with_the_reason(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], code: str, problem: str
) -> None:
    (tmp_path / "broken.py").write_text(code)
    row = listed(capsys, "--folder", str(tmp_path))["broken"]
    assert row["status"] == "broken"
    assert problem in str(row["error"])


@pytest.mark.parametrize("kind", ["config", "result", "event", "stats"])
def test_schemas_are_printed(kind: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["schema", kind]) == 0
    schema = json.loads(capsys.readouterr().out)
    jsonschema.Draft202012Validator.check_schema(schema)
    assert schema["properties"]


def test_wrong_usage_is_status_two(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["run"])
    assert ended.value.code == 2
    assert "CONFIG" in capsys.readouterr().err


def test_the_demo_shows_what_it_really_finds(tmp_path: Path) -> None:
    pytest.importorskip("amqtt", reason="the demo's broker is not installed")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        done = command(tmp_path, "demo", "--seconds", "6", "--port", port)
    assert done.returncode == 0, done.stderr
    said = done.stdout
    assert f"port = {port}\n" not in said, "a port that is taken must not be used"
    assert "mosquitto_sub -h 127.0.0.1 -p " in said
    assert "results/s" in said
    assert "motion" in said
    assert "images/annotate" in said
    assert "frames captured = " in said
    assert not done.stderr


def test_the_demo_ends_on_ctrl_c(tmp_path: Path) -> None:
    pytest.importorskip("amqtt", reason="the demo's broker is not installed")
    process = subprocess.Popen(
        [*COMMAND, "demo", "--port", "0"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    for line in process.stdout:
        if "results/s" in line:
            break
    process.send_signal(signal.SIGINT)
    rest, errors = process.communicate(timeout=15)
    assert process.returncode == 0
    assert "frames captured" in rest
    assert "Traceback" not in errors


def test_the_demo_takes_pictures_and_any_model(tmp_path: Path) -> None:
    pytest.importorskip("amqtt", reason="the demo's broker is not installed")
    from edge_vision.service.demo import DemoWishes, demo_config  # noqa: PLC0415
    from tests.tiny_models import averaging  # noqa: PLC0415

    model = averaging(tmp_path / "colours.tflite")
    config = demo_config(DemoWishes("test", model, None, 0, 1883))
    assert '{ uses = "classify", name = "model", model = "model" }' in config
    assert f'bundle = "{model}"' in config
