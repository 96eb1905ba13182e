"""Pairing: which layer of a network is which operator of a file, told by what lies before each.

A converter keeps no names, and puts operators in an order of its own where ways part. What it keeps is
which kernels an answer has gone through: two kernels can only be the same where those right before them
are, but for what has no kernel, such as sums and activations.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import TypeVar

Node = TypeVar("Node", bound=Hashable)
Other = TypeVar("Other", bound=Hashable)


@dataclass(frozen=True, slots=True)
class Kernel:
    """A kernel in its graph: what kind of layer it is, its shape, and the kernels right before it."""

    kind: str
    shape: tuple[int, ...]
    before: frozenset[Hashable]


def pairs(network: Mapping[Node, Kernel], file: Mapping[Other, Kernel]) -> dict[Node, Other]:
    """The kernels of a network, each with that of a file that is it.

    Both in an order in which each comes behind those before it. Of several that might be meant, the
    first counts that is of the same shape and has the same behind it, then one of the same shape, then
    any of the same kind. Kernels that only one of the two has are left out, with all that follows them.
    """
    behind, there = _behind(network), _behind(file)
    found: dict[Node, Other] = {}
    left = dict(file)
    waiting = dict(network)
    while ready := {node: each for node, each in waiting.items() if each.before <= found.keys()}:
        for likeness in (2, 1, 0):
            for node in [node for node in ready if node not in found]:
                kernel = ready[node]
                before = frozenset(found[each] for each in kernel.before)  # type: ignore[index]
                for other, theirs in left.items():
                    alike = (theirs.shape == kernel.shape) + (behind[node] == there[other])
                    if (theirs.kind, theirs.before) == (kernel.kind, before) and alike >= likeness:
                        found[node] = other
                        del left[other]
                        break
        waiting = {node: each for node, each in waiting.items() if node not in ready}
    return found


def _behind(kernels: Mapping[Node, Kernel]) -> dict[Node, int]:
    """For each kernel a number that is the same for what is alike and has the same behind it."""
    followers: dict[Hashable, list[Node]] = {node: [] for node in kernels}
    for node, kernel in kernels.items():
        for each in kernel.before:
            followers[each].append(node)
    told: dict[Node, int] = {}
    for node in reversed(list(kernels)):
        kernel = kernels[node]
        told[node] = hash((kernel.kind, kernel.shape, *sorted(told[each] for each in followers[node])))
    return told
