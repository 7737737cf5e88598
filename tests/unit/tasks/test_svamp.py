"""SVAMP rows, and all of the published ones."""

from __future__ import annotations

import pytest

from sormctl.errors import RecordError
from sormctl.problems import read_problems
from sormctl.records import Problem
from sormctl.tasks.svamp import TASK, join_question, parse
from tests.present import present
from tests.published import DATA, needs_data


def test_a_row_becomes_a_problem() -> None:
    row = {
        "ID": "chal-1",
        "Body": "Each pack costs 76 dollars. If there is a discount of 25 dollars on each pack",
        "Question": "How much do you have to pay?",
        "Equation": "( 76.0 - 25.0 )",
        "Answer": 51.0,
    }
    question = (
        "Each pack costs 76 dollars. If there is a discount of 25 dollars on each pack, "
        "how much do you have to pay?"
    )
    assert parse(row, "test", 3) == Problem(
        task="svamp", problem_id="svamp-chal-1", question=question, answer="51"
    )


@pytest.mark.parametrize(
    ("body", "question"),
    [
        ("Paco had 26 cookies. ", "Paco had 26 cookies. How many now?"),
        ("Then he got 10 new ones", "Then he got 10 new ones. How many now?"),
        ("If he ate 2", "If he ate 2, how many now?"),
        ("There are 36 tents, ", "There are 36 tents, How many now?"),
    ],
)
def test_body_and_question_are_joined_as_sentences(body: str, question: str) -> None:
    assert join_question(body, " How many now?") == question


def test_another_row_is_refused() -> None:
    with pytest.raises(RecordError, match=r"no row of SVAMP: no `ID`; it has \['question'\]"):
        parse({"question": "x"}, "test", 0)
    with pytest.raises(RecordError, match="`Answer` is no number: 'many'"):
        parse({"ID": "1", "Body": "b", "Question": "q", "Answer": "many"}, "test", 0)


@needs_data
def test_the_published_problems_are_split_in_700_and_300() -> None:
    train = list(read_problems("svamp", "train", data_dir=DATA))
    test = list(read_problems("svamp", "test", data_dir=DATA))
    assert (len(train), len(test)) == (700, 300)
    assert len({problem.problem_id for problem in train + test}) == 1000
    for problem in train + test:
        assert present(problem.answer).isdigit()
        assert TASK.is_correct(TASK.predict([f"#### {problem.answer}.0"]), problem.answer)
        assert problem.question.endswith(("?", "3"))  # one published question ends in a 3
