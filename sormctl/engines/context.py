"""How many tokens a model reads, by its configuration."""

from __future__ import annotations

from typing import Any


def context_length(config: Any) -> int | None:
    """The most positions of the (text) model of a configuration; None if it has no limit."""
    return shortest(longest_position(config), longest_alike(config))


def shortest(*limits: int | None) -> int | None:
    """The least of several limits, of which None is none."""
    return min((limit for limit in limits if limit is not None), default=None)


def longest_position(config: Any) -> int | None:
    """What the configuration says."""
    longest: int | None = getattr(config.get_text_config(), "max_position_embeddings", None)
    return longest


def longest_alike(config: Any) -> int | None:
    """Up to where a row does not depend on the others of its pass; None if it nowhere does.

    With `longrope` a model turns the keys of a long text by other factors than those of a short
    one, and transformers goes by the longest row of a pass. With `dynamic` it does so beyond
    `max_position_embeddings` alone.
    """
    ropes = getattr(config.get_text_config(), "rope_parameters", None) or {}
    each = [rope for rope in (ropes, *ropes.values()) if isinstance(rope, dict)]  # kinds of layers
    long = [rope for rope in each if rope.get("rope_type") == "longrope"]
    return min((rope["original_max_position_embeddings"] for rope in long), default=None)
