"""Rows as published data sets lay them out, and rows that name their fields otherwise."""

from __future__ import annotations

from typing import Any

import pytest

from sormctl.errors import RecordError
from sormctl.records import Problem
from sormctl.tasks.answers import KINDS
from sormctl.tasks.fields import Fields
from sormctl.tasks.files import PUBLISHED, parse, worked_example
from sormctl.tasks.layouts import asks

Row = dict[str, Any]


def problem(kind: str, row: Row, fields: Fields = PUBLISHED) -> Problem:
    return parse(KINDS[kind], row, "mine", 4, fields)


SVAMP = {
    "ID": "chal-7",
    "Body": "Ann has 9 pens. If she gives 4 pens to Bob",
    "Question": "How many has she left?",
    "Equation": "( 9.0 - 4.0 )",
    "Answer": 5.0,
    "Type": "Subtraction",
}
ASDIV = {
    "body": "A bowl holds six figs and three dates.",
    "question": "How many fruits does it hold?",
    "answer": "9 (fruits)",
    "formula": "6+3=9",
    "solution_type": "Addition",
}
MAWPS = {
    "iIndex": 3,
    "sQuestion": "Tom found 70 shells and lost 27. How many has he?",
    "lEquations": ["X=70-27"],
    "lSolutions": [43.0],
}
MAWPS_WITH_PLACES = {
    "Question": "a cake wants number0 cups of flour . she put in number1 . how many are missing ?",
    "Numbers": "8.0 2.50",
    "Equation": "- number0 number1",
    "Answer": "5.50",
    "Body": "a cake wants number0 cups of flour . she put in number1 .",
    "Ques_Statement": "how many are missing ?",
}
FILLED = "a cake wants 8 cups of flour . she put in 2.50 . how many are missing ?"
MATH_23K = {
    "id": "11",
    "original_text": "Tom has 3 pens and buys 4. How many has he?",
    "segmented_text": "Tom has 3 pens and buys 4 . How many has he ?",
    "equation": "x=3+4",
    "ans": "7",
}
MATH_500 = {
    "problem": "Solve $2x = 6$.",
    "solution": "We divide by 2.\nSo $x = \\boxed{3}$.",
    "answer": "3",
    "subject": "Algebra",
    "unique_id": "test/algebra/1.json",
}
SAT = {"Question": "If 3x = 9, what is x?", "Answer": 3}
GSM = {"question": "2 and 2?", "answer": "It is 2 + 2 = <<2+2=4>>4.\n#### 4"}
OLYMPIAD = {"id": 8, "question": "Find all x.", "final_answer": ["2", "-2"], "context": None}
MGSM = {"question": "Combien ?", "answer": None, "answer_number": 18}


@pytest.mark.parametrize(
    ("kind", "row", "identity", "question", "answer"),
    [
        (
            "numeric", SVAMP, "chal-7",
            "Ann has 9 pens. If she gives 4 pens to Bob, how many has she left?", "5",
        ),
        ("numeric", ASDIV, "mine-4", f"{ASDIV['body']} {ASDIV['question']}", "9"),
        ("numeric", MAWPS, "3", MAWPS["sQuestion"], "43"),
        ("numeric", MAWPS_WITH_PLACES, "mine-4", FILLED, "5.5"),
        ("numeric", {
            "Question": "N_00 cups and N_01 more ?", "Numbers": [8, 2], "Answer": 10
        }, "mine-4", "8 cups and 2 more ?", "10"),
        ("numeric", MATH_23K, "11", MATH_23K["original_text"], "7"),
        ("math", MATH_500, "test/algebra/1.json", "Solve $2x = 6$.", "3"),
        ("numeric", SAT, "mine-4", "If 3x = 9, what is x?", "3"),
        ("numeric", GSM, "mine-4", "2 and 2?", "4"),
        ("math", OLYMPIAD, "8", "Find all x.", "2, -2"),
        ("numeric", MGSM, "mine-4", "Combien ?", "18"),
    ],
)  # fmt: skip
def test_published_rows(kind: str, row: Row, identity: str, question: str, answer: str) -> None:
    found = problem(kind, row)
    assert (found.problem_id, found.question, found.answer) == (identity, question, answer)


TWO = "Which?\n(A) a fig\n(B) a date"
OPTIONS = ["a fig", "a date"]
AQUA = {
    "question": "Which?",
    "options": ["A)a fig", "B)a date"],
    "rationale": "It is small.\nIt is A, or so it seems.",
    "correct": "B",
}
MATH_QA = {"Problem": "Which?", "options": "a ) a fig , b ) a date", "correct": "b"}
NINETEEN = "abcdefghijklmnopqrs"
MMLU = {"question": "Which?", "subject": "fruits", "choices": OPTIONS, "answer": 1}
ARC = {
    "id": "m1",
    "question": "Which?",
    "choices": {"text": OPTIONS, "label": ["A", "B"]},
    "answerKey": "B",
}
ARC_WITH_NUMBERS = {**ARC, "choices": {"text": OPTIONS, "label": ["1", "2"]}, "answerKey": "2"}
ARC_BEFORE = {
    "id": "m1",
    "question": {
        "stem": "Which?",
        "choices": [{"text": "a fig", "label": "A"}, {"text": "a date", "label": "B"}],
    },
    "answerKey": "B",
}
AGIEVAL = {
    "passage": None,
    "question": "Which?",
    "options": ["(A)a fig", "(B)a date"],
    "label": "B",
}
MED_QA = {"question": "Which?", "options": {"A": "a fig", "B": "a date"}, "answer": "a date"}
COLUMNS = {"question": "Which?", "A": "a fig", "B": "a date", "answer": "B"}
NAMED_COLUMNS = {"question": "Which?", "option_a": "a fig", "option_b": "a date", "answer": "b"}
OF_A_TABLE = {"question": "Which?", "choices": "['a fig', 'a date']", "answer": "1"}


OF_SCORES = {"input": "Which?", "target_scores": {"a fig": 0, "a date": 1}}


@pytest.mark.parametrize(
    "row",
    [
        OF_SCORES, {**OF_SCORES, "target": "A date. For it is one."},
        AQUA, MATH_QA, MMLU, ARC, ARC_WITH_NUMBERS, ARC_BEFORE, AGIEVAL, MED_QA, COLUMNS,
        NAMED_COLUMNS, OF_A_TABLE,
    ],
)  # fmt: skip
def test_options_stand_in_the_question_and_a_letter_is_the_answer(row: Row) -> None:
    found = problem("choice", row)
    assert (found.question, found.answer) == (TWO, "B")
    assert not {"options", "choices", "A", "option_a"} & {*found.extra}


def test_of_options_with_scores_the_best_is_the_answer() -> None:
    row = {**OF_SCORES, "target": "A date. For it is one."}
    assert problem("exact", row, Fields(question="input")).answer == "a date"
    example = worked_example({**row, "solution": "A fig is none."})
    assert (example.question, example.answer) == (TWO, "a date")


def test_a_passage_stands_before_its_question() -> None:
    assert problem("choice", {**AGIEVAL, "passage": "A fig."}).question == f"A fig.\n{TWO}"


@pytest.mark.parametrize(
    "question", [TWO, "Which? (a) a fig (b) a date", "Which?\nA. A fig\nB. A date"]
)
def test_options_that_stand_there_already_are_not_repeated(question: str) -> None:
    row = {"question": question, "options": OPTIONS, "answer": "a date"}
    assert (problem("choice", row).question, problem("choice", row).answer) == (question, "B")


def test_options_that_stand_in_the_question_alone() -> None:
    for answer in (1, "B", "a date"):
        found = problem("choice", {"question": TWO, "answer": answer})
        assert (found.question, found.answer) == (TWO, "B")


@pytest.mark.parametrize(
    "name", ["ANSWER", "Answer", "final answer", "Final_Answer", "FinalAnswer"]
)
def test_names_match_regardless_of_case(name: str) -> None:
    found = problem(
        "numeric", {"PROBLEM": "2 + 2?", name: 4, "Id": "x", "Solution": "4", "LEVEL": 1}
    )
    expected = ("2 + 2?", "4", "x", ("4",), {"LEVEL": 1})
    assert (
        found.question,
        found.answer,
        found.problem_id,
        found.reference,
        found.extra,
    ) == expected


def test_what_is_empty_is_passed_over() -> None:
    row = {
        "question": "",
        "Problem": "2 + 2?",
        "answer": " ",
        "target": 4,
        "id": None,
        "solution": "",
    }
    found = problem("numeric", row)
    assert (found.question, found.answer, found.problem_id) == ("2 + 2?", "4", "mine-4")


@pytest.mark.parametrize(
    ("written", "read"),
    [
        (123456789012345678901234567890, "123456789012345678901234567890"),
        ("3.14159265358979323846", "3.14159265358979323846"),
        (51.0, "51"),
        (1e22, "10000000000000000000000"),
        (1e-7, "0.0000001"),
    ],
)
def test_numbers_keep_their_digits(written: object, read: str) -> None:
    assert problem("numeric", {"question": "q", "answer": written}).answer == read


# ── fields that the user names ───────────────────────────────────────────────────────────────────

ODD = {"Passage": "Ann has 3.", "Q": "How many?", "v": {"Value": [7, "8"]}, "key": "k1", "n": None}


@pytest.mark.parametrize(
    ("template", "question"),
    [
        ("q", "How many?"),
        ("{passage} {Q}", "Ann has 3. How many?"),
        ("{passage}\\n\\nQ: {q}{n}", "Ann has 3.\n\nQ: How many?"),
        ("{n}{{{v.Value.1}}} {v[Value][0]}", "{8} 7"),
    ],
)
def test_the_question_is_a_field_or_a_template(template: str, question: str) -> None:
    fields = Fields(question=template, answer_field="v.Value[0]", id_field="Key")
    found = problem("numeric", ODD, fields)
    assert (found.question, found.answer, found.problem_id) == (question, "7", "k1")


@pytest.mark.parametrize("choices", ["os", "One,Two", "one, two"])
def test_options_are_a_field_or_several(choices: str) -> None:
    row = {"question": "Which?", "os": OPTIONS, "One": "a fig", "Two": "a date", "answer": 1}
    found = problem("choice", row, Fields(choices=choices))
    assert (found.question, found.answer) == (TWO, "B")


def test_options_may_be_placed_by_the_template() -> None:
    row = {"question": "Which?", "options": OPTIONS, "answer": 1}
    found = problem("choice", row, Fields(question="Of these:\\n{options}\\n{question}"))
    assert found.question == "Of these:\n(A) a fig\n(B) a date\nWhich?"


NO_OPTIONS = "holds no options: a list of texts, or"


@pytest.mark.parametrize(
    ("kind", "row", "fields", "message"),
    [
        ("numeric", {"context": "C", "question": "q", "answer": 1}, PUBLISHED,
         "`context` would be lost; give --question '{context} {question}', or --question qu"),
        ("numeric", {"prompt": "Do: q. So:", "question": "q", "answer": 1}, PUBLISHED,
         "`prompt` would be lost; give --question prompt, or --question question to leave it"),
        ("numeric", {"image": {"bytes": 1}, "question": "q", "answer": 1}, PUBLISHED,
         "`image` would be lost; give --question question to leave it out"),
        ("numeric", {"input": "i", "Problem": "q", "answer": 1}, PUBLISHED, "`input` would be"),
        ("numeric", {"question": "q", "Options": OPTIONS, "answer": 1}, PUBLISHED,
         "`Options` would be lost; give --answer choice, or --question question"),
        ("exact", OF_SCORES, PUBLISHED, "`target_scores` would be lost; .*--question input to"),
        ("choice", {**OF_SCORES, "target_scores": {"a fig": 1, "a date": 1}}, PUBLISHED,
         "`target_scores` has 2 options of the highest score; keep one"),
        ("choice", {**OF_SCORES, "target_scores": {"a fig": "no", "a date": "yes"}}, PUBLISHED,
         "`target_scores` must give each option a score"),
        ("numeric", ODD, Fields("{a} {Q}"), "--question names `a`, which is not there; it has"),
        ("numeric", ODD, Fields("Q", "v.x"), "--answer-field names `v.x`, which is not there; it"),
        ("numeric", ODD, Fields("Q", "key"), "`key` is `k1`, which cannot be read as numeric"),
        ("numeric", ODD, Fields("Q", "v"), "`v` must be text or a number, not dict"),
        ("numeric", ODD, Fields("v", "key"), "`v` must be text or a number, not dict"),
        ("numeric", ODD, Fields("Q", "n"), "`n` is empty"),
        ("numeric", {**ODD, "solution": "It is 4."}, Fields("Q", "Solution"),
         "`Solution` is a worked solution that announces no answer"),
        ("numeric", ODD, Fields("{n}", "key"), "--question makes an empty question of it"),
        ("numeric", ODD, Fields("Q", "v.Value.0", None, "no"), "--id-field names `no`, which is"),
        ("choice", ODD, Fields("Q", "key", "Q"), f"`Q` {NO_OPTIONS}"),
        ("choice", ODD, Fields("Q", "key", "Q,n"), "`Q,n` hold fewer than two options"),
        ("choice", ODD, Fields("Q", "key", "a,b"), "--choices names `a`, which is not there"),
        ("choice", {**MMLU, "choices": ["fig"]}, PUBLISHED, "`choices` holds one option; a choice"),
        ("choice", {**MMLU, "choices": "['fig']"}, PUBLISHED, "`choices` holds one option"),
        ("choice", {**MMLU, "choices": {"A": "fig", "B": ""}}, PUBLISHED, "holds one option"),
        ("choice", {**ARC, "choices": {"text": ["fig"]}}, PUBLISHED, "holds one option"),
        ("choice", {**COLUMNS, "C": "", "D": "a pear"}, PUBLISHED,
         "`A,B,C,D` has no text for option 3 of 4"),
        ("choice", ODD, Fields("Q", "key", "n,Q"), "`n,Q` has no text for option 1 of 2"),
        ("numeric", {**MMLU, "choices": [*NINETEEN]}, PUBLISHED, "`choices` has 19 options"),
        ("choice", {**MMLU, "choices": 3}, PUBLISHED, f"`choices` {NO_OPTIONS}"),
        ("choice", {**MMLU, "choices": [*NINETEEN]}, PUBLISHED, "`choices` has 19 options"),
        ("choice", {**MMLU, "answer": 2}, PUBLISHED, "`answer` is 2, but the 2 options"),
        ("choice", {**MMLU, "answer": "C"}, PUBLISHED, "`answer` is C, but the options"),
        ("choice", {**MMLU, "answer": "a pear"}, PUBLISHED, "`answer` is `a pear`, which is"),
        ("choice", {**MMLU, "answer": []}, PUBLISHED, "`answer` is empty"),
        ("numeric", {**MAWPS_WITH_PLACES, "Numbers": "8"}, PUBLISHED, "`number1` has no number"),
        ("numeric", {f"f{n}": n for n in range(50)}, PUBLISHED, r"`f19`, …\)$"),
    ],
)  # fmt: skip
def test_a_row_that_does_not_fit_is_explained(
    kind: str, row: Row, fields: Fields, message: str
) -> None:
    with pytest.raises(RecordError, match=message) as raised:
        problem(kind, row, fields)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("part", ["", None, [], "How many?"])
def test_a_part_that_says_nothing_more_is_not_missed(part: object) -> None:
    row = {"context": part, "question": "How many?", "answer": 1}
    assert problem("numeric", row).question == "How many?"


@pytest.mark.parametrize("part", ["How many? And: how many more?", "know", "Bob has 3. How many?"])
def test_a_part_that_says_more_than_the_question_is_missed(part: str) -> None:
    row = {"context": part, "question": "How many?", "answer": 1}
    with pytest.raises(RecordError, match="`context` would be lost"):
        problem("numeric", row)


def test_a_body_that_ends_in_the_question_is_the_question() -> None:
    row = {"body": "Bob has 3. How many?", "question": "How many?", "answer": 3}
    assert problem("numeric", row).question == "Bob has 3. How many?"


def test_an_object_that_asks_is_a_row_whatever_lists_it_holds() -> None:
    assert asks({"Question": "?", "choices": [{"label": "A", "text": "3"}]})
    assert not asks({"data": [{"question": "?"}], "version": 1})


def test_options_may_be_filled_up() -> None:
    row = {"question": "?", "options": ["3", "4", None, ""], "answer": "B"}
    assert problem("choice", row).question.endswith("(A) 3\n(B) 4")
