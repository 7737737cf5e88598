"""The exact step oracle: whether a solution can still be completed with every step right.

A problem is an expression, and a right step evaluates a part of it: `a op b = c` holds, and some
place of the expression, as the earlier steps have left it, says `a op b`. Sums are evaluated in any
order and grouping, products either way round. The last step, `#### c`, is right if `c` is the
answer. After a wrong step nothing is valid any more, not even the right answer.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sormctl.errors import RecordError
from sormctl.records import Solution
from sormctl.tasks.answers import NUMERIC

Tree = Any  # an integer, a Sum, or (op, Tree, Tree) with op `*` or `/`

_MOST_PARTS = 200  # of an expression: its numbers and operations; a problem has some 20
_CALCULATION = re.compile(r"(-?[0-9]{1,9}) ?([-+*/]) ?(-?[0-9]{1,9}) ?= ?(-?[0-9]{1,18})")


@dataclass(frozen=True, slots=True)
class Sum:
    """Signed terms: pairs of 1 or -1 and a tree, in a fixed order, so equal sums are equal."""

    terms: tuple[tuple[int, Tree], ...]


@dataclass(frozen=True, slots=True)
class Calculation:
    """A step `first op second = result`."""

    first: int
    op: str
    second: int
    result: int

    def holds(self) -> bool:
        """Whether it is true."""
        if self.op == "/":
            return self.second != 0 and self.first == self.result * self.second
        values = {
            "+": self.first + self.second,
            "-": self.first - self.second,
            "*": self.first * self.second,
        }
        return self.result == values[self.op]


def oracle(solution: Solution) -> list[int]:
    """1 for each step up to which the solution is valid, then 0.

    Raises RecordError if the problem does not carry its expression.
    """
    if solution.answer is None:
        raise RecordError("no known `answer`; the oracle needs the problem's own")
    states = {_expression(solution)}
    labels = []
    for step in solution.steps:
        if "####" in step:
            states = _answered(states, step, solution.answer)
        else:
            states = _evaluated(states, step)
        labels.append(int(bool(states)))
    return labels


def _answered(states: set[Tree], step: str, answer: str) -> set[Tree]:
    """`{None}` if the answer is right: nothing can follow it, not even the answer again."""
    stated = NUMERIC.read([step])
    is_right = stated is not None and NUMERIC.equal(stated, answer)
    return {None} if states - {None} and is_right else set()


def _evaluated(states: set[Tree], step: str) -> set[Tree]:
    match = _CALCULATION.fullmatch(step.strip())
    if match is None:
        return set()
    first, op, second, result = match.groups()
    calculation = Calculation(int(first), op, int(second), int(result))
    if not calculation.holds():
        return set()
    return {rest for tree in states for rest in evaluations(tree, calculation)}


# ── expressions ──────────────────────────────────────────────────────────────────────────────────


def evaluations(tree: Tree, step: Calculation) -> Iterator[Tree]:
    """The expressions that are left when `step` has evaluated one part of `tree`."""
    if isinstance(tree, Sum):
        yield from _within_sum(tree.terms, step)
    elif isinstance(tree, tuple):
        op, left, right = tree
        yield from ((op, rest, right) for rest in evaluations(left, step))
        yield from ((op, left, rest) for rest in evaluations(right, step))
        swapped = op == "*" and (right, left) == (step.first, step.second)
        if op == step.op and ((left, right) == (step.first, step.second) or swapped):
            yield step.result


def _within_sum(terms: tuple[tuple[int, Tree], ...], step: Calculation) -> Iterator[Tree]:
    for i, (sign, tree) in enumerate(terms):
        others = terms[:i] + terms[i + 1 :]
        yield from (make_sum([(sign, rest), *others]) for rest in evaluations(tree, step))
        if tree == step.first and step.op in "+-":
            partner = (sign if step.op == "+" else -sign, step.second)
            if partner in others:
                j = others.index(partner)
                yield make_sum([(sign, step.result), *others[:j], *others[j + 1 :]])


def make_sum(terms: list[tuple[int, Tree]]) -> Tree:
    """A sum with the terms of nested sums in one row; one integer alone is that integer."""
    flat: list[tuple[int, Tree]] = []
    for sign, tree in terms:
        inner = tree.terms if isinstance(tree, Sum) else ((1, tree),)
        flat += [(sign * inner_sign, inner_tree) for inner_sign, inner_tree in inner]
    if len(flat) == 1 and (flat[0][0] == 1 or isinstance(flat[0][1], int)):
        return flat[0][1] if flat[0][0] == 1 else -flat[0][1]
    return Sum(tuple(sorted(flat, key=repr)))


def _expression(solution: Solution) -> Tree:
    try:
        expression = solution.extra["chain"]["expression"]
        _check_size(expression)
        return _tree(expression)
    except (KeyError, TypeError, ValueError) as error:
        raise RecordError(
            f"problem {solution.problem_id} has no `chain.expression`, which the oracle "
            f"reads; keep the fields that `sormctl problems {solution.task}` writes"
        ) from error


def _check_size(data: Any) -> None:
    """RecordError for what is larger than any problem: sums of thousands take hours to look at."""
    pending, count = [data], 0
    while pending:
        part = pending.pop()
        pending += part[1:] if isinstance(part, list | tuple) else ()
        count += 1
        if count > _MOST_PARTS:
            raise RecordError(
                f"`chain.expression` has more than {_MOST_PARTS} parts; no problem has"
            )


def _tree(data: Any) -> Tree:
    if isinstance(data, int) and not isinstance(data, bool):
        return data
    op, left, right = data
    if op in ("+", "-"):
        return make_sum([(1, _tree(left)), (1 if op == "+" else -1, _tree(right))])
    if op in ("*", "/"):
        return (op, _tree(left), _tree(right))
    raise ValueError(op)
