"""The fastest form: a bundle of a quantised model gets its float form too, where that is faster here."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from edge_vision.builtin.tflite.float_form import EVERYWHERE, float_form
from edge_vision.contracts.bundle_table import MODEL_FILE, read_table
from edge_vision.data.errors import ModelError
from edge_vision.service.models.comparison import LEAD, Judge
from edge_vision.service.models.golden import made_case
from edge_vision.service.models.inspection import opened
from edge_vision.service.models.proof import Benchmark, Proof, benchmark_of, proof_of
from edge_vision.service.models.proof_report import benchmark_text
from edge_vision.service.models.report import differences_text
from edge_vision.service.models.stimuli import further_stimuli, pictured_stimuli
from edge_vision.service.models.toml_text import toml_text
from edge_vision.service.models.verification import tried

FORMS = {"float32": 0, "float32-rounded-first": 5, "float32-rounded": EVERYWHERE}
"""The forms that are tried, the fastest first, and after how many operators they round."""
SAME = 0.98
"""Of what is shown to both, this share has to lead to the same decision."""
MOST_PICTURES = 200
"""So many of somebody's own pictures are shown to both."""


class Agreement(NamedTuple):
    """Of so many runs so many came to the same decision: the best class, the boxes that are sure.

    A class that leads by one step of the scale, or by none, in one of the two is no decision.
    """

    same: int
    runs: int

    @property
    def is_enough(self) -> bool:
        """True where the share is large enough; of few runs, where all agree."""
        return self.same >= SAME * self.runs

    def __str__(self) -> str:
        return f"the same decision in {self.same} of {self.runs} runs"


@dataclass(frozen=True, slots=True)
class FormTrial:
    """What was found out about a form.

    name       the variant's
    problem    why it is left out; empty where it is kept
    proof      how its outputs differ from the golden files; None where it could not be made
    agreement  with model.tflite; None where that was not tried
    benchmark  how long all variants take here; None where that was not measured
    """

    name: str
    problem: str
    proof: Proof | None = None
    agreement: Agreement | None = None
    benchmark: Benchmark | None = None

    def __str__(self) -> str:
        verdict = f"is left out: {self.problem}" if self.problem else "is kept"
        told = "" if self.agreement is None else f" ({self.agreement})"
        parts = [f"The form {self.name} {verdict}{told}."]
        if self.proof is not None:
            parts.append(f"Beside the golden files:\n\n{differences_text(self.proof.differences)}")
        if self.benchmark is not None:
            parts.append(benchmark_text(self.benchmark))
        return "\n\n".join(parts)


def add_fastest_form(folder: Path, pictures: Sequence[Path] = ()) -> tuple[FormTrial, ...]:
    """Write a float form of a bundle's model.tflite beside it, where it is right and faster here.

    pictures  files and folders of what is shown to both; empty: what is usual for golden files

    It has to give what the golden files say, as every variant has to, to come to the same decisions as
    model.tflite, and to be chosen by the measure by which the daemon chooses. Else the bundle stays as
    it is. The forms are tried in their order until one is right. Raises ModelError where a picture
    cannot be read.
    """
    trials: list[FormTrial] = []
    for name in FORMS:
        trials.append(_tried(folder, name, pictures))
        if trials[-1].proof is None or trials[-1].benchmark is not None:
            break  # there is none, or what is left is slower still
    return tuple(trials)


def _tried(folder: Path, name: str, pictures: Sequence[Path]) -> FormTrial:
    """Write a form, see whether it shall be kept, and remove it where not."""
    file, text = folder / f"{name}.tflite", folder / "bundle.toml"
    table, before = read_table(folder), text.read_bytes()
    if name in (table.variant, *(row.name for row in table.variants)) or file.exists():
        return FormTrial(name, "the bundle has one of this name already")
    try:
        content = float_form((folder / MODEL_FILE).read_bytes(), rounded=FORMS[name])
    except ModelError as error:
        return FormTrial(name, f"{MODEL_FILE} {error}")
    trial: FormTrial | None = None
    try:
        row = {"name": name, "file": file.name, "sha256": hashlib.sha256(content).hexdigest()}
        file.write_bytes(content)
        text.write_bytes(before.rstrip() + b"\n\n" + toml_text({"variants": [row]}).encode())
        trial = _judged(folder, name, pictures)
    except ModelError as error:
        trial = FormTrial(name, str(error).replace(f"{folder}: ", "").replace(f"{folder}/", ""))
    finally:
        if trial is None or trial.problem:
            text.write_bytes(before)
            file.unlink(missing_ok=True)
    return trial


def _judged(folder: Path, name: str, pictures: Sequence[Path]) -> FormTrial:
    proof = next(each for each in proof_of(folder).proofs if each.variant.name == name)
    if proof.beyond:
        return FormTrial(name, "it does not give what the golden files say", proof)
    agreement = agreement_of(folder, name, pictures)
    if not agreement.is_enough:
        return FormTrial(name, "it decides otherwise too often", proof, agreement)
    benchmark = benchmark_of(folder)
    chosen = benchmark.choice.variant
    problem = "" if chosen == name else f"{chosen} is as fast here, or faster"
    return FormTrial(name, problem, proof, agreement, benchmark)


def agreement_of(folder: Path, variant: str, pictures: Sequence[Path] = ()) -> Agreement:
    """How often a variant of a bundle comes to the same decision as model.tflite.

    pictures  files and folders of what is shown to both; empty: what is usual for golden files
    """
    with opened(folder) as model, opened(folder, variant=variant) as other:
        stimuli = (
            pictured_stimuli(model, pictures, MOST_PICTURES) if pictures else further_stimuli(model)
        )
        runs = [run for each in stimuli for run in tried(other, [made_case(model, each)], shakes=0)]
        within = {
            spec.name: spec.quantisation.scale / LEAD
            for spec in other.bundle.outputs
            if spec.quantisation is not None
        }
        same = 0
        for run in runs:
            judge, one, two = Judge(other.bundle, run.case), run.expected, run.obtained
            same += judge.same(one, two, within) or judge.same(two, one, within)
    return Agreement(same, len(runs))
