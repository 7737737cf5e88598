"""Log-probabilities are those of the text, or none."""

from __future__ import annotations

from typing import Any

import pytest

from sormctl.engines.openai.logprobs import logprob_of
from sormctl.errors import EngineError
from tests.unit.engines.openai.test_answers import read

LOGPROBS = [
    ({"token_logprobs": [-0.5, -0.25]}, -0.75),
    ({"content": [{"token": "3", "logprob": -0.5}, {"token": "7", "logprob": -0.25}]}, -0.75),
    ({"content": [], "token_logprobs": [-1.0]}, -1.0),
]


@pytest.mark.parametrize(("given", "expected"), LOGPROBS)
def test_log_probabilities_in_both_shapes(given: dict[str, Any], expected: float) -> None:
    choice = {"text": "37", "finish_reason": "stop", "logprobs": given}
    assert read(choice, 2, logprobs=True).logprob == expected
    assert read(choice).logprob is None


@pytest.mark.parametrize("value", [None, float("nan"), float("-inf")])
@pytest.mark.parametrize("shape", ["old", "new"])
def test_log_probabilities_that_are_none(value: float | None, shape: str) -> None:
    new = {"content": [{"token": "3", "logprob": value}]}
    given = new if shape == "new" else {"token_logprobs": [-0.5, value]}
    with pytest.raises(EngineError, match="log-probabilities that are no numbers"):
        read({"text": "3", "finish_reason": "stop", "logprobs": given}, 2, logprobs=True)


def test_the_tokens_of_a_thought_may_be_counted_and_not_listed() -> None:
    message = {"reasoning_content": "Let me see.", "content": "7"}
    given = {"content": [{"token": "7", "logprob": -0.5}]}
    choice = {"message": message, "finish_reason": "stop", "logprobs": given}
    assert read(choice, 52, logprobs=True).logprob == -0.5


def test_log_probabilities_of_a_text_that_was_cut_here() -> None:
    """The tokens of the stop string count, those that the server wrote beyond it do not."""
    given = {"tokens": ["3", "\n", "Q", ": 4"], "token_logprobs": [-1.0, -0.5, -0.25, -9.0]}
    choice = {"text": "3\nQ: 4", "finish_reason": "length", "logprobs": given}
    assert read(choice, 4, logprobs=True, stop=("\nQ",)).logprob == -1.75


@pytest.mark.parametrize(
    ("values", "told", "message"),
    [
        ([], 0, "gives no log-probabilities"),
        ([], 4, "gives no log-probabilities"),
        ([-1.0, -1.0], 4, "gives 2 log-probabilities for 4 tokens"),
        ([-1.0] * 6, 4, "gives 6 log-probabilities for 4 tokens"),
        ([0.9, 0.8, 1.0, 1.0], 4, "log-probabilities above 0"),
        ([True, -1.0], 2, "log-probabilities that are no numbers"),
        (["-1", -1.0], 2, "."),
    ],
)
def test_numbers_of_another_text_are_refused(values: list[Any], told: int, message: str) -> None:
    choice = {"text": "3", "finish_reason": "stop", "logprobs": {"token_logprobs": values}}
    with pytest.raises(EngineError, match=message):
        read(choice, told, logprobs=True)


@pytest.mark.parametrize("number", [3, 4, 5])
def test_the_token_that_ends_a_text_may_lack_or_be_one_more(number: int) -> None:
    choice = {"logprobs": {"token_logprobs": [-1.0] * number}}
    assert logprob_of(choice, "3", None, 4, ()) == -number
    assert logprob_of(choice, "3", None, 0, ()) == -number
    few = {"logprobs": {"token_logprobs": [1e-6, -1.0]}}  # llama.cpp drops those of a stop string
    assert logprob_of(few, "3", None, 6, ("\nQ:",)) == pytest.approx(-1.0, abs=1e-5)


@pytest.mark.parametrize("given", [{"token_logprobs": []}, {"content": []}])
def test_an_empty_text_has_none_to_be_summed(given: dict[str, Any]) -> None:
    assert logprob_of({"logprobs": given}, "", None, 0, ()) == 0.0
    assert logprob_of({"logprobs": given}, "", None, 1, ()) == 0.0


def test_what_is_cut_behind_a_thought_is_found_behind_it() -> None:
    tokens = ["<t>", "ab", "cd", "</t>", "#### 5", "\nQ:", " more"]
    numbers = [{"token": token, "logprob": -1.0} for token in tokens]
    message = {"reasoning": "abcd", "content": "#### 5\nQ: more"}
    choice = {"message": message, "finish_reason": "stop", "logprobs": {"content": numbers}}
    found = read(choice, 7, logprobs=True, stop=("\nQ:",))
    assert (found.text, found.logprob) == ("<think>abcd</think>#### 5", -6.0)


@pytest.mark.parametrize("tokens", [None, ["token_id:1", "token_id:2", "token_id:3"], ["5"]])
def test_tokens_that_are_not_those_of_a_text_that_was_cut(tokens: list[str] | None) -> None:
    given = {"tokens": tokens, "token_logprobs": [-1.0] * 3}
    choice = {"text": "5\nQ: more", "finish_reason": "stop", "logprobs": given}
    with pytest.raises(EngineError, match="tokens are not those of its text"):
        read(choice, 3, logprobs=True, stop=("\nQ:",))
    whole = {**choice, "text": "5"}
    assert read(whole, 3, logprobs=True, stop=("\nQ:",)).logprob == -3.0
