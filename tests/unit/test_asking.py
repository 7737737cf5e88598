"""What the user says of how a model is asked, and what its folder says."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from msgspec import convert, to_builtins

from sormctl.asking import (
    NOTHING_SAID,
    Asking,
    AskingSettings,
    WorkedExample,
    default_asking,
    parse_chat_args,
    parse_think,
)
from sormctl.errors import ModelError, UsageError
from sormctl.model_options import AskingOptions
from sormctl.models import settle_asking
from tests.invariance.families import byte_tokenizer

TEMPLATE = "{% for m in messages %}<{{ m.role }}>{{ m.content }}\n{% endfor %}<assistant>"
TRAINED = Asking("chat", system="Be short.", chat_args=(("a", "1"),), steps="lines").taught()


def model_folder(folder: Path, settings: dict[str, Any] | None, template: str | None) -> str:
    tokenizer = byte_tokenizer()
    tokenizer.chat_template = template
    tokenizer.save_pretrained(folder)
    (folder / "config.json").write_text("{}")
    if settings is not None:
        (folder / "sormctl.json").write_text(json.dumps(settings))
    return str(folder)


@pytest.mark.parametrize(
    ("settings", "template", "expected"),
    [
        (None, None, Asking("plain", invents=True)),
        (None, TEMPLATE, Asking("chat", steps="blocks")),
        ({"kind": "student"}, TEMPLATE, Asking("chat", steps="blocks")),
        ({"prompt": "plain"}, TEMPLATE, Asking("plain").taught()),
        ({"prompt": "one-shot"}, None, Asking("one-shot", examples=1).taught()),
        ({"prompt": "chat", "asking": to_builtins(TRAINED)}, TEMPLATE, TRAINED),
    ],
)
def test_auto_asks_the_model_folder(
    tmp_path: Path, settings: dict[str, Any] | None, template: str | None, expected: Asking
) -> None:
    folder = model_folder(tmp_path, settings, template)
    assert settle_asking(folder, NOTHING_SAID) == expected
    one_shot = settle_asking(folder, AskingSettings("one-shot"))
    assert (one_shot.style, one_shot.examples) == ("one-shot", 1)


def test_a_chat_model_of_an_earlier_release_is_asked_in_its_words(tmp_path: Path) -> None:
    folder = model_folder(tmp_path, {"prompt": "chat"}, TEMPLATE)
    asking = settle_asking(folder, NOTHING_SAID)
    assert (asking.style, asking.steps) == ("chat", None)
    assert (asking.instruction or "").endswith("holds only #### and the final answer.")


def test_what_the_user_says_comes_before_what_the_model_learnt(tmp_path: Path) -> None:
    folder = model_folder(tmp_path, {"prompt": "chat", "asking": to_builtins(TRAINED)}, TEMPLATE)
    said = AskingSettings(instruction="Think.", steps="blocks")
    asking = settle_asking(folder, said)
    assert (asking.instruction, asking.steps, asking.system) == ("Think.", "blocks", "Be short.")
    plain = settle_asking(folder, AskingSettings("plain"))
    assert plain == default_asking("plain")


def test_the_hub_is_not_asked_where_the_style_is_given() -> None:
    assert settle_asking("no/such-model", AskingSettings("chat")) == default_asking("chat")


def test_an_unknown_style_is_refused() -> None:
    with pytest.raises(UsageError, match="known: auto, plain, chat, one-shot"):
        AskingSettings("poem")


@pytest.mark.parametrize(
    ("text", "message"), [("{", "not JSON"), ('{"asking": {"style": 1}}', "`asking`")]
)
def test_settings_that_cannot_be_read_are_named(tmp_path: Path, text: str, message: str) -> None:
    folder = model_folder(tmp_path, {}, None)
    (tmp_path / "sormctl.json").write_text(text)
    with pytest.raises(ModelError, match=rf"sormctl\.json: {message}"):
        settle_asking(folder, NOTHING_SAID)


def test_asking_survives_json() -> None:
    asking = Asking("chat", examples=(WorkedExample("1 + 1?", "2"),), chat_args=(("a", "1"),))
    assert convert(json.loads(json.dumps(to_builtins(asking))), Asking) == asking
    counted = Asking("one-shot", examples=3, think=("<a>", "</a>"))
    assert convert(to_builtins(counted), Asking) == counted


def test_arguments_of_the_chat_template() -> None:
    found = parse_chat_args(["b=high", "a=false", "c=[1, 2]", "b=low"])
    assert found == (("a", "false"), ("b", '"low"'), ("c", "[1, 2]"))
    for wrong in ("a", "=1", "a b=1"):
        with pytest.raises(UsageError, match="must be NAME=VALUE"):
            parse_chat_args([wrong])


def test_tags_of_a_thought() -> None:
    assert parse_think("[THINK],[/THINK]") == ("[THINK]", "[/THINK]")
    for wrong in ("<think>", ",", "a,"):
        with pytest.raises(UsageError, match="must be START,END"):
            parse_think(wrong)


def test_texts_and_examples_come_from_files_too(tmp_path: Path) -> None:
    (tmp_path / "system").write_text("Be\nshort.\n")
    row = {"question": "1 + 1?", "solution": ["1 + 1 = 2", "#### 2"]}
    (tmp_path / "shots.jsonl").write_text(json.dumps(row) + "\n")
    typed = AskingOptions(
        system=f"@{tmp_path / 'system'}", examples=str(tmp_path / "shots.jsonl"), think="<a>,</a>"
    )
    said = typed.settings()
    assert said.system == "Be\nshort."
    assert said.examples == (WorkedExample("1 + 1?", "1 + 1 = 2\n#### 2"),)
    assert said.identity() == {
        "prompt": "auto",
        "system": "Be\nshort.",
        "examples": said.examples,
        "think": ("<a>", "</a>"),
    }
    assert AskingOptions(examples="3").settings().examples == 3


@pytest.mark.parametrize(
    ("typed", "message"),
    [
        (AskingOptions(system="@nowhere"), "no file `nowhere`"),
        (AskingOptions(examples="nowhere"), r"no number and no file \(--examples\) `nowhere`"),
        (AskingOptions(steps="words"), r"no way to cut steps \(--steps\) `words`; known: lines"),
    ],
)
def test_what_cannot_be_read_is_named(typed: AskingOptions, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        typed.settings()


def test_an_example_has_its_options_and_its_answer(tmp_path: Path) -> None:
    rows = [
        {"question": "1 + 6?", "solution": "One more than 6.", "answer": 7},
        {"question": "Which?", "choices": ["a", "b"], "solution": "So it is b.", "answer": "B"},
    ]
    path = tmp_path / "shots.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    found = AskingOptions(examples=str(path)).settings().examples
    assert found == (
        WorkedExample("1 + 6?", "One more than 6.", "7"),
        WorkedExample("Which?\n(A) a\n(B) b", "So it is b.", "B"),
    )
    path.write_text("")
    with pytest.raises(UsageError, match="holds no row"):
        AskingOptions(examples=str(path)).settings()


def test_arguments_of_the_template_are_added_to_those_of_training() -> None:
    said = AskingSettings(chat_args=(("b", "2"),))
    assert said.over(TRAINED).chat_args == (("a", "1"), ("b", "2"))
