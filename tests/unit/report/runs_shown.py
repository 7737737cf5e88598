"""Solutions of a run with everything in it, for tests of what people look at."""

from __future__ import annotations

from typing import Any

from sormctl.records import Problem, Rollouts, Solution, Usage

ATTACK = "</script><script>window.run = 1</script><img src=x onerror='window.run = 1'>"
ESCAPES = "\x1b]0;title\x07\x1b[31mred\u202e"


def problem(name: str, question: str = "What is 2 + 2 + 2?") -> Problem:
    return Problem(task="numeric", problem_id=name, question=question, answer="6")


def made(
    of: Problem, kind: str, steps: tuple[str, ...], answer: str | None, **fields: Any
) -> Solution:
    """A solution of some kind; correct if its answer is the problem's."""
    source = {"kind": kind, "model": ATTACK, **fields.pop("source", {})}
    return of.solved(
        solution_id=f"{of.problem_id}-{kind}-{fields.pop('index', 0)}",
        steps=steps,
        predicted=answer,
        correct=answer == of.answer,
        source=source,
        usage=Usage(generated_tokens=10 * len(steps)),
        **fields,
    )


def refined(name: str, draft: str, globally: str, locally: str, best: str) -> list[Solution]:
    """Draft, refinements and three samples; `orm` likes the solution of kind `best` best."""
    of = problem(name)

    def scores(kind: str, *values: float) -> dict[str, tuple[float, ...]]:
        return {"orm": (*values[:-1], 0.9 if kind == best else values[-1])}

    drafted = made(
        of,
        "draft",
        ("2 + 2 = 5", f"#### {draft}"),
        draft,
        labels=(0, 0) if draft != "6" else (1, 1),
        rollouts=(Rollouts(8, 0, True), Rollouts()),
        scores=scores("draft", 0.57, 0.3) | {"sorm": (0.2, 0.4)},
    )
    refinements = [
        made(of, "global", ("2 + 2 = 4", f"#### {globally}"), globally,
             scores=scores("global", 0.8, 0.4)),
        made(of, "local", ("2 + 2 = 5", "5 + 2 = 6", f"#### {locally}"), locally,
             scores=scores("local", 0.5, 0.6, 0.2), source={"first_error": 0}),
    ]  # fmt: skip
    samples = [
        made(of, "sample", (f"#### {x}",), x, scores={"orm": (0.5,)}, index=i,
             rewards={"skywork": None if i else -1.25})
        for i, x in enumerate(("6", "6", "7"))
    ]  # fmt: skip
    return [drafted, *refinements, *samples]


def whole_run() -> list[list[Solution]]:
    """A problem that is fixed, one that is broken, one that is always wrong, one of an attacker."""
    hostile = problem("p-attack", f"{ATTACK} {ESCAPES} javascript:run()")
    return [
        refined("p-fixed", "7", "6", "7", best="global"),
        refined("p-broken", "6", "7", "6", best="global"),
        refined("p-wrong", "7", "7", "8", best="draft"),
        [
            made(hostile, "draft", (ATTACK, ESCAPES), ATTACK, scores={"orm": (0.1, 0.2)}),
            made(hostile, "global", (ATTACK,), None, scores={"orm": (0.3,)},
                 source={"finish": "length"}),
            made(hostile, "local", (ESCAPES,), "6", scores={"orm": (0.2,)}),
        ],
    ]  # fmt: skip
