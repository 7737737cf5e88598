r"""sormctl's reading of answers against that of lm-evaluation-harness, text by text.

usage: python -m benchmarks.harness.compare --model M --data-dir DIR SAMPLES.jsonl …

SAMPLES are what the harness logged of the tasks of this folder, run over the same published files:

    pip install lm_eval torch==2.13.0+cpu          # in an environment of its own
    cd DIR && lm_eval run --model hf --model_args pretrained=M,dtype=bfloat16 --device cpu \
        --tasks sormctl_svamp,sormctl_gsm8k --include_path REPOSITORY/benchmarks/harness \
        --apply_chat_template --limit 100 --log_samples --output_path OUT

The tasks ask in sormctl's own words for a chat model, typed by hand, which is checked here for each
problem. Both read the same texts: the harness takes the last number (`flexible-extract`), sormctl
the answer that is announced, else the last number. Each text on which they differ is shown whole.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sormctl.asking import NOTHING_SAID
from sormctl.engines.encoding import load_tokenizer, prompt_ids
from sormctl.evaluation.metrics import proportion
from sormctl.models import resolve_model, settle_asking
from sormctl.problems import read_problems
from sormctl.records import Problem, Solution
from sormctl.tasks.prompts import draft_prompt
from sormctl.tasks.registry import get_task
from sormctl.tasks.solutions.grading import grader

FILTER = "flexible-extract"


@dataclass(frozen=True)
class Read:
    """One text, read by both."""

    text: str
    ours: Solution
    extracted: str
    is_right: bool  # for the harness

    @property
    def agrees(self) -> bool:
        return self.ours.correct == self.is_right


def main() -> None:
    """Prints a row for each task, then the texts on which the two differ."""
    options = _options()
    model = resolve_model(options.model)
    tokenizer, asking = load_tokenizer(model), settle_asking(model, NOTHING_SAID)
    differing: list[Read] = []
    print(f"{'':8}{'texts':>7}{'sormctl':>18}{'harness':>18}{'same verdict':>14}{'no answer':>11}")
    for path in options.samples:
        name = path.name.removeprefix("samples_sormctl_").partition("_")[0]
        problems = list(read_problems(name, "test", data_dir=options.data_dir))
        rows = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
        asked = [(problems[row["doc_id"]], row) for row in rows if row["filter"] == FILTER]
        for problem, row in asked:
            prompt = draft_prompt(get_task(name), problem.question, asking)
            head = row["arguments"]["gen_args_0"]["arg_0"]
            if tokenizer.encode(head, add_special_tokens=False) != prompt_ids(tokenizer, prompt):
                raise SystemExit(f"{problem.problem_id}: asked otherwise than by sormctl:\n{head}")
        found = list(read_both(asked))
        print_row(name, found)
        differing += [read for read in found if not read.agrees]
    for read in differing:
        print_whole(read)


def read_both(asked: Iterable[tuple[Problem, dict[str, Any]]]) -> Iterable[Read]:
    """Each text, by sormctl's grader, beside what the harness made of it."""
    grade = grader()
    for problem, row in asked:
        (text,) = row["resps"][0]
        record = {name: getattr(problem, name) for name in ("task", "problem_id", "question")}
        ours = grade({**record, "answer": problem.answer, "text": text})
        yield Read(text, ours, row["filtered_resps"][0], bool(row["exact_match"]))


def print_row(name: str, found: list[Read]) -> None:
    """Both accuracies with their intervals, and how often the two verdicts are one."""
    ours, theirs = (
        proportion(sum(marks), len(marks))
        for marks in ([read.ours.correct is True for read in found], [r.is_right for r in found])
    )
    same = sum(read.agrees for read in found) / len(found)
    silent = sum(read.ours.predicted is None for read in found)
    shares = "".join(
        f"{100 * e.value:7.1f} ({100 * e.low:.0f} to {100 * e.high:.0f})" for e in (ours, theirs)
    )
    print(f"{name:8}{len(found):7}{shares}{same:14.1%}{silent:11}")


def print_whole(read: Read) -> None:
    """A text with what each of the two read in it."""
    solution = read.ours
    print(f"\n── {solution.problem_id}: the answer is {solution.answer} ──\n{read.text}")
    print(f"── sormctl reads {solution.predicted}, the harness {read.extracted}")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", required=True, help="what the harness ran; for its template")
    parser.add_argument("--data-dir", type=Path, required=True)
    parser.add_argument("samples", type=Path, nargs="+", metavar="SAMPLES")
    return parser.parse_args()


if __name__ == "__main__":
    main()
