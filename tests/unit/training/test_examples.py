"""What a run is given: split by problem, counted, and told."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sormctl.asking import Asking
from sormctl.errors import DataError, UsageError
from sormctl.prompts import Prompt
from sormctl.training.config import REWARD_MODEL, TrainConfig, parse_held_out
from sormctl.training.examples import Spooled, is_held_out, spool
from sormctl.training.progress import TrainingProgress
from sormctl.training.token_rows import StepTargets, TrainingExample, example_json
from tests.unit.training.runs import configured, write_jsonl


def example(problem: str, *labels: int | None) -> TrainingExample:
    return TrainingExample(
        Prompt(text=f"{problem}?\n"), ("a",) * len(labels), labels, problem=problem
    )


# 200 problems of three solutions each, in an order that tears them apart
MIXED = [example(f"p{i}", 1, 0) for i in range(200)] * 3


def found_in(
    folder: Path, held_out: str | None, given: Sequence[TrainingExample | None]
) -> Spooled:
    """What is spooled if the input gives `given`, and any other file three problems."""

    def examples(inputs: Sequence[str], asking: Asking) -> Iterator[TrainingExample | None]:
        yield from given if not inputs else [None, *(example(f"p{i}", 1) for i in (7, 8, 999))]

    config = config_for(folder, held_out)
    config.partial.mkdir()
    return spool(config, (), examples)


def config_for(folder: Path, held_out: str | None) -> TrainConfig:
    output = str(folder / "out")
    return configured(kind=REWARD_MODEL, output=output, held_out=held_out)


def lines(path: Path) -> list[str]:
    return path.read_text().splitlines()


def told(found: Spooled, config: TrainConfig, capsys: pytest.CaptureFixture[str]) -> list[str]:
    with TrainingProgress("train-rm", False, "text") as progress:
        found.tell(config, "skipped", progress)
    return capsys.readouterr().err.splitlines()


def test_no_problem_is_on_both_sides(tmp_path: Path) -> None:
    found = found_in(tmp_path, "0.25", MIXED)
    assert found.train.examples + found.held_out.examples == 600
    assert not found.train.problems & found.held_out.problems
    assert found.held_out.examples == 3 * len(found.held_out.problems)
    assert len(found.held_out.problems) == pytest.approx(50, abs=15)
    both = sorted(lines(found.train.path) + lines(found.held_out.path))
    assert both == sorted(json.dumps(example_json(x), separators=(",", ":")) for x in MIXED)


def held_out_file(folder: Path) -> Path:
    """Four problems; no example is made of one of them."""
    ids = ("p7", "p8", "p9", "p999")
    return write_jsonl(folder / "other.jsonl", [{"problem_id": name} for name in ids])


def test_a_file_is_held_out(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing else is; none of its problems is trained on, not even one without an example."""
    other = held_out_file(tmp_path)
    found = found_in(tmp_path, str(other), MIXED)
    assert (found.train.examples, found.held_out.examples, found.skipped) == (591, 3, 0)
    assert told(found, config_for(tmp_path, str(other)), capsys)[:2] == [
        "train-rm: 591 examples",
        "train-rm: held out: 3 examples of 3 problems; 9 more of these in the input",
    ]


def test_a_file_may_leave_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    other = held_out_file(tmp_path)
    found = found_in(tmp_path, str(other), [example("p7", 1)])
    with pytest.raises(DataError, match=r"all that remains is held out, by .*other\.jsonl"):
        told(found, config_for(tmp_path, str(other)), capsys)


def test_nothing_is_held_out_unless_asked(tmp_path: Path) -> None:
    found = found_in(tmp_path, None, [*MIXED, None])
    assert (found.train.examples, found.held_out.examples, found.data.skipped) == (600, 0, 1)


def test_too_few_problems_to_hold_any_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = found_in(tmp_path, "0.0001", MIXED)
    with pytest.raises(DataError, match=r"--held-out 0\.0001: no example is held out"):
        told(found, config_for(tmp_path, "0.0001"), capsys)


@given(problem=st.text(max_size=9), small=st.floats(0, 1), large=st.floats(0, 1))
def test_a_larger_share_holds_the_same_problems_and_more(
    problem: str, small: float, large: float
) -> None:
    small, large = sorted((small, large))
    assert is_held_out(problem, small) <= is_held_out(problem, large)
    assert is_held_out(problem, 1.0) and not is_held_out(problem, 0.0)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("0", "between 0 and 1"),
        ("1.0", "between 0 and 1"),
        ("nan", "between"),
        ("x", "no share and no"),
    ],
)
def test_held_out_is_a_share_or_a_file(text: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        parse_held_out(text)


def labelled(*labels: StepTargets, times: int = 12) -> list[TrainingExample]:
    return [replace(example(f"p{i}", 1), labels=x) for i in range(times) for x in labels]


@pytest.mark.parametrize(
    ("labels", "last"),
    [
        # 24 to 12 and 36 to 0: the second is worse
        (
            [(1, 1), (1, 1), (0, 1)],
            "labels are unbalanced, most at prefix length 2: 36 correct, 0 incorrect; "
            "see `sormctl balance`",
        ),
        ([(1, 0), (0, 1)], "step labels: 24 correct, 24 incorrect"),
        ([(1, 1)], "all labels are the same: the model will learn to say just that"),
        ([(1, None), (0, None), (None, 1)], None),
    ],
)
def test_unbalanced_labels_are_told(
    tmp_path: Path, labels: list[StepTargets], last: str | None, capsys: pytest.CaptureFixture[str]
) -> None:
    found = found_in(tmp_path, None, labelled(*labels))
    last = last or (
        "labels are unbalanced, most at prefix length 2: 12 correct, 0 incorrect; "
        "see `sormctl balance`"
    )
    assert told(found, config_for(tmp_path, None), capsys)[-1] == f"train-rm: {last}"
