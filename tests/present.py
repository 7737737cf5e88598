"""What may be absent by its type, and is there in a test."""

from __future__ import annotations

from typing import TypeVar

T = TypeVar("T")


def present(value: T | None) -> T:
    """The value, which the test knows to be there."""
    assert value is not None
    return value
