"""The pages of results: everything that was collected, and what was written by hand, in its place.

A folder holds collected files, `RUN.json`, and `fragments/` of Markdown. `intro.md` is the first
page, `RUN.md` the page that says why, `RUN.KEY.md` follows its experiment KEY, `RUN.commands.md`
its commands, and `end-*.md` make one page, in the order of their names.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence
from math import fsum
from pathlib import Path
from typing import Any

from examples.paper.report.chains import chains, target
from examples.paper.report.experiments import EXPERIMENTS
from examples.paper.report.read import read_runs
from examples.paper.report.tables import (
    COMMANDS,
    Run,
    claims_table,
    differences_table,
    experiment_tables,
    table,
    tally,
    trained_table,
    was_run,
)

NOTICE = "<!-- Made by `python -m examples.paper.report render`; edit docs/results/fragments/. -->"
RULE = """\
A claim is a paired difference, or several, and what it must be. It is *reproduced* if the 95 %
interval and every seed's value lie where the claim says, for all of its differences; *not
reproduced* if for one of them the interval and every seed's value lie elsewhere; else *undecided*.
The figures are those of the difference that comes nearest to failing, in points, with its interval.
All are [below](#the-differences).

A seed is a run of everything, with its own samples and trained models. The intervals are those of a
bootstrap over seeds and problems: a replicate draws as many seeds as there are, with replacement,
and problems, with replacement, and takes the mean over seeds. A problem brings all that was found
of it, so differences are paired and steps stay with their problem.

{drawn}
Nothing is corrected for the number of claims.

"""
OWN = """\
Here each seed has its own test problems, so they are drawn within each seed. McNemar's exact test
counts the problems that only the first, and only the second, got right, of all seeds; it speaks of
these trained models alone."""
SHARED = """\
Here all seeds have the same test problems, so a replicate draws problems once, for all its seeds.
McNemar's exact test counts each problem once, for what got it right in more seeds; it speaks of
these trained models alone."""
FEW = """\
{n} seeds are few: where trainings differ more than test sets do, the intervals are too narrow. So
the seeds' values stand beside them, and half of Student's interval of these alone (*t over seeds*,
degrees of freedom: {df}), which is {t}. A verdict has a star (★) if
that interval gives it too ([why](../decisions/0010-intervals-over-seeds.md)).
"""
T_OWN = "right for any number of seeds, and wide"
T_SHARED = "wide, and speaks of other trainings, but of no problems other than these"
ONE = """\
There is one seed, so the intervals speak of these trained models alone. So does McNemar's exact
test, which counts the problems that only the first, and only the second, got right."""
READING = """\
Percentages; *n* counts problems, drafts or steps of all seeds; *tokens* are those generated for a
problem. The last column leads to the commands.

- `sft` is the student before expert iteration, `ei` after it; each has reward models
  and refiners of its own. A *draft* is the student's greedy answer.
- The ORM learned from the outcomes of whole solutions, the stepwise ORM (SORM) from labels of their
  steps. *Against labels*: the truth is labels by rollouts; *against oracle*: the benchmark's own
  judgement of each step; *against answers*: whether the final answer is right.
- `A + B by orm` is the one of them that the ORM scores highest; `A + B, oracle` is right if one of
  them is. `NAME: fixed` is the share of wrong drafts that this refinement makes right.
- `maj@k` is the majority of k samples, `rerank@k` the best of them by a reward model, and `pass@k`
  whether one of them is right.
- *Not run*: the graph does not have it for this student, or it was not made. *No figure*: it was
  run, and there was nothing to judge, such as no bad step.
"""
EXAMPLES = """
Mean over the seeds. An example is a solution (reward models, student), a pair of solutions
(contrastive model, refiners), or a refinement that is rewarded (`rl`, `rl-orm`, `ppo`); a step is
one of the optimizer, on a batch of examples. Seconds are known of reinforcement learning alone, and
of its last part if it was interrupted; other training notes none.
"""


FRAGMENTS = "fragments"
SINGLE_RUNS = "single-runs"
INDEX = "index"
OUTCOMES = ".outcomes.jsonl.gz"  # beside a collected file


def render(folder: Path) -> dict[str, str]:
    """The pages by name: `INDEX`, which lies beside the folder, and those within it."""
    found: dict[str, str] = {}
    listed: list[str] = []
    for run in read_runs(folder):
        pages = {name: [*lines] for name, lines in _run(run, folder).items()}
        found |= {f"{run['name']}-{name}": _page(lines) for name, lines in pages.items() if lines}
        listed += [*_listed(run["name"], folder, [name for name in pages if pages[name]])]
    if ends := sorted((folder / FRAGMENTS).glob("end-*.md")):
        found[SINGLE_RUNS] = _page(line for path in ends for line in _fragment(path))
        listed.append(f"- [Single runs]({folder.name}/{SINGLE_RUNS}.md)")
    intro = _fragment(folder / FRAGMENTS / "intro.md", "# Results")
    return {INDEX: _page([*intro, *listed])} | found


def _page(lines: Iterable[str]) -> str:
    return "\n".join([NOTICE, "", *lines]).rstrip() + "\n"


def _listed(run: str, folder: Path, pages: Sequence[str]) -> Iterator[str]:
    links = (f"[{name}]({folder.name}/{run}-{name}.md)" for name in pages)
    yield f"- `{run}`: " + ", ".join(links)


def _fragment(path: Path, default: str = "") -> Iterator[str]:
    text = path.read_text("utf-8").strip() if path.exists() else default
    if text:
        yield text
        yield ""


TITLES = {
    "claims": "the paper's claims",
    "why": "what came out otherwise, and why",
    "tables": "tables and figures",
    "commands": "commands",
}


def _run(run: Run, folder: Path) -> dict[str, Iterator[str]]:
    """The lines of each page of a run."""
    return {
        "claims": _claims(run, folder),
        "why": _fragment(folder / FRAGMENTS / f"{run['name']}.md"),
        "tables": _tables(run, folder),
        COMMANDS: _commands(run, folder),
    }


def _title(run: Run, page: str) -> str:
    return f"# {run['name']}: {TITLES[page]}\n"


def _claims(run: Run, folder: Path) -> Iterator[str]:
    yield _title(run, "claims")
    yield _made(run, folder) + "\n"
    yield from claims_table(run)
    yield ""
    yield from tally(run)
    yield "\n" + _rule(run)
    yield "## The differences\n"
    yield from differences_table(run)


def _tables(run: Run, folder: Path) -> Iterator[str]:
    name = run["name"]
    yield _title(run, "tables")
    yield READING
    for experiment in EXPERIMENTS:
        if not was_run(run, experiment):
            continue
        yield f"## {experiment.title}\n"
        if experiment.note:
            yield experiment.note + "\n"
        for plot in sorted(folder.glob(f"{name}.{experiment.plot}*.svg")):
            yield f"![{experiment.title}]({plot.name})\n"
        yield from experiment_tables(run, experiment)
        yield from _fragment(folder / FRAGMENTS / f"{name}.{experiment.key}.md")


def _rule(run: Run) -> str:
    """How claims are judged, and what was resampled."""
    n, shared = len(run["seeds"]), run.get("shared_problems", False)
    if n == 1:
        return RULE.format(drawn=ONE)
    rule = RULE.format(drawn=SHARED if shared else OWN)
    return rule + FEW.format(n=n, df=n - 1, t=T_SHARED if shared else T_OWN)


def _made(run: Run, folder: Path) -> str:
    """What a run was, in some sentences."""
    libraries = ", ".join(f"{name} {version}" for name, version in run["libraries"].items())
    settings = shlex.join(run["settings"])
    return (
        f"`make paper {settings}`, seeds {', '.join(run['seeds'])}; sormctl {run['version']}, "
        f"{libraries}. First file {_minute(run['started'])}, last {_minute(run['finished'])}. "
        f"{_commits(run)} All figures: [{run['name']}.json]({run['name']}.json)"
        f"{_outcomes(run, folder)}."
    )


def _outcomes(run: Run, folder: Path) -> str:
    name = run["name"] + OUTCOMES
    return f"; each problem's outcomes: [{name}]({name})" if (folder / name).exists() else ""


def _commits(run: Run) -> str:
    """By which code the files were made, as far as it is known."""
    if noted := run.get("commits"):
        made = ", ".join(f"{commit} (from {_minute(since)})" for since, commit in noted)
        return f"Made by commit {made}; collected beside {run['commit']}."
    return (
        f"Collected beside commit {run['commit']}; the graph did not note which commit made the "
        "files."
    )


def _minute(moment: str) -> str:
    """`2026-11-25T02:20:54+00:00` as a reader wants it."""
    return moment[:16].replace("T", " ") + " UTC"


# ── commands ─────────────────────────────────────────────────────────────────────────────────────


def _commands(run: Run, folder: Path) -> Iterator[str]:
    yield _title(run, COMMANDS)
    if run.get("trained"):
        yield "## What each model learned from\n"
        yield from trained_table(run)
        yield EXAMPLES
    yield "## What it cost\n"
    head = ("made by", "files a seed", "records", "tokens generated", "seconds")
    yield from table(head, _cost_lines(run["costs"]), words=0)
    yield (
        "\nAll seeds together, by the manifests beside the files; training leaves none. Where "
        "commands ran side by side, seconds overlap.\n"
    )
    yield "## Commands\n"
    yield (
        f"What `make -n` prints for seed {run['seeds'][0]}; `$OUT` is the folder of the run. Below "
        "each result stand the commands behind it that are not above. A remark says what all seeds "
        "cost together.\n"
    )
    costs = {cost["file"]: cost for cost in run["costs"]}
    for result, commands in chains(run["commands"]):
        remarked = [command + _remark(costs.get(target(command))) for command in commands]
        yield f"### {result}\n"
        yield "```sh\n" + "\n".join(remarked) + "\n```\n"
    yield from _fragment(folder / FRAGMENTS / f"{run['name']}.{COMMANDS}.md")


def _cost_lines(costs: Sequence[Mapping[str, Any]]) -> Iterator[Sequence[str]]:
    for command in dict.fromkeys(cost["command"] for cost in costs):
        members = [cost for cost in costs if cost["command"] == command]
        sums = [fsum(cost[what] for cost in members) for what in ("records", "tokens", "seconds")]
        yield (f"`{command}`", f"{len(members)}", *(f"{value:,.0f}" for value in sums))


def _remark(cost: Mapping[str, Any] | None) -> str:
    if cost is None:
        return ""
    tokens = f", {cost['tokens']:,} tokens" if cost["tokens"] else ""
    return f"  # {cost['records']:,} records{tokens}, {cost['seconds']:,.0f} s"
