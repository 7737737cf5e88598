"""Values of typed tables as JSON has them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, time
from decimal import Decimal
from typing import Any


def plain_value(value: Any) -> Any:
    """The value as JSON has it; what JSON has no word for is named in angle brackets."""
    if value is None or isinstance(value, str | int | float):
        return value
    if isinstance(value, Mapping):
        return {str(key): plain_value(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain_value(item) for item in value]
    if isinstance(value, Decimal | date | time):
        return str(value)
    return f"<{type(value).__name__}>"
