"""A finished graph, all seeds, as one small JSON object: what the page is rendered from."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from examples.paper.report.claims import CLAIMS
from examples.paper.report.costs import HERE, commands, commit, commits, costs, made_with
from examples.paper.report.read import Result, read_results
from examples.paper.report.rows import Subject
from examples.paper.report.trained import trained
from examples.paper.report.verdicts import Ref
from sormctl.evaluation.intervals import Bootstrap, Interval, Share, mcnemar
from sormctl.evaluation.rows import Way

Results = dict[str, dict[str, Result]]
DIGITS = 5


def collect(out: Path, settings: Sequence[str], checkout: Path = HERE) -> dict[str, Any]:
    """Everything that the page says of a run.

    ValueError if there are no results in `out`, or some that these settings do not make.
    """
    results = read_results(out)
    if not results:
        raise ValueError(f"{out} holds no results; run `make paper` first")
    seeds = sorted({seed for by_seed in results.values() for seed in by_seed}, key=int)
    judged = {name.partition("/")[0] for name in results if not name.endswith("/held")}
    students = [student for student in ("sft", "ei") if student in judged]
    bootstrap = Bootstrap([_problems(results, seed) for seed in seeds])
    k = _most_samples(results)
    made = made_with(out)
    return {
        "settings": list(settings),
        "commit": commit(checkout),
        "commits": commits(out, made["finished"]),
        **made,
        "seeds": seeds,
        "shared_problems": bootstrap.shared,
        "students": students,
        "samples": k,
        "results": {
            name: _rows(by_seed, seeds, bootstrap) for name, by_seed in sorted(results.items())
        },
        "claims": {
            claim.key: {
                student: list(_pairs(results, claim.concrete(student, k), seeds, bootstrap))
                for student in (students if claim.by_student else [""])
            }
            for claim in CLAIMS
        },
        "commands": _commands(results, commands(out, settings, seeds[0], checkout)),
        "costs": costs(out),
        "trained": trained(out),
    }


def _commands(results: Results, listed: list[str]) -> list[str]:
    """The commands as listed; each result has to be made by one of them."""
    lost = [n for n in results if not any(line.endswith(f"/{n}.json") for line in listed)]
    if lost:
        raise ValueError(
            f"no command makes {', '.join(sorted(lost))}; give the settings of the run (for rl TRL "
            "has to be installed, for ppo torchrl)"
        )
    return listed


def _problems(results: Results, seed: str) -> list[str]:
    found = {name for by_seed in results.values() for name in _result(by_seed, seed).problems}
    return sorted(found)


def _result(by_seed: dict[str, Result], seed: str) -> Result:
    return by_seed.get(seed, Result({}))


def _most_samples(results: Results) -> int:
    """The k of the largest maj@k."""
    rows = [row for by_seed in results.values() for r in by_seed.values() for row in r.rows]
    ways = [row for row in rows if isinstance(row, Way)]
    return max((way.n or 0 for way in ways if way.chooser == "majority"), default=0)


def _shares(results: Results, ref: Ref, seeds: Sequence[str]) -> list[Share | None]:
    return [_result(results.get(ref[0], {}), seed).share(ref[1]) for seed in seeds]


def _rows(
    by_seed: dict[str, Result], seeds: Sequence[str], bootstrap: Bootstrap
) -> dict[str, dict[str, Any]]:
    """The rows of one result by their text, over the seeds."""
    found = dict.fromkeys(row for result in by_seed.values() for row in result.rows)
    return {str(row): _row(row, by_seed, seeds, bootstrap) for row in found}


def _row(
    about: Subject, by_seed: dict[str, Result], seeds: Sequence[str], bootstrap: Bootstrap
) -> dict[str, Any]:
    by_row = [_result(by_seed, seed).rows.get(about) for seed in seeds]
    rows = [row for row in by_row if row]
    shares = [_result(by_seed, seed).share(about) for seed in seeds]
    if any(shares):
        found = _interval(bootstrap.share(shares))
    else:  # no share, such as an AUC
        values = [row["value"] for row in rows]
        found = {
            "value": _rounded(math.fsum(values) / len(values)),
            "by_seed": [*map(_rounded, values)],
        }
    found |= {"n": sum(row["n"] for row in rows), **_some(shares if any(shares) else by_row, seeds)}
    if "tokens" in rows[0]:
        found["tokens"] = round(math.fsum(row["tokens"] for row in rows) / len(rows), 1)
    return found


def _pairs(
    results: Results,
    pairs: Sequence[tuple[Ref, Ref | None]],
    seeds: Sequence[str],
    bootstrap: Bootstrap,
) -> Iterator[dict[str, Any]]:
    """The differences of those pairs that were run."""
    for first, second in pairs:
        ours = _shares(results, first, seeds)
        if second is None:
            if any(ours):
                n = sum(share.n for share in ours if share)
                found = {"first": _named(first), **_interval(bootstrap.share(ours)), "n": n}
                yield found | _some(ours, seeds)
            continue
        theirs = _shares(results, second, seeds)
        both = [_common(a, b) for a, b in zip(ours, theirs, strict=True)]
        if not any(both):
            continue
        one, two = [pair and pair[0] for pair in both], [pair and pair[1] for pair in both]
        found = {"first": _named(first), "second": _named(second)}
        found |= _interval(bootstrap.difference(one, two))
        found |= {"n": sum(share.n for share in one if share), **_some(both, seeds)}
        if (test := _mcnemar(one, two)) is not None:
            found["mcnemar"] = test
        yield found


def _named(ref: Ref) -> tuple[str, str]:
    return ref[0], str(ref[1])


def _some(found: Sequence[object], seeds: Sequence[str]) -> dict[str, Any]:
    """Which seeds have something, if not all of them do."""
    having = [seed for seed, each in zip(seeds, found, strict=True) if each]
    return {} if len(having) == len(seeds) else {"seeds": having}


def _common(first: Share | None, second: Share | None) -> tuple[Share, Share] | None:
    """Both over the problems that both have; None if there are none."""
    if first is None or second is None:
        return None
    names = {*first.problems} & {*second.problems}
    one, two = first.over(names), second.over(names)
    return (one, two) if one and two else None


def _mcnemar(one: Sequence[Share | None], two: Sequence[Share | None]) -> dict[str, Any] | None:
    """Over the problems of all seeds, where each has one answer."""
    both = [(a, b) for a, b in zip(one, two, strict=True) if a and b]
    test = mcnemar([a for a, _ in both], [b for _, b in both])
    return None if test is None else {**asdict(test), "p": float(f"{test.p:.2g}")}


def _interval(found: Interval) -> dict[str, Any]:
    return {
        "value": _rounded(found.value),
        "low": _rounded(found.low),
        "high": _rounded(found.high),
        "t_half": None if found.t_half is None else _rounded(found.t_half),
        "by_seed": [*map(_rounded, found.by_seed)],
    }


def _rounded(value: float) -> float | None:
    return None if math.isnan(value) else round(value, DIGITS) + 0.0
