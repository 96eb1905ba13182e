from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import edge_vision
from edge_vision.builtin.tflite import trial, trial_process
from edge_vision.builtin.tflite.trial import begin_trials, try_model
from edge_vision.builtin.tflite.trial_answer import told, trial_of
from edge_vision.contracts.file_facts import FileFacts
from edge_vision.contracts.tensors import TensorSpec
from edge_vision.data.errors import ModelError
from tests.recurrent_models import gated
from tests.tiny_models import (
    TinyModel,
    accumulating,
    averaging,
    copying,
    customised,
    looking_up,
    multiplying,
    never_ending,
    twins,
)

MODELS = Path(__file__).resolve().parents[3] / "shared" / "data" / "models"
needs_models = pytest.mark.skipif(not MODELS.is_dir(), reason="the shared models are not here")

UseChild = Callable[[str], None]


@pytest.fixture(autouse=True)
def _nothing_is_kept() -> Iterator[None]:
    trial.kept.clear()
    yield
    trial.kept.clear()


@pytest.fixture
def children(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The commands of all child processes from now on."""
    started: list[Any] = []
    start = subprocess.Popen

    def counted(*arguments: Any, **options: Any) -> Any:
        started.append(arguments[0])
        return start(*arguments, **options)

    monkeypatch.setattr(subprocess, "Popen", counted)
    return started


@pytest.fixture
def use_child(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> UseChild:
    """Have another program do the trial."""

    def use(code: str) -> None:
        program = tmp_path / "child.py"
        program.write_text(f"import os, signal, sys, time\nsys.stdin.buffer.read()\n{code}\n")
        monkeypatch.setattr(trial_process, "CHILD", program)

    return use


def refused(file: Path) -> str:
    with pytest.raises(ModelError) as caught:
        try_model(file)
    problem = str(caught.value)
    assert problem.startswith(f"{file}: ")
    assert "\n" not in problem
    return problem.removeprefix(f"{file}: ")


# What is told


def test_a_trial_tells_tensors_facts_and_time(tmp_path: Path) -> None:
    done = try_model(averaging(tmp_path / "m.tflite"))
    assert done.inputs == (TensorSpec("image", (1, 4, 4, 3), "float32"),)
    assert done.outputs == (TensorSpec("means", (1, 3), "float32"),)
    assert done.facts.producer("means") == "MEAN"
    assert 0.0 < done.milliseconds < 1000.0
    assert (done.not_finite, dict(done.variables)) == ((), {})
    assert done.runtime.split()[0] in ("ai_edge_litert", "tflite_runtime", "tensorflow")


def test_names_are_unique(tmp_path: Path) -> None:
    done = try_model(twins(tmp_path / "m.tflite"))
    assert [spec.name for spec in (*done.inputs, *done.outputs)] == ["x", "x_2", "y", "y_2"]


def test_variables_come_with_their_indices(tmp_path: Path) -> None:
    assert try_model(accumulating(tmp_path / "m.tflite")).variables == {"hidden": 4}


@pytest.mark.parametrize("make", [averaging, twins, accumulating, looking_up, gated])
def test_the_answer_survives_json(tmp_path: Path, make: Callable[[Path], Path]) -> None:
    done = try_model(make(tmp_path / "m.tflite"))
    assert trial_of(json.loads(json.dumps(told(done)))) == done


def test_an_open_batch_is_one(tmp_path: Path) -> None:
    file = copying(tmp_path / "m.tflite", [1, 8, 8, 3], signature=[-1, 8, 8, 3])
    assert try_model(file).inputs[0].shape == (1, 8, 8, 3)


def dividing(file: Path, by: list[float]) -> Path:
    """A model that divides a number by constants, one an output."""
    model = TinyModel()
    source = model.tensor("in", [1, 1])
    outputs = []
    for number, value in enumerate(by):
        constant = model.tensor(f"constant {number}", [1], value=np.array([value]))
        outputs.append(model.tensor(f"out {number}", [1, 1]))
        model.operator("DIV", [source, constant], [outputs[-1]])
    return model.write(file, [source], outputs)


def test_outputs_that_are_no_numbers_in_every_run_are_told(tmp_path: Path) -> None:
    assert try_model(dividing(tmp_path / "m.tflite", [1.0, 0.0])).not_finite == ("out 1",)


def test_outputs_that_are_no_numbers_for_zeros_only_are_not(tmp_path: Path) -> None:
    model = TinyModel()
    source, result = model.tensor("in", [1, 1]), model.tensor("out", [1, 1])
    model.operator("DIV", [source, source], [result])
    assert try_model(model.write(tmp_path / "m.tflite", [source], [result])).not_finite == ()


def test_wide_integers_are_noise_where_they_are_pixels(tmp_path: Path) -> None:
    model = TinyModel()
    source = model.tensor("in", [1, 4, 4, 3], "int32")
    values, result = (model.tensor(name, [1, 4, 4, 3]) for name in ("values", "out"))
    means, axes = (
        model.tensor("means", [1, 3]),
        model.tensor("axes", [2], "int32", value=np.array([1, 2])),
    )
    model.operator("CAST", [source], [values])
    model.operator("MEAN", [values, axes], [means])
    model.operator("DIV", [values, means], [result])  # 0 / 0 for a black picture
    assert try_model(model.write(tmp_path / "m.tflite", [source], [result])).not_finite == ()


# What cannot be used


def test_a_custom_operator_is_named_with_the_way_out(tmp_path: Path) -> None:
    problem = refused(customised(tmp_path / "m.tflite", "PosenetDecoderOp"))
    assert problem.startswith("needs the custom operator PosenetDecoderOp, which this runtime does not")
    assert "hook open_model" in problem


def test_select_tensorflow_operators_are_named_with_the_way_out(tmp_path: Path) -> None:
    problem = refused(customised(tmp_path / "m.tflite", "FlexErf"))
    assert problem.startswith("was converted with Select TensorFlow operators (FlexErf)")
    assert problem.endswith("built-in operators only")


def test_an_input_of_open_size_is_refused(tmp_path: Path) -> None:
    file = copying(tmp_path / "m.tflite", [1, 1, 1, 3], signature=[1, -1, -1, 3])
    assert "the input input is (1, ?, ?, 3); export it with a fixed size" in refused(file)


def test_a_model_that_fails_whatever_it_is_given_is_refused(tmp_path: Path) -> None:
    model = TinyModel()
    table = model.tensor("table", [3], value=np.zeros(3))
    source, beyond = (model.tensor(name, [1], "int32") for name in ("in", "beyond"))
    nine = model.tensor("nine", [1], "int32", value=np.array([9]))
    result = model.tensor("out", [1])
    model.operator("ADD", [source, nine], [beyond])
    model.operator("GATHER", [table, beyond], [result])
    problem = refused(model.write(tmp_path / "m.tflite", [source], [result]))
    assert problem.startswith("cannot be used (a run on zeros failed: gather index out of bounds. Node")


def test_indices_are_not_filled_with_noise(tmp_path: Path) -> None:
    assert try_model(looking_up(tmp_path / "m.tflite")).outputs[0].name == "entry"


def test_long_and_odd_names_are_shortened_and_made_plain(tmp_path: Path) -> None:
    problem = refused(customised(tmp_path / "m.tflite", "New\nline\x1b[31m" * 500))
    assert len(problem) <= 400
    assert problem.isprintable()


def test_a_file_that_cannot_be_read_is_the_error(tmp_path: Path) -> None:
    assert refused(tmp_path / "gone.tflite") == "No such file or directory"


def test_an_empty_file_is_no_model(tmp_path: Path) -> None:
    file = tmp_path / "m.tflite"
    file.write_bytes(b"")
    assert refused(file).startswith("is not a TFLite model")


# Limits


def test_a_model_without_an_end_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trial, "SECONDS", 1)
    problem = refused(never_ending(tmp_path / "m.tflite"))
    assert problem == "does not finish two runs within 1 seconds; use a smaller model"


def test_a_model_that_needs_too_much_memory_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trial, "MEMORY", 600 << 20)
    assert try_model(multiplying(tmp_path / "some.tflite", 1000)).outputs[0].shape == (1000, 1000)
    assert "memory" in refused(multiplying(tmp_path / "more.tflite", 20_000))


@pytest.mark.parametrize("number", [signal.SIGSEGV, signal.SIGABRT, signal.SIGFPE, signal.SIGBUS])
def test_a_crash_is_named(tmp_path: Path, use_child: UseChild, number: signal.Signals) -> None:
    use_child(f"os.kill(os.getpid(), {number})")
    problem = refused(averaging(tmp_path / "m.tflite"))
    assert problem.startswith(f"crashes the runtime ({number.name}); the file is damaged")


def test_a_crash_for_lack_of_memory_is_told_as_that(tmp_path: Path, use_child: UseChild) -> None:
    use_child("os.write(2, b\"terminate called after throwing 'std::bad_alloc'\"); os.abort()")
    assert refused(averaging(tmp_path / "m.tflite")).startswith("needs more memory than ")


def test_a_child_that_never_answers_is_given_up(
    tmp_path: Path, use_child: UseChild, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trial, "PATIENCE", 0.3)
    use_child(f"open({str(tmp_path / 'pid')!r}, 'w').write(str(os.getpid())); time.sleep(600)")
    assert refused(averaging(tmp_path / "m.tflite")).startswith("does not finish two runs")
    pid = (tmp_path / "pid").read_text() if (tmp_path / "pid").exists() else ""
    assert not pid or not Path(f"/proc/{pid}").exists()


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("sys.exit('no such module: numpy')", "its trial failed (no such module: numpy)"),
        ("print('what?')", "its trial failed (exit status 0)"),
        ("print('{}')", "its trial failed (exit status 0)"),
        (
            "os.kill(os.getpid(), signal.SIGKILL)",
            "its trial was killed, probably because memory ran out",
        ),
    ],
)
def test_a_child_that_says_nothing_of_use_is_told(
    tmp_path: Path, use_child: UseChild, code: str, reason: str
) -> None:
    use_child(code)
    assert refused(averaging(tmp_path / "m.tflite")) == reason


def test_a_child_that_cannot_be_started_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", str(tmp_path / "none"))
    problem = refused(averaging(tmp_path / "m.tflite"))
    assert problem == "cannot be tried in a process of its own (No such file or directory)"


def test_what_libraries_print_does_not_disturb_the_answer(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    try_model(averaging(tmp_path / "m.tflite"))
    assert capfd.readouterr() == ("", "")


def test_the_child_leaves_out_what_a_trial_does_not_need() -> None:
    package = Path(edge_vision.__file__).parent
    code = (
        "import sys, types; root = types.ModuleType('edge_vision'); "
        f"root.__path__ = [{str(package)!r}]; sys.modules['edge_vision'] = root; "
        "import edge_vision.builtin.tflite.rehearsal; "
        "print(sorted({'cv2', 'pydantic'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


# What is kept


def test_the_same_content_is_tried_once(tmp_path: Path, children: list[Any]) -> None:
    first = averaging(tmp_path / "first.tflite")
    second = averaging(tmp_path / "second.tflite")
    assert try_model(first) == try_model(second, second.read_bytes())
    assert len(children) == 1


def test_what_has_begun_to_be_tried_is_waited_for(tmp_path: Path, children: list[Any]) -> None:
    file, broken = averaging(tmp_path / "m.tflite"), customised(tmp_path / "broken.tflite")
    begin_trials([file, broken, tmp_path / "missing.tflite"])
    assert try_model(file).outputs[0].name == "means"
    assert "PosenetDecoderOp" in refused(broken)
    assert len(children) == 2


def test_the_first_model_is_tried_by_the_process_that_waits_for_it(
    tmp_path: Path, children: list[Any]
) -> None:
    trial_process.start_spare()
    trial_process.start_spare()
    assert len(children) == 1
    assert try_model(averaging(tmp_path / "m.tflite")).outputs[0].name == "means"
    assert len(children) == 1
    trial_process.end_spare()  # there is none any more


def test_a_process_that_nobody_needs_ends(children: list[Any]) -> None:
    trial_process.start_spare()
    (process,) = [each._process for each in trial_process._spare]
    trial_process.end_spare()
    assert process.returncode is not None


def test_what_is_wrong_with_a_file_is_kept_and_told_of_each(tmp_path: Path, children: list[Any]) -> None:
    for name in ("first.tflite", "second.tflite"):
        assert "PosenetDecoderOp" in refused(customised(tmp_path / name))
    assert len(children) == 1


def test_what_may_pass_is_not_kept(
    tmp_path: Path, use_child: UseChild, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = averaging(tmp_path / "m.tflite")
    with monkeypatch.context() as meanwhile:
        meanwhile.setattr(trial_process, "CHILD", tmp_path / "child.py")
        (tmp_path / "child.py").write_text("import os, signal; os.kill(os.getpid(), signal.SIGALRM)")
        assert refused(file).startswith("does not finish")
    assert try_model(file).outputs[0].name == "means"


def test_few_answers_are_kept() -> None:
    kept = trial.Kept(2)
    for digest in "abc":
        kept.put(digest, digest.upper())
    assert [kept.get(digest) for digest in "abc"] == [None, "B", "C"]


def test_nothing_of_the_environment_changes_here(tmp_path: Path) -> None:
    before = dict(os.environ)
    try_model(averaging(tmp_path / "m.tflite"))
    assert dict(os.environ) == before


# Real models


@needs_models
@pytest.mark.shared
def test_real_models_are_tried() -> None:
    for file in sorted(MODELS.glob("*.tflite")):
        if file.stem == "tflm_person_detect":
            continue
        done = try_model(file)
        assert done.inputs, file
        assert done.outputs, file
        assert not done.not_finite, file
        assert isinstance(done.facts, FileFacts)
        assert trial_of(json.loads(json.dumps(told(done)))) == done


@needs_models
@pytest.mark.shared
def test_a_real_model_that_the_runtime_rejects_is_told_with_its_words() -> None:
    problem = refused(MODELS / "tflm_person_detect.tflite")
    assert problem == (
        "cannot be used (quantized_dimension must be in range [0, 1). Was 3. "
        "Tensor 33 has invalid quantization parameters)"
    )
