"""Rollouts under way, of which some may be in vain."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from sormctl.records import Steps


@dataclass(frozen=True, slots=True)
class Rollout:
    """One continuation of a prefix.

    `succeeded`: its answer is right and it is consistent. `is_whole`: it was not cut off.
    """

    steps: Steps
    succeeded: bool
    generated_tokens: int
    is_whole: bool = True


# (prefix, numbers of the rollouts) -> these rollouts; None where the prefix leaves no room for one
RollOut = Callable[[Steps, range], Awaitable[Sequence[Rollout] | None]]
_Task = asyncio.Future[Sequence[Rollout] | None]


@dataclass(eq=False, slots=True)
class EngineRows:
    """How many rollouts an engine works on at once, and how many are under way in it."""

    capacity: int
    used: int = 0


class Begun:
    """The rollouts of a problem, each begun once, by whoever asks first."""

    def __init__(self, roll_out: RollOut, rows: EngineRows) -> None:
        self._roll_out, self._rows = roll_out, rows
        self._tasks: dict[tuple[Steps, range], _Task] = {}

    def begin(self, wanted: dict[Steps, range]) -> dict[Steps, _Task]:
        """Those of some prefixes."""
        return {prefix: self._begin(prefix, numbers) for prefix, numbers in wanted.items()}

    def has_room(self, wanted: dict[Steps, range]) -> bool:
        """Whether the engine has free rows for those that are not begun."""
        new = sum(len(key[1]) for key in wanted.items() if key not in self._tasks)
        return self._rows.used + new <= self._rows.capacity

    async def end(self) -> None:
        """Gives up those that are not done."""
        for task in self._tasks.values():
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)

    def _begin(self, prefix: Steps, numbers: range) -> _Task:
        if (prefix, numbers) not in self._tasks:
            task = asyncio.ensure_future(self._roll_out(prefix, numbers))
            task.add_done_callback(lambda _: self._count(-len(numbers)))
            self._count(len(numbers))
            self._tasks[prefix, numbers] = task
        return self._tasks[prefix, numbers]

    def _count(self, rollouts: int) -> None:
        self._rows.used += rollouts
