"""What servers answer, read without a server."""

from __future__ import annotations

from typing import Any

import pytest

from sormctl.engines.base import Completion, Sampling
from sormctl.engines.encoding import load_tokenizer
from sormctl.engines.openai.answers import completions
from sormctl.engines.openai.echo import Echo
from sormctl.engines.openai.faults import Fault
from sormctl.errors import EngineError
from sormctl.models import resolve_model

SENT = {"prompt": "1 + 1?"}
LIMIT = 12


def read(choice: dict[str, Any], tokens: int = 9, **params: Any) -> Completion:
    answer = {"choices": [choice], "usage": {"prompt_tokens": 5, "completion_tokens": tokens}}
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


TURNS = [{"role": "user", "content": "1 + 1?"}, {"role": "assistant", "content": "So 1 + 1.\n"}]


def continued(text: str, echo: Echo) -> str:
    answer = {"choices": [{"message": {"content": text}, "finish_reason": "stop"}]}
    (found,) = completions(answer, {"messages": TURNS}, Sampling(), LIMIT, echo=echo)
    return found.text


def test_a_server_that_gives_back_the_beginning_does_so_every_time() -> None:
    echo = Echo()
    for _ in range(3):
        assert continued("So 1 + 1.\nIt is 2", echo) == "It is 2"
    assert continued("It is 2", echo) == "It is 2"
    for _ in range(3):  # its model may say so again
        assert continued("So 1 + 1.\nIt is 2", echo) == "So 1 + 1.\nIt is 2"


@pytest.mark.parametrize(
    ("counted", "cached", "known", "length"),
    [(1, 0, 40, 40), (0, 0, 40, 40), (39, 0, 40, 39), (41, 0, 40, 41), (8, 32, 40, 40)],
)
def test_the_tokens_of_a_prompt_are_all_of_them(
    counted: int, cached: int, known: int, length: int
) -> None:
    usage = {"prompt_tokens": counted, "prompt_tokens_details": {"cached_tokens": cached}}
    answer = {"choices": [{"text": "2", "finish_reason": "stop"}], "usage": usage}
    (found,) = completions(answer, {"prompt": [1] * known}, Sampling(), LIMIT)
    assert (found.prompt_tokens, found.cached_tokens) == (length, cached)
