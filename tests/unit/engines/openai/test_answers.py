"""What servers answer, read without a server."""

from __future__ import annotations

from math import isnan
from typing import Any

import pytest

from sormctl.engines.base import Completion, Sampling
from sormctl.engines.encoding import load_tokenizer
from sormctl.engines.openai.answers import completions, reward_of, step_scores
from sormctl.engines.openai.faults import Fault
from sormctl.errors import EngineError, ModelError
from sormctl.models import resolve_model

SENT = {"prompt": "1 + 1?"}
LIMIT = 12


def read(choice: dict[str, Any], **params: Any) -> Completion:
    answer = {"choices": [choice], "usage": {"prompt_tokens": 5, "completion_tokens": 9}}
    (found,) = completions(answer, SENT, Sampling(**params), LIMIT)
    return found


FINISHES: dict[str, list[str | None]] = {
    "stop": ["stop", "eos", "eos_token", "EOS", "end_turn", "stop_sequence", "stop_str", "", None],
    "length": [
        "length",
        "max_tokens",
        "model_length",
        "MAX_TOKENS",
        "token_limit",
        "max_length",
        "ERROR_LIMIT",
    ],
    "content_filter": ["content_filter"],
    "tool_calls": ["tool_calls"],
    "SAFETY": ["SAFETY"],
}
PAIRS = [(said, finish) for finish, all_said in FINISHES.items() for said in all_said]


@pytest.mark.parametrize(("said", "finish"), PAIRS)
def test_why_a_completion_ended(said: str | None, finish: str) -> None:
    assert read({"text": "2", "finish_reason": said}).finish == finish


def test_a_server_that_does_not_say_why() -> None:
    answer = {"choices": [{"text": "2"}], "usage": {"completion_tokens": LIMIT}}
    assert completions(answer, SENT, Sampling(), LIMIT)[0].finish == "length"
    assert completions({"choices": [{"text": "2"}]}, SENT, Sampling(), LIMIT)[0].finish == "stop"


@pytest.mark.parametrize(
    ("said", "tokens", "is_known", "stop", "finish"),
    [
        ("stop", LIMIT, False, (), "length"),  # LocalAI
        ("stop", LIMIT - 1, False, (), "stop"),
        ("stop", LIMIT + 1, False, (), "stop"),  # it counts in some other way
        ("eos", LIMIT, False, (), "stop"),
        ("stop", LIMIT, True, (), "stop"),
        ("stop", LIMIT, False, (";",), "stop"),
    ],
)
def test_who_says_stop_whatever_it_was(
    said: str, tokens: int, is_known: bool, stop: tuple[str, ...], finish: str
) -> None:
    choice = {"text": "2;", "finish_reason": said}
    answer = {"choices": [choice], "usage": {"completion_tokens": tokens}}
    (found,) = completions(answer, SENT, Sampling(stop=stop), LIMIT, is_known=is_known)
    assert found.finish == finish


@pytest.mark.parametrize("usage", [None, {}, {"prompt_tokens": 0, "completion_tokens": 0}])
@pytest.mark.parametrize("sent", [SENT, {"prompt": [1, 2, 3]}, {"messages": []}])
def test_tokens_that_a_server_does_not_count(usage: Any, sent: dict[str, Any]) -> None:
    tokenizer = load_tokenizer(resolve_model("embedded:student"))
    answer = {"choices": [{"text": "1 + 1 = 2"}], "usage": usage}
    (found,) = completions(answer, sent, Sampling(), LIMIT, tokenizer=tokenizer)
    assert found.generated_tokens == 5
    lengths = {str: len(tokenizer("1 + 1?")["input_ids"]), list: 3, type(None): 0}
    assert found.prompt_tokens == lengths[type(sent.get("prompt"))]
    (alone,) = completions(answer, SENT, Sampling(), LIMIT)
    assert (alone.prompt_tokens, alone.generated_tokens) == (0, 0)


FAILURES = (
    "error Error server_error network_error aborted Aborted failed FAILED interrupted cancelled "
    "timeout server_overloaded overloaded_error service_unavailable connection_closed "
    "client_disconnected insufficient_system_resource rate_limit_exceeded"
)


@pytest.mark.parametrize("said", [*FAILURES.split(), "error: out of memory"])
def test_what_failed_is_no_completion(said: str) -> None:
    with pytest.raises(Fault, match=f"broke off: {said}"):
        read({"text": "2", "finish_reason": said})


@pytest.mark.parametrize("said", ["abort", "Abort", "ABORT"])
def test_who_aborts_is_shutting_down(said: str) -> None:
    with pytest.raises(Fault, match="aborted the request") as caught:
        read({"text": "2", "finish_reason": said})
    assert caught.value.is_down


def test_an_endless_reason_is_cut() -> None:
    assert len(read({"text": "2", "finish_reason": "no \n" * 9999}).finish) == 60


@pytest.mark.parametrize(
    ("text", "stop", "left", "finish"),
    [
        ("3\nQuestion:", ("\nQuestion:",), "3", "stop"),
        ("3\nQuestion: 4?\nAnswer: 5", ("\nQuestion:",), "3", "stop"),
        ("a;b\nc", ("\n", ";"), "a", "stop"),
        ("3", ("\nQuestion:",), "3", "length"),
        ("\nQuestion:", ("\nQuestion:",), "", "stop"),
    ],
)
def test_stop_strings_are_cut_here(
    text: str, stop: tuple[str, ...], left: str, finish: str
) -> None:
    found = read({"text": text, "finish_reason": "length"}, stop=stop)
    assert (found.text, found.finish) == (left, finish)


LOGPROBS = [
    ({"token_logprobs": [-0.5, -0.25]}, -0.75),
    ({"content": [{"token": "3", "logprob": -0.5}, {"token": "7", "logprob": -0.25}]}, -0.75),
    ({"content": [], "token_logprobs": [-1.0]}, -1.0),
]


@pytest.mark.parametrize(("given", "expected"), LOGPROBS)
def test_log_probabilities_in_both_shapes(given: dict[str, Any], expected: float) -> None:
    choice = {"text": "37", "finish_reason": "stop", "logprobs": given}
    assert read(choice, logprobs=True).logprob == expected
    assert read(choice).logprob is None


@pytest.mark.parametrize("value", [None, float("nan"), float("-inf")])
@pytest.mark.parametrize("shape", ["old", "new"])
def test_log_probabilities_that_are_none(value: float | None, shape: str) -> None:
    new = {"content": [{"token": "3", "logprob": value}]}
    given = new if shape == "new" else {"token_logprobs": [-0.5, value]}
    with pytest.raises(EngineError, match="log-probabilities that are no numbers"):
        read({"text": "3", "finish_reason": "stop", "logprobs": given}, logprobs=True)


def test_log_probabilities_of_a_text_that_was_cut_here() -> None:
    """The tokens of the stop string count, those that the server wrote beyond it do not."""
    given = {"tokens": ["3", "\n", "Q", ": 4"], "token_logprobs": [-1.0, -0.5, -0.25, -9.0]}
    choice = {"text": "3\nQ: 4", "finish_reason": "length", "logprobs": given}
    assert read(choice, logprobs=True, stop=("\nQ",)).logprob == -1.75


THOUGHTS: list[tuple[dict[str, Any], str, str]] = [
    ({"content": "2", "reasoning_content": "1 + 1"}, "stop", "<think>1 + 1</think>2"),
    ({"content": "2", "reasoning": "1 + 1"}, "stop", "<think>1 + 1</think>2"),
    ({"content": None, "reasoning": "1 +"}, "length", "<think>1 +"),
    ({"content": "2", "reasoning": "1 + 1"}, "length", "<think>1 + 1</think>2"),
    ({"content": "", "reasoning": "1 + 1"}, "stop", "<think>1 + 1</think>"),
    ({"content": "<think>1</think>2", "reasoning": "1"}, "stop", "<think>1</think>2"),
    ({"content": "2", "reasoning": None}, "stop", "2"),
    ({"content": None}, "stop", ""),
    (
        {
            "content": [
                {"type": "thinking", "thinking": [{"type": "text", "text": "1 + 1"}]},
                {"type": "text", "text": "2"},
            ]
        },
        "stop",
        "<think>1 + 1</think>2",
    ),
]


@pytest.mark.parametrize(("message", "finish", "text"), THOUGHTS)
def test_thoughts_stand_before_the_text(message: dict[str, Any], finish: str, text: str) -> None:
    assert read({"message": message, "finish_reason": finish}).text == text


FLAGS = {"continue_final_message": True}
CONTINUED: list[tuple[dict[str, Any], dict[str, Any], str]] = [
    ({"content": None, "reasoning": " 2"}, FLAGS, " 2"),  # vLLM
    ({"content": "", "reasoning_content": " 2"}, FLAGS, " 2"),  # SGLang
    ({"content": "#### 2", "reasoning": " 2\n"}, FLAGS, " 2\n#### 2"),
    ({"content": None, "reasoning": "1 + 1 = 2"}, FLAGS, " 2"),  # with what it continues
    ({"content": None, "reasoning": " 2"}, {}, " 2"),
    ({"content": " 2", "reasoning": "easy"}, {}, "<think>easy</think> 2"),  # DeepSeek
]


@pytest.mark.parametrize(("message", "more", "text"), CONTINUED)
def test_what_continues_steps_is_no_thought(
    message: dict[str, Any], more: dict[str, Any], text: str
) -> None:
    turns = [{"role": "user", "content": "1 + 1?"}, {"role": "assistant", "content": "1 + 1 ="}]
    answer = {"choices": [{"message": message, "finish_reason": "stop"}]}
    (found,) = completions(answer, {"messages": turns, **more}, Sampling(), LIMIT)
    assert found.text == text
    (fresh,) = completions(answer, {"messages": turns[:1]}, Sampling(), LIMIT)
    assert fresh.text.startswith("<think>")


def test_a_stop_string_in_a_thought_ends_nothing() -> None:
    message = {"content": "2;3", "reasoning": "1; 2"}
    assert read({"message": message}, stop=(";",)).text == "<think>1; 2</think>2"


@pytest.mark.parametrize("choice", [{}, {"text": 2}, {"message": {"content": 2}}])
def test_what_is_no_answer(choice: dict[str, Any]) -> None:
    with pytest.raises(EngineError, match="not one of the completions API"):
        completions({"choices": [choice]}, SENT, Sampling(), LIMIT)


TEXT: dict[str, Any] = {"index": 0, "text": "2", "finish_reason": "stop", "token_ids": [1]}


@pytest.mark.parametrize("places", [(0, 0), (1, 2), (0, None), ("0", 1), (0, 1, 2), (0,)])
def test_choices_are_those_that_were_asked_for(places: tuple[Any, ...]) -> None:
    answer = {"choices": [{**TEXT, "index": place} for place in places]}
    with pytest.raises(EngineError, match=r"indices of|has \d choices, not 2 as asked|not one of"):
        completions(answer, {**SENT, "n": 2}, Sampling(), LIMIT)


@pytest.mark.parametrize(("places", "texts"), [((1, 0), "ba"), ((None, None), "ab")])
def test_choices_have_the_order_of_their_indices(places: tuple[Any, ...], texts: str) -> None:
    answer = {
        "choices": [
            {**TEXT, "index": place, "text": text} for place, text in zip(places, "ab", strict=True)
        ]
    }
    found = completions(answer, {**SENT, "n": 2}, Sampling(), LIMIT)
    assert "".join(one.text for one in found) == texts
    (alone,) = completions({"choices": [{**TEXT, "index": 1}]}, SENT, Sampling(), LIMIT)
    assert alone.text == "2"


NOTHING: list[tuple[dict[str, Any], int]] = [
    ({"text": None, "finish_reason": "stop"}, 0),
    ({"text": None}, 0),
    ({"text": ""}, 0),
    ({"message": None, "finish_reason": "stop"}, 0),
    ({"message": None, "finish_reason": "stop"}, 9),
    ({"message": {"role": "assistant"}, "finish_reason": "stop"}, 0),
    ({"message": {"content": None}, "finish_reason": "stop"}, 0),
    ({"message": {"content": "", "reasoning": None}, "finish_reason": None}, 0),
]
EMPTY: list[tuple[dict[str, Any], int]] = [
    ({"text": "", "finish_reason": "stop"}, 0),
    ({"text": ""}, 1),
    ({"text": None, "finish_reason": "stop"}, 1),  # the token that ends it was counted
    ({"message": {"content": ""}, "finish_reason": "stop"}, 0),
    ({"message": {"content": None}, "finish_reason": "stop"}, 1),  # mlx-lm
]


@pytest.mark.parametrize(("choice", "tokens"), NOTHING)
def test_what_holds_no_text_may_pass(choice: dict[str, Any], tokens: int) -> None:
    answer = {"choices": [choice], "usage": {"completion_tokens": tokens}}
    with pytest.raises(Fault, match="has no text") as caught:
        completions(answer, SENT, Sampling(), LIMIT)
    assert caught.value.is_brief


@pytest.mark.parametrize(("choice", "tokens"), EMPTY)
def test_a_model_may_say_nothing(choice: dict[str, Any], tokens: int) -> None:
    answer = {"choices": [choice], "usage": {"completion_tokens": tokens}}
    (found,) = completions(answer, SENT, Sampling(), LIMIT)
    assert (found.text, found.finish) == ("", "stop")


@pytest.mark.parametrize(
    ("said", "finish"), [("stop", "tool_calls"), (None, "tool_calls"), ("length", "length")]
)
@pytest.mark.parametrize("content", [None, "I shall calculate."])
def test_a_call_of_a_tool_ends_no_text(said: str | None, finish: str, content: str | None) -> None:
    message = {"content": content, "tool_calls": [{"id": "1", "type": "function"}]}
    assert read({"message": message, "finish_reason": said}).finish == finish


def test_half_a_letter_in_a_reason_is_replaced() -> None:
    assert read({"text": "2", "finish_reason": "no\ud83d"}).finish == "no?"


def test_no_choices_may_pass() -> None:
    with pytest.raises(Fault, match="has no choices"):
        completions({"choices": []}, SENT, Sampling(), LIMIT)


# ── scores ───────────────────────────────────────────────────────────────────────────────────────


def pooled(*rows: Any) -> dict[str, Any]:
    return {"data": [{"index": 0, "data": list(rows)}]}


def test_scores_are_read_at_the_ends_of_steps() -> None:
    answer = pooled([0.75, 0.25], [0.5, 0.5], [0.25, 0.75], [0.125, 0.875])
    assert step_scores(answer, 4, [1, 3], "s", "m") == [0.5, 0.875]
    assert step_scores(pooled([0.25, 0.25, 0.5]), 1, [0], "s", "m") == [0.75]
    assert step_scores(pooled([0.0, 1.0000001]), 1, [0], "s", "m") == [1.0]


def test_some_servers_know_where_steps_end() -> None:
    answer = pooled([0.5, 0.5], [0.125, 0.875])
    assert step_scores(answer, 4, [1, 3], "s", "m", may_be_picked=True) == [0.5, 0.875]
    with pytest.raises(EngineError):
        step_scores(answer, 4, [1, 3], "s", "m")


def test_a_reward_is_one_number() -> None:
    assert reward_of(pooled(-11.5), "s", "m") == -11.5
    assert isnan(reward_of(pooled(None), "s", "m"))
    nothing: dict[str, Any] = {"data": []}
    for answer in (pooled(1.0, 2.0), pooled([1.0, 2.0]), nothing):
        with pytest.raises(ModelError, match="s: m gives a text other than one number"):
            reward_of(answer, "s", "m")


@pytest.mark.parametrize("value", [None, float("nan")])
def test_scores_that_are_no_numbers_stay_so(value: float | None) -> None:
    (score,) = step_scores(pooled([value, value]), 1, [0], "s", "m")
    assert isnan(score)


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (pooled([0.5, 0.5]), ModelError),  # fewer tokens than were asked for
        (pooled([0.2, 0.2, 0.3, 0.3], [0.2, 0.2, 0.3, 0.3]), ModelError),
        (pooled([11.7, 5.3], [8.7, 5.3]), ModelError),  # no probabilities
        (pooled(0.1, 0.2), EngineError),  # an embedding
        ({"data": []}, EngineError),
        ({}, EngineError),
    ],
)
def test_what_are_no_scores(answer: dict[str, Any], kind: type[Exception]) -> None:
    with pytest.raises(kind):
        step_scores(answer, 2, [0], "s", "m")
