from __future__ import annotations

import json
from array import array
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs
from typer.testing import CliRunner

from sormctl import targets
from sormctl.cli import app
from sormctl.engines.encoding import encode_steps, load_tokenizer
from sormctl.errors import RecordError
from sormctl.prompts import Message, Prompt
from sormctl.records import Rollouts, Solution, parse_record, to_json
from sormctl.records import encode as encode_record
from sormctl.training import refiner, reward_model, student
from sormctl.training.token_rows import (
    TrainingExample,
    encode_example,
    example_json,
    parse_example,
    plan_batches,
    process_parts,
    read_token_rows,
    split_batch,
    truncated,
)
from tests.asked import PLAIN
from tests.models import make_model
from tests.unit.examples import PROBLEM, solution, wrong
from tests.unit.training.runs import problems, sums, write_jsonl

PROMPT = Prompt(text="Question: How many apples?\nAnswer:\n")
STEPS = ("1 + 2 = 3", "#### 3")


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory: pytest.TempPathFactory) -> Any:
    return load_tokenizer(str(make_model(tmp_path_factory.mktemp("models") / "tiny")))


def test_a_language_model_learns_the_steps_and_the_end(tokenizer: Any) -> None:
    """The prompt has 9 tokens (`Question : How many apples ? \\n Answer : \\n` is 10), the steps
    `1 + 2 = 3 \\n` 6 and `#### 3 \\n` 3: targets are these 9 and <eos>, each at the one before it.
    """
    row = encode_example(tokenizer, TrainingExample(PROMPT, STEPS))
    assert tokenizer.convert_ids_to_tokens(list(row.targets)) == [
        *["1", "+", "2", "=", "3", "\n"],
        *["####", "3", "\n", "<eos>"],
    ]
    assert list(row.positions) == list(range(9, 19))
    assert list(row.ids[10:]) == list(row.targets)


def test_a_reward_model_reads_the_last_token_of_each_labelled_step(tokenizer: Any) -> None:
    """The first step ends at position 15, the second at 18; null is no target."""
    row = encode_example(tokenizer, TrainingExample(PROMPT, STEPS, labels=(1, 0)))
    assert (list(row.positions), list(row.targets)) == ([15, 18], [1, 0])
    assert {tokenizer.convert_ids_to_tokens(row.ids[i]) for i in row.positions} == {"\n"}
    row = encode_example(tokenizer, TrainingExample(PROMPT, STEPS, labels=(None, 0)))
    assert (list(row.positions), list(row.targets)) == ([18], [0])
    assert (list(row.ids), [15, 18]) == encode_steps(tokenizer, PROMPT, STEPS)


def test_shares_of_successes_are_floats(tokenizer: Any) -> None:
    row = encode_example(tokenizer, TrainingExample(PROMPT, STEPS, labels=(0.25, 1.0)))
    assert (row.targets.typecode, list(row.targets)) == ("f", [0.25, 1.0])


def test_a_pair_is_read_at_the_last_token_of_both(tokenizer: Any) -> None:
    rival = ("1 + 2 = 4", "4 - 0 = 4", "#### 4")
    row = encode_example(tokenizer, TrainingExample(PROMPT, STEPS, rival=rival))
    assert row.rival is not None
    for part, steps, label in ((row, STEPS, 1), (row.rival, rival, 0)):
        ids, positions = encode_steps(tokenizer, PROMPT, steps)
        assert (list(part.ids), list(part.positions)) == (ids, positions[-1:])
        assert list(part.targets) == [label]
    assert (row.longest, row.size) == (len(row.rival.ids), 2 * len(row.rival.ids))


@pytest.mark.parametrize(
    "example",
    [
        TrainingExample(PROMPT, STEPS, labels=(None, 0.5)),
        TrainingExample(PROMPT, STEPS, rival=("#### 4",)),
        TrainingExample(PROMPT, STEPS),
        TrainingExample(PROMPT, STEPS, labels=(None, 1)),
        TrainingExample(Prompt(messages=(Message("user", "1 + 2?"),)), STEPS, mode="local"),
    ],
)
def test_examples_survive_json(example: TrainingExample) -> None:
    assert parse_example(json.loads(json.dumps(example_json(example)))) == example


def test_rows_that_are_too_long_are_counted(tokenizer: Any, tmp_path: Path) -> None:
    short, long = TrainingExample(PROMPT, STEPS), TrainingExample(PROMPT, STEPS * 9)
    rival = replace(short, rival=STEPS * 9)
    path = write_jsonl(
        tmp_path / "train.jsonl", [example_json(x) for x in (short, long, rival, short)]
    )
    found = read_token_rows(path, tokenizer, max_length=20)
    assert [row.ids for row in found.rows] == [encode_example(tokenizer, short).ids] * 2
    assert (found.too_long, found.truncated) == (2, 0)


def test_a_truncated_row_keeps_the_judged_steps_that_fit_whole(tokenizer: Any) -> None:
    """The prompt has 10 tokens, the steps 6, 3 and 3: they end at 15, 18 and 21."""
    judged = encode_example(
        tokenizer, TrainingExample(PROMPT, (*STEPS, "#### 4"), labels=(1, None, 0))
    )
    for longest, kept in ((22, [15, 21]), (21, [15]), (16, [15])):
        cut = truncated(judged, longest)
        assert cut is not None
        assert (list(cut.positions), list(cut.targets)) == (kept, [1, 0][: len(kept)])
        assert cut.ids == judged.ids[: kept[-1] + 1]
    assert truncated(judged, 15) is None


def test_rows_without_room_for_a_step_are_left_out_all_the_same(
    tokenizer: Any, tmp_path: Path
) -> None:
    judged = TrainingExample(PROMPT, STEPS, labels=(1, 0))
    path = write_jsonl(tmp_path / "train.jsonl", [example_json(judged)] * 2)
    found = read_token_rows(path, tokenizer, max_length=17, truncate=True)
    assert (len(found.rows), found.too_long, found.truncated) == (2, 0, 2)
    found = read_token_rows(path, tokenizer, max_length=12, truncate=True)
    assert (len(found.rows), found.too_long, found.truncated) == (0, 2, 0)


def test_a_student_learns_correct_solutions_and_references() -> None:
    record = sums(1)[0]
    learned = student.parse(record, PLAIN)
    assert learned == student.parse(problems([record])[0], PLAIN)
    assert learned is not None and learned.labels is None
    assert student.parse(to_json(wrong()), PLAIN) is None
    with pytest.raises(RecordError, match="no `steps` and no `reference`"):
        student.parse({**problems([record])[0], "reference": None}, PLAIN)


def test_a_reward_model_needs_labels() -> None:
    with pytest.raises(RecordError, match="run `sormctl label-steps` first"):
        reward_model.parse(to_json(solution()), PLAIN)
    assert reward_model.parse(to_json(solution(labels=(None, None))), PLAIN) is None
    example = reward_model.parse(to_json(solution(labels=(1, None))), PLAIN)
    assert example is not None and example.labels == (1, None)
    assert example.prompt.text == "Question: What is 2 + 2 + 2?\nAnswer:\n"


TRIED, LAST = Rollouts(4, 1, True), Rollouts()


def test_a_soft_label_is_the_share_of_successes() -> None:
    """One of four rollouts from step 1 succeeded; from the last step there are none."""
    judged = solution(labels=(1, 1), rollouts=(TRIED, LAST))
    assert targets.soft_labels(judged) == (0.25, 1.0)
    assert targets.soft_labels(structs.replace(judged, labels=(None, 1))) == (None, 1.0)


@pytest.mark.parametrize(
    "rollouts",
    [
        None,
        (Rollouts(), TRIED, LAST),
        (Rollouts(4, 1, made=False), TRIED, LAST),
        (Rollouts(4, 0, True), Rollouts(2, 1, True), LAST),
    ],
    ids=["none", "not tried", "not made", "stopped at a success"],
)
def test_shares_need_all_rollouts(rollouts: tuple[Rollouts, ...] | None) -> None:
    """Those of a walk are no shares: soft labels and value pairs refuse them alike."""
    walked = wrong(steps=("a", "b", "#### 7"), labels=(1, 1, 0), rollouts=rollouts)
    with pytest.raises(RecordError, match="label-steps --exhaustive"):
        targets.soft_labels(walked)
    given = encode_record(walked)
    result = CliRunner().invoke(app, ["make-refine-pairs", "--mode", "value"], given)
    assert (result.exit_code, result.stdout) == (65, "")
    assert "<stdin>:1: " in result.stderr and "label-steps --exhaustive" in result.stderr


def rated(ratings: object) -> Solution:
    return parse_record({**to_json(solution()), "ratings": ratings}, Solution)


def test_ratings_are_classes() -> None:
    assert targets.rated_labels(rated([-1, 1])) == (0, 2)
    assert targets.rated_labels(rated([0, None])) == (1, None)


@pytest.mark.parametrize(
    ("ratings", "message"),
    [
        (None, "no `ratings`"),
        ([1], "one entry for each step"),
        ("ab", "must be a list"),
        ([1, 2], "-1, 0, 1 or null"),
        ([1, True], "-1, 0, 1 or null"),
    ],
)
def test_wrong_ratings_are_told(ratings: object, message: str) -> None:
    with pytest.raises(RecordError, match=message):
        targets.rated_labels(rated(ratings))


def test_pairs_are_made_of_the_solutions_of_a_problem(tmp_path: Path) -> None:
    """p1 has one correct and two incorrect solutions, p2 a correct one: three have no partner."""
    other = solution("s2", problem=structs.replace(PROBLEM, problem_id="p2"))
    mixed = (wrong(), other, solution(), wrong("w2", steps=("#### 7",)))
    path = write_jsonl(tmp_path / "graded.jsonl", [to_json(x) for x in mixed])
    found = list(reward_model.pairs([str(path)], PLAIN, seed=0))
    assert found.count(None) == 2
    (example,) = (x for x in found if x is not None)
    assert example.steps == solution().steps
    assert example.rival in (wrong().steps, ("#### 7",))
    assert example.prompt.text == "Question: What is 2 + 2 + 2?\nAnswer:\n"


@pytest.mark.parametrize(("first_error", "mode"), [(None, "global"), (1, "local")])
def test_a_refiner_learns_the_target_of_the_draft(first_error: int | None, mode: str) -> None:
    from sormctl.records import Pair

    pair = Pair(
        task="numeric",
        problem_id="p",
        question="1 + 2?",
        draft=("1 + 2 = 4", "#### 4"),
        first_error=first_error,
        target=STEPS,
    )
    example = refiner.parse(to_json(pair), PLAIN)
    assert (example.steps, example.mode) == (STEPS, mode)
    assert ("[BAD] #### 4" in example.prompt.text) == (mode == "local")


@given(
    lengths=st.lists(st.integers(1, 50), min_size=1, max_size=300),
    size=st.integers(1, 9),
    seed=st.integers(0, 3),
)
def test_every_epoch_visits_every_row_once(lengths: list[int], size: int, seed: int) -> None:
    plan = list(plan_batches(lengths, size, epochs=2, seed=seed))
    assert plan == list(plan_batches(lengths, size, epochs=2, seed=seed))
    assert Counter(row for batch in plan for row in batch) == Counter(list(range(len(lengths))) * 2)
    assert max(len(batch) for batch in plan) <= size
    assert len(plan) == 2 * -(-len(lengths) // size)


def test_batches_hold_rows_of_similar_length() -> None:
    """Random batches of lengths 1 to 100 would waste a good third of their tokens on padding."""
    lengths = list(range(1, 101)) * 10
    plan = list(plan_batches(lengths, 20, epochs=1, seed=0))
    padded = sum(max(lengths[index] for index in batch) * len(batch) for batch in plan)
    assert sum(lengths) > 0.9 * padded
    starts = [lengths[batch[0]] for batch in plan]
    assert starts != sorted(starts)


@given(lengths=st.lists(st.integers(1, 50), min_size=1, max_size=50), limit=st.integers(1, 200))
def test_parts_keep_to_the_token_limit(lengths: list[int], limit: int) -> None:
    batch = list(range(len(lengths)))
    parts = split_batch(lengths, batch, limit)
    assert [row for part in parts for row in part] == batch
    for part in parts:
        assert len(part) == 1 or max(lengths[row] for row in part) * len(part) <= limit


@given(
    lengths=st.lists(st.integers(1, 50), min_size=1, max_size=30),
    processes=st.integers(1, 5),
    limit=st.integers(1, 200),
    packed=st.booleans(),
)
def test_processes_share_a_batch_in_equally_many_parts(
    lengths: list[int], processes: int, limit: int, packed: bool
) -> None:
    batch = list(range(len(lengths)))
    shares = [process_parts(lengths, batch, p, processes, limit, packed) for p in range(processes)]
    assert len({len(share) for share in shares}) == 1
    counted = [row for share in shares for part, counts in share if counts for row in part]
    assert sorted(counted) == batch
    assert all(part for share in shares for part, _ in share)


def test_rows_are_compact(tokenizer: Any) -> None:
    row = encode_example(tokenizer, TrainingExample(PROMPT, STEPS))
    assert all(isinstance(column, array) for column in (row.ids, row.positions, row.targets))
