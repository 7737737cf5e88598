"""What may pass when it is tried again."""

from __future__ import annotations


class Fault(Exception):
    """A request failed in a way that may pass.

    `is_down`: the server did not answer at all. `is_overload`: it asked for less, and for a pause
    of `after` seconds if that is not None. `is_brief`: it is soon seen whether it passes.
    """

    def __init__(
        self,
        message: str,
        *,
        is_down: bool = False,
        is_overload: bool = False,
        after: float | None = None,
        is_brief: bool = False,
    ) -> None:
        super().__init__(message)
        self.is_down = is_down
        self.is_overload = is_overload
        self.after = after
        self.is_brief = is_brief
