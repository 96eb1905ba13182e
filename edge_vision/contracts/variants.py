"""Variants: the forms of one model that a bundle holds, such as float32, float16 and int8."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from edge_vision.contracts.bundle_table import MODEL_FILE, BundleTable, inside_folder
from edge_vision.contracts.file_facts import FileFacts
from edge_vision.contracts.model import ModelBundle, Variant
from edge_vision.contracts.tensors import TensorSpec
from edge_vision.data.errors import ConfigError, ModelError, suggestion


def variants_of(table: BundleTable, folder: Path) -> tuple[Variant, ...]:
    """All forms of a bundle's model, that of model.tflite first; no file is looked at.

    Raises ModelError where two have the same name, or the way to a file leads out of the folder.
    """
    found = [Variant(table.variant, folder / MODEL_FILE, table.sha256)]
    for index, row in enumerate(table.variants):
        if any(row.name == other.name for other in found):
            raise ModelError(
                f"{folder / 'bundle.toml'}: variants[{index}].name: two variants are called "
                f"{row.name}; give each a name of its own"
            )
        file = inside_folder(folder, row.file, f"variants[{index}].file")
        found.append(Variant(row.name, file, row.sha256))
    return tuple(found)


def variant_called(name: str, variants: tuple[Variant, ...], path: Path) -> Variant:
    """The variant of a name; raises ConfigError, with the key `variant`, where there is none."""
    for variant in variants:
        if variant.name == name:
            return variant
    if not variants:
        raise ConfigError(f"{path} is a file, which has no variants; leave this out", "variant")
    known = [variant.name for variant in variants]
    raise ConfigError(f"{path} has no variant {name!r}{suggestion(name, known)}", "variant")


@dataclass(frozen=True, slots=True)
class CallerNames:
    """What callers say to a model's tensors: by their own names, those that a signature gives them.

    The names of tensors may change in a conversion; those that a signature gives them do not.
    """

    inputs: Mapping[str, str]
    outputs: Mapping[str, str]

    def input(self, own: str) -> str:
        """What callers say to an input; its own name where nothing else is known."""
        return self.inputs.get(own, own)

    def output(self, own: str) -> str:
        """What callers say to an output; likewise."""
        return self.outputs.get(own, own)


def caller_names(facts: FileFacts) -> CallerNames:
    """The names that callers have for a model's tensors, where there is one way to call it."""
    if len(facts.signatures) != 1:
        return CallerNames({}, {})
    (signature,) = facts.signatures
    return CallerNames(_by_tensor(signature.inputs), _by_tensor(signature.outputs))


def check_alike(first: ModelBundle, other: ModelBundle) -> None:
    """Raise ModelError where a variant has other inputs or outputs than another one, both opened.

    Names (those of callers, where there are), shapes and meanings have to agree.
    """
    one, two = caller_names(first.facts), caller_names(other.facts)
    _check_alike(
        first, other, "inputs", (_shown(first.inputs, one.input), _shown(other.inputs, two.input))
    )
    outputs = _shown(first.outputs, one.output), _shown(other.outputs, two.output)
    _check_alike(first, other, "outputs", outputs)


def _check_alike(
    first: ModelBundle, other: ModelBundle, kind: str, shown: tuple[set[str], set[str]]
) -> None:
    wanted, found = shown
    if wanted != found:
        raise ModelError(
            f"{other.file}: the variant {other.variant} has the {kind} {', '.join(sorted(found))}; "
            f"{first.variant} has {', '.join(sorted(wanted))}; variants may differ in types only"
        )


def _shown(specs: tuple[TensorSpec, ...], name: Callable[[str], str]) -> set[str]:
    return {f"{name(spec.name)} {spec.shape} ({spec.meaning or 'not used'})" for spec in specs}


def _by_tensor(tensors: Mapping[str, str]) -> dict[str, str]:
    """Callers' names by tensor; one that is the own name of another tensor would not tell which."""
    own = set(tensors.values())
    return {tensor: name for name, tensor in tensors.items() if name == tensor or name not in own}
