"""What chat templates of several kinds write before a solution and around a thought."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from sormctl.engines.templates import (
    chat_text,
    opens_thought,
    solution_head,
    think_tags,
    turn_end,
    writes_date,
)
from sormctl.errors import ModelError
from sormctl.prompts import Message, Prompt
from tests.invariance.families import byte_tokenizer

ASKED = Prompt(messages=(Message("user", "1 + 1?"),))
TOLD = Prompt(messages=(Message("system", "Be brief."), *ASKED.messages))
SHOWN = Prompt(messages=(*ASKED.messages, Message("assistant", "2"), *ASKED.messages))


def template(
    answer: str, begun: str = "", *, others: str = "<{{ m.role }}>{{ m.content }}\n"
) -> str:
    """A template by what it makes of an assistant's turn, and of a turn that begins."""
    return (
        "{% for m in messages %}"
        f"{{% if m.role == 'assistant' %}}<bot>{answer}<end>{{% else %}}{others}{{% endif %}}"
        "{% endfor %}"
        f"{{% if add_generation_prompt %}}<bot>{begun}{{% endif %}}"
    )


def thinking(before: str, between: str, without: str = "") -> str:
    """An assistant's turn with its thought, if it has one."""
    return (
        "{% if m.reasoning_content %}"
        f"{before}{{{{ m.reasoning_content }}}}{between}{{% else %}}{without}{{% endif %}}"
        "{{ m.content }}"
    )


REFUSES = "{% if m.role == 'system' %}{{ raise_exception('No!') }}{% endif %}{{ m.content }}"
PLAIN = template("{{ m.content }}")
CHANNELS = template(thinking("<analysis>", "<end><bot><final>", "<final>"))
EMPTY = template(thinking("<think>\n", "\n</think>\n\n", "<think>\n\n</think>\n\n"))
OPENED = template(
    thinking("<open>think<in>", "<close>", "<open>think<in><close>"), "<open>think<in>"
)
DROPPED = template("{{ m.content.split('</think>')[-1] }}", "<think>\n")
WORDS = template("{{ m.content }}", "Here is what I think:\n")
SPACED = template(" {{ m.content }}")
SILENT = template("{{ m.content }}", "<think>\n\n</think>\n\n")
LONE = template("{{ m.content }}", "</think>")
TOLD_NOT_TO = template(thinking("<think>\n", "\n</think>\n\n"), "<think>\n\n</think>\n\n")
LONE_END = template(thinking("<in>", "<out><say>", "<out><say>"), "<out>")
CLOSED = template("{{ m.content }}", "<thought><thought/>")


def tokenizer_of(text: str) -> Any:
    tokenizer = byte_tokenizer()
    tokenizer.chat_template = text
    return tokenizer


@pytest.mark.parametrize(
    ("text", "head"),
    [
        (PLAIN, ""),
        (CHANNELS, "<final>"),
        (EMPTY, "<think>\n\n</think>\n\n"),
        (OPENED, "<open>think<in><close>"),
        (DROPPED, "<think>\n</think>\n\n"),  # the template says nothing of it: closed as usual
        (WORDS, ""),
        (SPACED, ""),  # the model writes the space itself
        (CLOSED, "<thought><thought/>"),
    ],
)
def test_a_solution_stands_where_its_template_puts_it(text: str, head: str) -> None:
    assert solution_head(tokenizer_of(text), ASKED) == f"<user>1 + 1?\n<bot>{head}"


@pytest.mark.parametrize(
    ("text", "head"),
    [
        (PLAIN, "<think>\nhm\n</think>\n\n"),
        (CHANNELS, "<analysis>hm<end><bot><final>"),
        (EMPTY, "<think>\nhm\n</think>\n\n"),
        (OPENED, "<open>think<in>hm<close>"),
        (SILENT, "<think>\nhm\n</think>\n\n"),  # the thought takes the place of an empty one
        (LONE, "<think>\nhm\n</think>\n\n"),
        (TOLD_NOT_TO, "<think>\nhm\n</think>\n\n"),
        (LONE_END, "<in>hm<out><say>"),
    ],
)
def test_a_thought_stands_where_its_template_puts_it(text: str, head: str) -> None:
    asked = replace(ASKED, thought="\nhm\n")
    assert solution_head(tokenizer_of(text), asked) == f"<user>1 + 1?\n<bot>{head}"


@pytest.mark.parametrize(
    ("text", "tags"),
    [
        (PLAIN, None),
        (CHANNELS, ("<analysis>", "<end><bot><final>")),
        (EMPTY, ("<think>", "</think>")),
        (OPENED, ("<open>think<in>", "<close>")),
        (DROPPED, None),
    ],
)
def test_what_a_template_puts_around_a_thought(text: str, tags: tuple[str, str] | None) -> None:
    assert think_tags(tokenizer_of(text), ()) == tags


@pytest.mark.parametrize(
    ("text", "end"),
    [
        (PLAIN, "<end>"),
        (template("{{ m.content }}<close>answer<in>"), "<close>answer<in><end>"),
        (template(""), ""),
        (template(REFUSES, others="").replace("system", "assistant"), ""),
    ],
)
def test_what_a_template_writes_behind_a_solution(text: str, end: str) -> None:
    assert turn_end(tokenizer_of(text), ()) == end


def test_a_thought_takes_the_place_of_nothing_but_an_empty_one() -> None:
    asked = Prompt(text="?", thought="hm")
    for head in ("A: ", "A: <think>", "A: <think> </think>", "A: </think>"):
        assert asked.spoken(head).split() == ["A:", "<think>hm</think>"]
    said = "<think>a</think>b"
    assert asked.spoken(f"{said}</think>") == f"{said}<think>hm</think>\n\n"
    for head in (said, "<think>a</think>"):
        assert asked.spoken(head) == f"{head}<think>hm</think>\n\n"


def test_whether_a_thought_is_open_depends_on_what_is_said() -> None:
    silent = "{% if '/no_think' in messages[0].content %}</think>{% endif %}"
    tokenizer = tokenizer_of(template("{{ m.content }}", "<think>" + silent))
    assert opens_thought(tokenizer, TOLD)
    told = Prompt(messages=(Message("system", "/no_think"), *ASKED.messages))
    assert not opens_thought(tokenizer, told)
    assert not opens_thought(tokenizer, replace(TOLD, steps=("2",)))  # it is closed for them
    assert not opens_thought(tokenizer, Prompt(text="1 + 1?"))


def test_content_is_wrapped_for_templates_that_want_parts() -> None:
    parts = "{% for part in m.content %}{% if part.text %}{{ part.text }}{% endif %}{% endfor %}"
    tokenizer = tokenizer_of(template(parts, others=f"<{{{{ m.role }}}}>{parts} "))
    assert chat_text(tokenizer, TOLD) == "<system>Be brief. <user>1 + 1? <bot>"
    assert solution_head(tokenizer, SHOWN).count("1 + 1?") == 2


LEAVES_OUT = "{% if m.role != 'system' %}{{ m.content }}{% endif %}"


@pytest.mark.parametrize(
    ("text", "prompt", "message"),
    [
        (template("", others=REFUSES), TOLD, "takes no system's turn; say it in --instruction"),
        (template("", others=LEAVES_OUT), TOLD, "leaves out the system's turn; say it in --inst"),
        (template("{{ m.content }}", others=""), ASKED, "leaves out the user's turn; use --prompt"),
        (template(""), SHOWN, "leaves out the assistant's turn; leave out --examples"),
        ("{{ raise_exception('No!') }}", ASKED, "refuses the prompt: No!"),
    ],
)
def test_what_a_template_does_not_show_is_said(text: str, prompt: Prompt, message: str) -> None:
    with pytest.raises(ModelError, match=message):
        chat_text(tokenizer_of(text), prompt)


def test_words_that_a_template_takes_out_are_no_turn_left_out() -> None:
    switch = "{{ m.content.replace('/no_think', '') }}"
    told = Prompt(messages=(Message("system", "/no_think"), *ASKED.messages))
    assert chat_text(tokenizer_of(template("", others=switch)), told) == "1 + 1?<bot>"


TODAY = "Today is {{ strftime_now('%d %B %Y') }}."


@pytest.mark.parametrize(
    ("text", "is_dated"),
    [
        (TODAY + PLAIN, True),
        ("{% if day is not defined %}" + TODAY + "{% endif %}" + PLAIN, True),
        ("{% if day is defined %}" + TODAY + "{% endif %}" + PLAIN, False),
        ("{% set now = strftime_now('%Y') %}" + PLAIN, False),
        (PLAIN, False),
        ("{{ raise_exception('No!') }}", False),
    ],
)
def test_whether_a_template_writes_the_date(text: str, is_dated: bool) -> None:
    assert writes_date(tokenizer_of(text), ASKED) is is_dated
    if "not defined" in text:
        assert not writes_date(tokenizer_of(text), replace(ASKED, chat_args=(("day", "1"),)))
