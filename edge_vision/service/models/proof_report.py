"""Reports of proofs and benchmarks: what a bundle's variants gave and took, for people and programs."""

from __future__ import annotations

from typing import Any

from edge_vision.service.models.proof import Benchmark, BundleProof, Proof
from edge_vision.service.models.report import differences_json, differences_text, in_columns


def proof_json(proof: BundleProof) -> dict[str, Any]:
    """What was proven, as JSON knows it; what stands at the top is of model.tflite."""
    first = proof.proofs[0]
    return {
        "bundle": str(proof.folder),
        "sha256": first.digest,
        "digest": _digest_json(first),
        "cases": list(proof.cases),
        "outputs": differences_json(first.differences),
        "variants": [
            {
                "name": each.variant.name,
                "file": str(each.variant.file),
                "sha256": each.digest,
                "digest": _digest_json(each),
                "outputs": differences_json(each.differences),
                "good": not each.beyond,
            }
            for each in proof.proofs
        ],
        "good": not proof.problem,
    }


def proof_text(proof: BundleProof) -> str:
    """What was proven, for a person: a table for each variant."""
    cases = f"{len(proof.cases)} cases"
    if len(proof.proofs) == 1:
        (only,) = proof.proofs
        told = differences_text(only.differences)
        return f"{proof.folder}: the digest {_digest_text(only)}; {cases}\n\n{told}"
    parts = [f"{proof.folder}: {len(proof.proofs)} variants, {cases}"]
    for each in proof.proofs:
        head = f"{each.variant.name} ({each.variant.file.name}): the digest {_digest_text(each)}"
        parts.append(f"{head}\n\n{differences_text(each.differences)}")
    return "\n\n".join(parts)


def benchmark_json(benchmark: Benchmark) -> dict[str, Any]:
    """How long runs take, as JSON knows it."""
    least = min(each.median for each in benchmark.times.values())
    return {
        "threads": 1,
        "chosen": benchmark.choice.variant,
        "variants": [
            {
                "name": name,
                "median_ms": round(times.median, 4),
                "p90_ms": round(times.p90, 4),
                "ratio": round(times.median / least, 3),
                "runs": len(times.milliseconds),
                "size": benchmark.sizes[name],
            }
            for name, times in benchmark.times.items()
        ],
    }


def benchmark_text(benchmark: Benchmark) -> str:
    """How long runs take, for a person: a table."""
    least = min(each.median for each in benchmark.times.values())
    rows = [("variant", "median", "p90", "ratio", "runs", "size", "")]
    rows += [
        (
            name,
            f"{times.median:.3g} ms",
            f"{times.p90:.3g} ms",
            f"{times.median / least:.2f}",
            str(len(times.milliseconds)),
            f"{benchmark.sizes[name] / 1000:,.0f} kB",
            "chosen here" if name == benchmark.choice.variant else "",
        )
        for name, times in benchmark.times.items()
    ]
    return f"One run here, on one thread:\n\n{in_columns(rows)}"


def _digest_json(proof: Proof) -> str:
    return "checked" if proof.variant.sha256 else "not stated"


def _digest_text(proof: Proof) -> str:
    if not proof.variant.sha256:
        return "is not stated in bundle.toml"
    return f"is {proof.digest[:12]}... as stated"
