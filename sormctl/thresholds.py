"""Which steps a reward model accepts: those that score T or more. Paper, 3.2."""

from __future__ import annotations

from collections.abc import Sequence

THRESHOLD = 0.5  # T, unless the user or an adapter says another


def first_below(scores: Sequence[float], threshold: float) -> int | None:
    """The index of the first step that a reward model does not accept; None without one."""
    return next((i for i, score in enumerate(scores) if score < threshold), None)
