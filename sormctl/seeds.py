"""Seeds that depend on what is sampled, never on the order in which it is sampled."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from hashlib import blake2b


def derive_seed(seed: int, problem_id: str, prefix: Sequence[str] = (), index: int = 0) -> int:
    """A hash of (seed, problem id, prefix, index), in [0, 2**63)."""
    key = digest(str(seed), problem_id, *prefix)
    return int.from_bytes(blake2b(index.to_bytes(8, "big"), key=key, digest_size=8).digest()) >> 1


def derive_seeds(
    seed: int, problem_id: str, prefix: Sequence[str], indices: Iterable[int]
) -> tuple[int, ...]:
    """The seeds of completions number `indices` of one prefix, in [0, 2**63).

    They are consecutive, from `derive_seed` on, so that an engine can ask for a run of them in one
    request. The run of each prefix begins anywhere in [0, 2**63), so two of them hardly ever
    meet: of a million prefixes with a hundred seeds each, with a probability of 0.00001.

    Two labelling strategies that ask for the same rollout of the same prefix get the same text,
    and a run that is resumed continues as the uninterrupted one would have.
    """
    first = derive_seed(seed, problem_id, prefix)
    return tuple((first + index) % 2**63 for index in indices)


def digest(*parts: str) -> bytes:
    """16 bytes that identify a sequence of strings (lengths included, so no two run together)."""
    state = blake2b(digest_size=16)
    for part in parts:
        data = part.encode()
        state.update(len(data).to_bytes(8, "big"))
        state.update(data)
    return state.digest()
