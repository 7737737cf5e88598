"""What labelling will cost, and what it has cost, in words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from sormctl.labelling.pilot import Draw, Plan


def plan_lines(draw: Draw, plan: Plan) -> tuple[str, ...]:
    """The plan in a few lines for a person."""
    share = plan.tokens / max(1, draw.plain_tokens)
    lines = (
        f"{draw.solutions:,} solutions of {draw.problems:,} problems; all rollouts from every "
        f"prefix would generate about {draw.plain_tokens:,} tokens",
        f"expected: {plan.rollouts:,.0f} rollouts, {plan.tokens:,.0f} tokens "
        f"(± {1.96 * plan.error:,.0f}), {share:.0%} of that",
        f"at the pilot's speed ({len(draw.pilot)} problems): {plan.seconds / 60:,.1f} minutes",
    )
    if plan.differing is None:
        return lines
    return *lines, f"labels that are not the exact ones: {plan.differing:.1%} of the pilot's"


def summary_lines(spent: Mapping[str, int], strategy: str, scattered: int) -> Iterator[str]:
    """What the user should know in the end.

    `scattered` counts the groups whose problem had one before.
    """
    tokens, plain = spent["generated_tokens"], spent.get("plain_tokens", 0)
    if plain:
        share = f"{tokens / plain:.0%}"
        yield f"{tokens:,} tokens; all rollouts would have been about {plain:,} ({share})"
    if unlabelled := spent.get("unlabelled"):
        yield f"without labels, since a prefix leaves no room for a rollout: {unlabelled:,}"
    if strategy in ("bisect", "guided"):
        yield f"some labels are not the exact ones; --plan --strategy {strategy} says how many"
    if scattered:
        yield (
            f"{scattered:,} times a problem came again after others and shared no rollouts with "
            "its solutions before; --gather brings them together"
        )
