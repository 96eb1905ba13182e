"""Proofs: every variant of a bundle run on the same golden files, and what each gave."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from edge_vision.contracts.bundle_table import read_table
from edge_vision.contracts.bundles import load_bundle
from edge_vision.contracts.model import Variant
from edge_vision.contracts.variants import check_alike
from edge_vision.data.errors import ModelError
from edge_vision.service.models.choice import Choice, chosen_of
from edge_vision.service.models.golden import read_cases
from edge_vision.service.models.inspection import naming, opened
from edge_vision.service.models.timing import Times, side_by_side
from edge_vision.service.models.tolerance import tolerances
from edge_vision.service.models.verification import Difference, differences

LONGER = 3.0
"""Seconds that a benchmark of a bundle's variants takes at most, and so many where they are slow."""


@dataclass(frozen=True, slots=True)
class Proof:
    """What one variant gave for the golden files.

    digest       of its file, empty where the runtime does not say
    differences  how far each output is from its golden values
    """

    variant: Variant
    digest: str
    differences: tuple[Difference, ...]

    @property
    def beyond(self) -> tuple[str, ...]:
        """Names of the outputs that are not as they have to be."""
        return tuple(each.spec.name for each in self.differences if not each.good)


@dataclass(frozen=True, slots=True)
class BundleProof:
    """What all variants of a bundle gave, and the names of the cases that they were given."""

    folder: Path
    cases: tuple[str, ...]
    proofs: tuple[Proof, ...]

    @property
    def problem(self) -> str:
        """What is wrong, in one line; empty where every variant gives what it has to."""
        wrong = [proof for proof in self.proofs if proof.beyond]
        if not wrong:
            return ""
        parts = []
        for proof in wrong:
            of = f" of {proof.variant.name}" if len(self.proofs) > 1 else ""
            parts.append(f"{', '.join(proof.beyond)}{of} {'is' if len(proof.beyond) == 1 else 'are'}")
        return (
            f"{self.folder}: does not give here what its golden files say: {'; '.join(parts)} "
            "beyond the tolerance or the answer to something else"
        )


@dataclass(frozen=True, slots=True)
class Benchmark:
    """How long a run of each variant takes here, on one thread, and which one the daemon chooses."""

    times: dict[str, Times]
    sizes: dict[str, int]
    choice: Choice


def proof_of(folder: Path) -> BundleProof:
    """Run all variants of a bundle on its golden files.

    Raises ModelError where the folder has none, or one of its variants cannot be used.
    """
    with naming(folder):
        table = read_table(folder)
        cases = list(read_cases(folder))
        variants = load_bundle(folder, str(folder)).variants
        proofs: list[Proof] = []
        first = None
        for variant in variants:
            with opened(folder, variant=variant.name) as model:
                bundle = model.bundle
                first = first or bundle
                check_alike(first, bundle)
                allowed = tolerances(bundle, cases, table.allowances(variant.name))
                found = differences(model, cases, allowed)
            proofs.append(Proof(variant, bundle.facts.sha256 or variant.sha256, found))
    return BundleProof(folder, tuple(case.name for case in cases), tuple(proofs))


def benchmark_of(folder: Path) -> Benchmark:
    """Time all variants of a bundle side by side; raises ModelError where one cannot be used."""
    with naming(folder), ExitStack() as stack:
        variants = load_bundle(folder, str(folder)).variants
        models = {each.name: stack.enter_context(opened(folder, variant=each.name)) for each in variants}
        times, failed = side_by_side(models, LONGER, LONGER)
        for name, error in failed.items():
            raise ModelError(f"the variant {name} fails: {error}")
        sizes = {each.name: each.file.stat().st_size for each in variants}
    return Benchmark(times, sizes, chosen_of({name: each.median for name, each in times.items()}))
