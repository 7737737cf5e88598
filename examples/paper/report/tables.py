"""Markdown of tables and figures."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from msgspec.structs import replace

from examples.paper.report.chains import PATH, target
from examples.paper.report.claims import CLAIMS
from examples.paper.report.experiments import Experiment
from examples.paper.report.rows import BALANCED, ERRORS, Subject
from examples.paper.report.verdicts import (
    REFUTED,
    REPRODUCED,
    UNDECIDED,
    Claim,
    is_certain,
    judge,
)
from sormctl.evaluation.steps import AUC, LOCATED

Run = Mapping[str, Any]  # a collected file, and its `name`
NOT_RUN = "not run"
NO_FIGURE = "no figure"  # run, and nothing to be judged: no bad step, no oracle
COMMANDS = "commands"  # the page of a run that anchors lead to
STUDENT_NAMES = {
    "sft": "before expert iteration",
    "ei": "after expert iteration",
    "": "asked once only",
}


def percent(value: float, sign: bool = False) -> str:
    """A share in percent, with one decimal."""
    text = f"{100 * value:+.1f}" if sign else f"{100 * value:.1f}"
    return text.replace("-0.0", "0.0").replace("+0.0", "0.0")


def interval(row: Mapping[str, Any], sign: bool = False) -> str:
    """`LOW to HIGH`; nothing where there is none."""
    if row.get("low") is None:
        return ""
    return f"{percent(row['low'], sign)} to {percent(row['high'], sign)}"


def _by_seed(row: Mapping[str, Any], sign: bool = False) -> str:
    """The seeds' values; where some seeds have none, which have."""
    values = ", ".join(percent(value, sign) for value in row["by_seed"])
    return f"{values} (seed {', '.join(row['seeds'])})" if "seeds" in row else values


def table(
    head: Sequence[str], lines: Iterable[Sequence[str]], first: int = 1, words: int = 1
) -> Iterator[str]:
    """A table in Markdown; between its `first` and its last `words` columns stand numbers."""
    yield "| " + " | ".join(head) + " |"
    yield "|---" * first + "|---:" * (len(head) - first - words) + "|---" * words + "|"
    for line in lines:
        yield "| " + " | ".join(line) + " |"


def anchor(run: Run, result: str) -> str:
    """A link to the commands that made a result, if they are known."""
    if not any(command.endswith(f"/{result}.json") for command in run["commands"]):
        return result
    slug = f"{result}json".replace("/", "")
    return f"[{result}]({run['name']}-{COMMANDS}.md#{slug})"


def experiment_tables(run: Run, experiment: Experiment) -> Iterator[str]:
    """The table of an experiment; one for each student where that makes a difference."""
    for student in run["students"] if experiment.by_student else [""]:
        asked = experiment.concrete(student, run["samples"])
        lines = [line for line in asked if _is_asked(run, line[1])]
        title = f"`{student}`" if student else ""
        yield from (
            _rates(run, experiment, title, lines) if experiment.rates else _list(run, title, lines)
        )
        yield ""


def was_run(run: Run, experiment: Experiment) -> bool:
    """Whether there is a figure for any line of its tables."""
    return any(
        figures(run, result, row)
        for student in (run["students"] if experiment.by_student else [""])
        for _, result, row in experiment.concrete(student, run["samples"])
    )


def _is_asked(run: Run, file: str) -> bool:
    """Whether a line is asked: a choice among so many samples is where there are as many."""
    return "/budget-" not in file or file in run["results"]


Line = tuple[str, str, Subject]  # label, result, row


def figures(run: Run, result: str, row: Subject) -> Mapping[str, Any] | None:
    """What a run has of a row; a collected file names rows by their text."""
    found: Mapping[str, Any] | None = run["results"].get(result, {}).get(str(row))
    return found


def _list(run: Run, title: str, lines: Sequence[Line]) -> Iterator[str]:
    head = (title, "%", "95 % interval", "seeds", "t over seeds", "n", "tokens", "from")
    yield from table(head, (_cells(run, *line) for line in lines))


def _cells(run: Run, label: str, result: str, row: Subject) -> Sequence[str]:
    found = figures(run, result, row)
    if found is None:
        return (label, _absent(run, result), "", "", "", "", "", "")
    half = found.get("t_half")
    return (
        label,
        percent(found["value"]),
        interval(found),
        _by_seed(found),
        "" if half is None else f"± {percent(half)}",
        f"{found['n']:,}",
        f"{found['tokens']:,.0f}" if "tokens" in found else "",
        anchor(run, result),
    )


def _rates(run: Run, experiment: Experiment, title: str, lines: Sequence[Line]) -> Iterator[str]:
    def cells(label: str, result: str, row: Subject) -> Sequence[str]:
        found = [_rate(run, result, row, rate) for rate in experiment.rates]
        if not any(found):
            return (label, _absent(run, result), *("" for _ in found[1:]), "", "")
        shown = [_with_interval(each) if each else "" for each in found]
        return (
            label,
            *shown,
            f"{next(each for each in found if each)['n']:,}",
            anchor(run, result),
        )

    head = (title, *experiment.rates, f"n ({experiment.judged}s)", "from")
    yield from table(head, [*(cells(*line) for line in lines), *_all_good(run, experiment, lines)])


def _rate(run: Run, result: str, row: Subject, figure: str) -> Mapping[str, Any] | None:
    """Another figure of a judgement."""
    return figures(run, result, replace(row, figure=figure))


# what a judge has that calls everything good, but for its accuracy
ALL_GOOD = {BALANCED: 0.5, ERRORS[False]: 1.0, ERRORS[True]: 0.0, AUC: 0.5, LOCATED: 0.0}


def _all_good(run: Run, experiment: Experiment, lines: Sequence[Line]) -> Iterator[Sequence[str]]:
    """What calling everything good would have had, if any judge was run."""
    accuracy = experiment.rates[0]
    for _, result, row in lines:
        good, judged = (_rate(run, result, row, rate) for rate in (ERRORS[True], accuracy))
        if good and judged:
            found = {accuracy: good["n"] / judged["n"], **ALL_GOOD}
            shown = (percent(found[rate]) for rate in experiment.rates)
            label = f"every {experiment.judged} called good"
            yield label, *shown, f"{judged['n']:,}", anchor(run, result)
            return


def _with_interval(row: Mapping[str, Any]) -> str:
    between = interval(row)
    return percent(row["value"]) + (f" ({between})" if between else "")


# ── claims ───────────────────────────────────────────────────────────────────────────────────────


def claims_table(run: Run) -> Iterator[str]:
    """Every claim with its verdict, beside the paper's own figures."""
    students = run["students"]
    benchmark = "SVAMP" if "BENCH=svamp" in run["settings"] else "GSM8K"
    head = (
        "claim",
        "in the paper",
        *(STUDENT_NAMES.get(s, s) for s in students),
        f"the paper's figures, of {benchmark}",
    )
    yield "| " + " | ".join(head) + " |"
    yield "|---" * len(head) + "|"
    for claim in CLAIMS:
        if claim.by_student:
            verdicts = [_verdict(run, claim, student) for student in students]
        else:
            verdicts = [_verdict(run, claim, ""), *("" for _ in students[1:])]
        yield (
            "| " + " | ".join((claim.text, claim.where, *verdicts, claim.figures(benchmark))) + " |"
        )


def tally(run: Run) -> Iterator[str]:
    """How many claims got which verdict, for each student and for what is asked once."""
    for student in (*run["students"], ""):
        asked = [claim for claim in CLAIMS if claim.by_student == bool(student)]
        counts = Counter(_judged(run, claim, student) for claim in asked)
        verdicts = (REPRODUCED, REFUTED, UNDECIDED, NO_FIGURE, NOT_RUN)
        shown = ", ".join(f"{counts[verdict]} {verdict}" for verdict in verdicts if counts[verdict])
        yield f"- {STUDENT_NAMES.get(student, student)}, {len(asked)} claims: {shown}"


def _found(run: Run, claim: Claim, student: str) -> Sequence[Mapping[str, Any]]:
    found: Sequence[Mapping[str, Any]] = run["claims"].get(claim.key, {}).get(student, ())
    return found


def _judged(run: Run, claim: Claim, student: str) -> str:
    """The verdict on a claim, or why there is none."""
    if found := _found(run, claim, student):
        return judge(claim, found)
    if claim.key not in run["claims"]:  # it is younger than the collected file
        return NOT_RUN
    pairs = claim.concrete(student, run["samples"])
    return _absent(run, *(ref[0] for pair in pairs for ref in pair if ref))


def _absent(run: Run, *results: str) -> str:
    """Why there is no figure of results."""
    return NO_FIGURE if run["results"].keys() >= set(results) else NOT_RUN


def _verdict(run: Run, claim: Claim, student: str) -> str:
    """The verdict, and the difference that decides it: the one that is nearest to failing."""
    verdict, found = _judged(run, claim, student), _found(run, claim, student)
    if not found:
        return verdict
    worst = min(found, key=lambda each: min(each["low"] - claim.low, claim.high - each["high"]))
    sign = "second" in worst
    missing = len(claim.pairs) - len(found)
    note = f"; {missing} of {len(claim.pairs)} comparisons not run" if missing else ""
    shown = f"**{verdict}**" if verdict == REPRODUCED else verdict
    shown += " ★" if is_certain(claim, found) else ""
    return f"{shown}: {percent(worst['value'], sign)} ({interval(worst, sign)}){note}"


def differences_table(run: Run) -> Iterator[str]:
    """Every paired difference that a claim rests on."""
    head = ("first - second", "points", "95 % interval", "seeds", "t over seeds", "n", "McNemar")
    lines = (
        (claim.where, *_difference(run, each), claim.condition())
        for claim in CLAIMS
        for student in run["claims"].get(claim.key, {}).values()
        for each in student
    )
    yield from table(("claim", *head, "must be"), lines, first=2)


def _difference(run: Run, each: Mapping[str, Any]) -> Sequence[str]:
    sign = "second" in each
    half, test = each.get("t_half"), each.get("mcnemar")
    return (
        _names(run, each["first"], each.get("second")),
        percent(each["value"], sign),
        interval(each, sign),
        _by_seed(each, sign),
        "" if half is None else f"± {percent(half)}",
        f"{each['n']:,}",
        f"{test['first']} : {test['second']}, p {_chance(test['p'])}" if test else "",
    )


def _names(run: Run, first: Sequence[str], second: Sequence[str] | None) -> str:
    """What is subtracted from what, with links to how both were made."""
    if second is None:
        return f"{first[1]}, {anchor(run, first[0])}"
    if first[0] == second[0]:
        return f"{first[1]} - {second[1]}, {anchor(run, first[0])}"
    return f"{first[1]}, {anchor(run, first[0])} - {second[1]}, {anchor(run, second[0])}"


def _chance(p: float) -> str:
    return "< 0.0001" if p < 0.0001 else f"= {p:g}"


# ── models ───────────────────────────────────────────────────────────────────────────────────────


def trained_table(run: Run) -> Iterator[str]:
    """What each model was trained on and for how long: by student, in the order of making."""
    files = {target(command): _learned_from(command) for command in run["commands"]}
    order = {name: i for i, name in enumerate(files)}

    def place(model: Mapping[str, Any]) -> tuple[int, int]:
        student = model["model"].partition("/")[0]
        students = [*run["students"], student]  # one that has a model may have no result yet
        return students.index(student), order.get(model["model"], len(order))

    head = ("model", "starts from", "learns from", "examples", "epochs", "batch", "steps")
    lines = (
        (
            f"`{model['model']}`",
            f"`{model['start']}`",
            files.get(model["model"], ""),
            *(
                _count(model.get(figure))
                for figure in ("examples", "epochs", "batch_size", "steps")
            ),
            f"{model['lr']:g}",
            _count(model.get("seconds")),
            ", ".join(model["seeds"]),
        )
        for model in sorted(run["trained"], key=place)
    )
    yield from table((*head, "peak lr", "seconds", "seeds"), lines, first=3)


def _learned_from(command: str) -> str:
    """The file of records that a command of training reads."""
    read = [f"`{name}`" for name in PATH.findall(command) if name.endswith(".jsonl")]
    return read[-1] if read else ""


def _count(value: float | None) -> str:
    return "" if value is None else f"{value:,.0f}"
