"""Seeds that depend on what is sampled, never on the order in which it is sampled."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b


def derive_seed(seed: int, problem_id: str, prefix: Sequence[str] = (), index: int = 0) -> int:
    """The seed of one completion: a hash of (seed, problem id, prefix, index), in [0, 2**63).

    Two labelling strategies that ask for the same rollout of the same prefix get the same text,
    and a run that is resumed continues as the uninterrupted one would have.
    """
    return derive_seeds(seed, problem_id, prefix, range(index, index + 1))[0]


def derive_seeds(
    seed: int, problem_id: str, prefix: Sequence[str], indices: Sequence[int]
) -> tuple[int, ...]:
    """`derive_seed` for several indices of one prefix; the prefix is hashed once."""
    base = digest(str(seed), problem_id, *prefix)
    return tuple(
        int.from_bytes(blake2b(index.to_bytes(8, "big"), key=base, digest_size=8).digest()) >> 1
        for index in indices
    )


def digest(*parts: str) -> bytes:
    """16 bytes that identify a sequence of strings (lengths included, so no two run together)."""
    state = blake2b(digest_size=16)
    for part in parts:
        data = part.encode()
        state.update(len(data).to_bytes(8, "big"))
        state.update(data)
    return state.digest()
