"""Completions of other tools: where their texts stand, and which problem they answer."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from typer.testing import CliRunner

from sormctl.cli import app
from sormctl.errors import RecordError
from sormctl.formats.base import Importing
from sormctl.formats.completions import read
from sormctl.formats.known_problems import KnownProblems
from sormctl.records import Json, Problem, Solution
from sormctl.tasks.registry import get_task

PEARS, DATES = (
    Problem(task="numeric", problem_id=name, question=question, answer=answer)
    for name, question, answer in [
        ("p-1", "Ann has 3 pears and buys 4. How many has she?", "7"),
        ("p-2", "How many dates are in 5 boxes of 6?", "30"),
    ]
)
TEXT = "3 + 4 = 7\n#### 7"
CHAT = [{"role": "user", "content": "old"}, {"role": "assistant", "content": "older"}]


def solutions(row: Json, *problems: Problem, **how: Any) -> list[Solution]:
    return list(read(row, Importing(get_task("numeric"), KnownProblems(problems), **how)))


THINKING = {"type": "text", "text": TEXT}


def turns(question: Any, text: Any = TEXT) -> list[dict[str, Any]]:
    return [*CHAT, {"role": "user", "content": question}, {"role": "assistant", "content": text}]


def batch(custom_id: str = "p-1", **changes: Any) -> dict[str, Any]:
    message = {"role": "assistant", "content": TEXT}
    body = {"model": "m", "choices": [{"index": 0, "message": message, "finish_reason": "stop"}]}
    response = {"status_code": 200, "request_id": "r", "body": {**body, **changes}}
    return {"id": "batch_req_1", "custom_id": custom_id, "response": response, "error": None}


def sample(**changes: Any) -> dict[str, Any]:
    """One of inspect-ai's."""
    choice = {"message": {"role": "assistant", "content": TEXT}, "stop_reason": "stop"}
    output = {"model": "m", "choices": [choice], "usage": {"input_tokens": 9, "output_tokens": 5}}
    row = {"id": 1, "epoch": 1, "input": PEARS.question, "target": "7", "messages": CHAT}
    return {**row, "output": output, "scores": {"match": {"value": "C"}}, "events": [], **changes}


# ── where the text stands ────────────────────────────────────────────────────────────────────────

QUESTION = {"question": PEARS.question}
SAMPLES = {"doc_id": 0, "doc": QUESTION, "target": "7", "resps": [[TEXT]]}


RESPONSE = {"type": "message", "content": [{"type": "output_text", "text": TEXT}]}
SHARED = [("system", "Hi."), ("human", PEARS.question), ("gpt", TEXT)]


@pytest.mark.parametrize(
    "row",
    [
        batch(),
        batch("p-1-0"),
        batch("p-1#12", choices=[{"text": TEXT}]),
        batch(choices=None, output=[{"type": "reasoning"}, RESPONSE]),
        SAMPLES,
        {**SAMPLES, "resps": [TEXT]},
        sample(),
        sample(id="p-1", input="?", target=""),
        {"version": 2, "samples": [sample(input=turns(PEARS.question)[:3])]},
        {
            "prompt": [{"role": "user", "content": PEARS.question}],
            "reward_model": {"style": "rule", "ground_truth": "7"},
            "responses": [TEXT],
        },
        {**SAMPLES, "doc": {"goal": "?"}},
        {**QUESTION, "generation": TEXT},
        {**QUESTION, "Model Output": TEXT},
        {**QUESTION, "reasoning_steps": TEXT.split("\n")},
        {**QUESTION, "model_outputs": TEXT, "pred": "7"},
        {**QUESTION, "code": [TEXT], "gt": "7"},
        {**QUESTION, "prediction": TEXT, "predicted_answer": None},
        {**QUESTION, "prediction": "B", "pred": "B", "response": TEXT},
        {**QUESTION, "outputs": [{"text": TEXT}]},
        {"id": "p-1", "response": {"content": [{"type": "text", "text": TEXT}]}},
        {"problem_id": "p-1", "completion": TEXT},
        {"prompt": f"Solve this.\n{PEARS.question}\nBe brief.", "text": TEXT},
        {
            "prompt": turns(PEARS.question)[:3],
            "completion": [{"role": "assistant", "content": TEXT}],
        },
        {"messages": turns(f"Please reason.\n\nQuestion: {PEARS.question}")},
        {"messages": turns([{"type": "text", "text": PEARS.question}])},
        {"messages": turns(PEARS.question)[:3], "response": TEXT},
        {"messages": turns(PEARS.question)[2:3], "choices": [{"message": {"content": TEXT}}]},
        {"messages": turns(PEARS.question, [{"type": "thinking", "thinking": "Hm"}, THINKING])},
        {"prompt": f"Q: {DATES.question} A: 30\nQ: {PEARS.question} A:", "text": TEXT},
        {"prompt": f"Q: {DATES.question} Q: ?", "problem_id": "p-1", "text": TEXT},
        {
            "conversations": [
                {"from": "human", "value": PEARS.question},
                {"from": "gpt", "value": TEXT},
            ]
        },
    ],
)
def test_layouts(row: Json) -> None:
    (made,) = solutions(row, DATES if "goal" not in str(row) else PEARS, PEARS)
    assert (made.problem_id, made.steps, made.answer) == ("p-1", ("3 + 4 = 7", "#### 7"), "7")
    assert (made.predicted, made.correct) == ("7", True)


def test_what_a_server_says_of_a_completion() -> None:
    usage = {
        "prompt_tokens": 9,
        "completion_tokens": 5,
        "prompt_tokens_details": {"cached_tokens": 4},
    }
    message = {"content": TEXT, "reasoning_content": "Add."}
    (made,) = solutions(
        batch(choices=[{"message": message, "finish_reason": "length"}], usage=usage), PEARS
    )
    assert made.source == {"kind": "sample", "model": "m", "finish": "length"}
    assert (made.usage.prompt_tokens, made.usage.cached_tokens) == (9, 4)
    assert (made.usage.generated_tokens, made.thought, made.is_cut_off) == (5, "Add.", True)


def test_the_answer_that_a_reward_goes_by() -> None:
    row = {"prompt": [{"role": "user", "content": "3 + 4?"}], "response": TEXT, "answer": "8"}
    (made,) = solutions({**row, "reward_model": {"ground_truth": "7"}})
    assert (made.question, made.answer, made.correct) == ("3 + 4?", "7", True)


def test_a_log_of_inspect() -> None:
    log = {"version": 2, "samples": [sample(), sample(epoch=2, target=["8"]), sample(target=[])]}
    first, second, third = solutions(log)
    assert (first.correct, second.answer, third.answer) == (True, "8", None)
    assert (first.source["model"], first.source["finish"]) == ("m", "stop")
    assert (first.usage.prompt_tokens, first.usage.generated_tokens) == (9, 5)
    assert {name: second.extra[name] for name in ("epoch", "row_scores")} == {
        "epoch": 2,
        "row_scores": {"match": {"value": "C"}},
    }
    assert not {"events", "messages", "input"} & second.extra.keys()
    assert first.extra["is_correct"] is True
    (wrong,) = solutions(sample(scores={"match": {"value": "I"}}))
    (other,) = solutions(sample(scores={"a": {"value": {"f1": 1}}, "b": {"value": "C"}}))
    assert wrong.extra["is_correct"] is False and "is_correct" not in other.extra


def test_of_several_targets_none_is_the_answer() -> None:
    row = sample(target=["7", "seven"])
    assert [made.answer for made in solutions(row)] == [None]
    assert [made.answer for made in solutions(row, answer_field="targets[0]")] == ["7"]


def test_a_failed_sample_is_left_out_and_a_bad_one_is_named() -> None:
    assert solutions({"samples": [sample(output={"model": "m", "choices": []})]}) == []
    with pytest.raises(RecordError, match=r"`samples\[1\]` `output.choices` must be a text"):
        solutions({"samples": [sample(), sample(output={"choices": [3]})]})


@pytest.mark.parametrize(
    "row",
    [
        batch(choices=[{"message": {"content": None, "reasoning_content": "Hm"}}]),
        {"messages": [*turns(PEARS.question)[:3], {"role": "assistant", "content": ""}]},
        {**QUESTION, "output": [""]},
        {**QUESTION, "response": ""},
        {**QUESTION, "response": None},
    ],
)
def test_what_says_nothing_counts(row: Json) -> None:
    """A thought that used up all tokens is a wrong answer, and no missing one."""
    (made,) = solutions(row, PEARS)
    assert (made.steps, made.predicted, made.correct) == ((), None, False)


def test_samples_of_vllm_end_for_reasons_of_their_own() -> None:
    ends = [{"text": TEXT, "finish_reason": "stop"}, {"text": "3", "finish_reason": "length"}]
    made = solutions({**QUESTION, "outputs": ends}, PEARS)
    assert [solution.is_cut_off for solution in made] == [False, True]


def test_samples_have_ids_of_their_own() -> None:
    """Also where their texts are the same, in one row and in two."""
    row, how = {**SAMPLES, "resps": [[TEXT, TEXT]]}, Importing(get_task("numeric"))
    made = [solution for _ in range(2) for solution in read(row, how)]
    assert len({solution.solution_id for solution in made}) == 4


@pytest.mark.parametrize(
    "row",
    [
        batch(choices=[]),
        {**batch(), "error": {"code": "x"}},
        {**batch(), "response": None},
        {**batch(), "response": {"status_code": 429, "body": {}}},
        {"messages": CHAT[:1]},
        {**SAMPLES, "filter": "strict"},
    ],
)
def test_what_is_left_out(row: Json) -> None:
    assert solutions(row, PEARS, filter="other") == []


# ── which problem it answers ─────────────────────────────────────────────────────────────────────


def test_a_row_tells_of_its_problem_itself() -> None:
    row = {"problem": "3 + 4?", "expected_answer": "7", "level": 1, "generation": TEXT, "id": "c9"}
    (made,) = solutions(row)
    assert (made.question, made.answer, made.correct) == ("3 + 4?", "7", True)
    assert made.problem_id.startswith("problem-") and made.extra == {"level": 1, "id": "c9"}
    (named,) = solutions(row, id_field="id")
    assert (named.problem_id, named.extra) == ("c9", {"level": 1})


@pytest.mark.parametrize(("name", "kept"), [("id", "id"), ("problem_id", "row_problem_id")])
def test_an_id_that_is_not_the_problems_is_kept(name: str, kept: str) -> None:
    (made,) = solutions({**QUESTION, name: "p-1-0", "text": TEXT}, PEARS)
    assert (made.problem_id, made.extra) == ("p-1", {kept: "p-1-0"})
    (same,) = solutions({**QUESTION, name: "p-1", "text": TEXT}, PEARS)
    assert (same.problem_id, same.extra) == ("p-1", {})
    (unasked,) = solutions({name: "p-1-0", "text": TEXT}, PEARS)
    assert (unasked.problem_id, unasked.extra) == ("p-1", {kept: "p-1-0"})


def test_an_answer_that_nobody_knows() -> None:
    (made,) = solutions({"messages": turns("3 + 4?")})
    assert (made.question, made.answer, made.predicted, made.correct) == ("3 + 4?", None, "7", None)


def test_a_worked_solution_states_the_answer() -> None:
    row = {**SAMPLES, "doc": {"question": "3 + 4?", "answer": "3 + 4 = <<3+4=7>>7\n#### 7"}}
    (made,) = solutions(row)
    assert (made.answer, made.reference) == ("7", ("3 + 4 = 7", "#### 7"))


def test_options_of_a_choice_are_asked() -> None:
    row = {"question": "Which?", "choices": ["a", "b"], "answer": 1, "output": "It is \\boxed{B}."}
    (made,) = read(row, Importing(get_task("choice")))
    assert (made.answer, made.correct) == ("B", True)
    assert "B) b" in made.question or "(B) b" in made.question or "B. b" in made.question


def test_the_last_question_of_a_prompt_counts_and_the_longest_of_those() -> None:
    short = Problem(task="exact", problem_id="short", question="How many has she?", answer="x")
    (made,) = solutions({"messages": turns(f"Q: {PEARS.question}")}, short, PEARS)
    assert made.problem_id == "p-1"


def test_a_question_is_not_found_within_a_word() -> None:
    other = Problem(task="numeric", problem_id="p", question="What is 13 + 4", answer="17")
    (made,) = solutions({"question": "What is 13 + 45", "answer": "58", "text": "#### 58"}, other)
    assert (made.answer, made.correct) == ("58", True)


def test_a_text_that_looks_like_a_list_is_a_text() -> None:
    (made,) = solutions({**QUESTION, "generation": "[3, 4]"}, PEARS)
    assert made.steps == ("[3, 4]",)
    assert len(solutions({**QUESTION, "generations": '["3", "4"]'}, PEARS)) == 2


@pytest.mark.parametrize("name", ["steps", "model_output_steps", "Hypothesis Steps", "a.steps"])
def test_a_list_of_steps_is_one_solution(name: str) -> None:
    """Each of them as a solution would be a wrong answer, all but the last."""
    value: Any = ["3 + 4 = 7", "#### 7"]
    row = {"a": {"steps": value}} if name == "a.steps" else {name: value}
    (made,) = solutions({**QUESTION, **row}, PEARS, text_field=name)
    assert (made.steps, made.correct) == (("3 + 4 = 7", "#### 7"), True)


def test_samples_in_a_list_of_objects() -> None:
    row = {**QUESTION, "a": {"tries": [{"said": TEXT}, {"said": "#### 8"}]}}
    made = solutions(row, PEARS, text_field="a.tries[*].said")
    assert [solution.correct for solution in made] == [True, False]


def test_a_prompt_that_holds_the_question_is_asked_or_kept() -> None:
    row = {"question": "3 + 4?", "prompt": "Add. 3 + 4?", "answer": "7", "response": TEXT}
    with pytest.raises(RecordError, match="give --question prompt, or --question question to"):
        solutions(row)
    (whole,), (bare,) = solutions(row, question="prompt"), solutions(row, question="question")
    assert (whole.question, bare.question) == ("Add. 3 + 4?", "3 + 4?")
    assert bare.extra == {"prompt": "Add. 3 + 4?"}


@pytest.mark.parametrize("name", ["gt", "gold", "golden", "ground_truth_answer", "target"])
def test_the_answer_of_the_problem_is_not_that_of_the_model(name: str) -> None:
    (made,) = solutions({"question": "3 + 4?", "answer": "8", name: 7, "response": "#### 8"})
    assert (made.answer, made.correct, made.extra) == ("7", False, {"row_answer": "8"})


def test_a_letter_of_the_gold_answer_may_be_a_number() -> None:
    row = {"question": "Which?", "choices": ["a", "b"], "gold": 1, "output": "\\boxed{B}"}
    (made,) = read(row, Importing(get_task("choice")))
    assert (made.answer, made.correct) == ("B", True)


@pytest.mark.parametrize(
    ("row", "how", "message"),
    [
        (batch("p-9"), {}, "no problem in --problems has the id `p-9`"),
        ({"text": TEXT}, {}, "no question; name its field by --question, or give --problems FILE"),
        ({"question": "q"}, {}, "no completion; name its field by --text-field"),
        ({"question": "q"}, {"text_field": "x.y"}, "--text-field names `x.y`, which is not there"),
        ({"question": "q", "text": 3}, {}, "`text` must be a text"),
        ({"question": "q", "prediction": "B"}, {}, "no completion; name its field by"),
        ({"question": "q", "code": "f()"}, {}, "no completion; name its field by"),
        ({"question": "q", "a": "b"}, {"text_field": "a[*].b"}, "`a` must be a list"),
        ({"question": "q", "a": [{"c": 1}]}, {"text_field": "a[*].b"}, "names `b`, which is not"),
        ({"question": "q", "steps": [["a"]]}, {}, "`steps` must hold texts, the steps of one solu"),
        ({"question": "q", "steps": ["a"], "label": 0}, {}, "no completion; name its field by"),
        ({"messages": [3]}, {}, r"`messages\[0\]` must be a turn"),
        ({"messages": [{"role": "user"}]}, {}, r"`messages\[0\].content` must be a text"),
        (
            {**SAMPLES, "filter": "strict"},
            {},
            "choose one by --filter strict",
        ),
        ({**SAMPLES, "resps": [[[-1.5, False]]]}, {}, "`resps` must hold texts"),
        ({**QUESTION, "choices": ["a", "b"], "text": "A"}, {}, "`choices` would be lost"),
    ],
)
def test_a_row_that_does_not_fit(row: Json, how: dict[str, Any], message: str) -> None:
    with pytest.raises(RecordError, match=message):
        solutions(row, PEARS, **how)


def test_the_command_joins_and_reads_as_told(tmp_path: Any) -> None:
    path = tmp_path / "problems.jsonl"
    known = {"task": "numeric", "problem_id": "p-1", "question": PEARS.question, "answer": "7"}
    path.write_bytes(orjson.dumps(known))
    row = batch(choices=[{"message": {"content": "<t>Add.</t>3 + 4; #### 7"}}])
    reading = ["--steps", "regex:; ", "--think", "<t>,</t>"]
    argv = ["import", "completions", "--problems", str(path), *reading]
    result = CliRunner().invoke(app, argv, orjson.dumps(row))
    assert result.exit_code == 0, result.stderr
    made = orjson.loads(result.stdout)
    assert (made["steps"], made["thought"], made["correct"]) == (["3 + 4", "#### 7"], "Add.", True)
    refused = CliRunner().invoke(app, [*argv, "--answer", "exact", "--task", "math"], b"")
    assert (refused.exit_code, refused.stderr.count("\n")) == (2, 1)
