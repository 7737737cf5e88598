"""Where a turn ends, whichever model wrote it."""

from __future__ import annotations

import pytest

from sormctl.tasks.solutions.turns import before_end, without_end

ENDS = (
    "<|im_end|>",
    "<|eot_id|>",
    "<|eom_id|>",
    "<|eot|>",
    "<|endoftext|>",
    "<|end_of_text|>",
    "<|end|>",
    "<|return|>",
    "<|END_RESPONSE|>",
    "<|END_OF_TURN_TOKEN|>",
    "<\uff5cend\u2581of\u2581sentence\uff5c>",
    "<turn|>",
    "<end_of_turn>",
    "<end_of_utterance>",
    "<eos>",
    "<seed:eos>",
    "</s>",
    "[|endofturn|]",
)
ORDINARY = (
    "If |x|<|y| and |y|<|x+1|>2, then",
    "the set {x | x<|a|end|>",
    "<|begin_of_box|>7<|end_of_box|> is it",
    "a <response>7</response>",
    "f<|channel|>g",
    "the <s>old</s> price",
    "the price is <s>5</s><b>7</b>",
    "<p>not <S>5</S>\nnor <s>6</s>\nbut</p> 7",
    "(-1, end) <end> [end] return",
)


@pytest.mark.parametrize("end", ENDS)
def test_an_end_is_known_by_its_form(end: str) -> None:
    assert before_end(f"It is 7. {end}\n<|im_start|>user\nAnd 8?") == "It is 7."
    assert before_end(f"It is 7.{end}") == "It is 7."
    assert before_end(f"{end}It is 7.") is None
    assert before_end(end, has_spoken=True) == ""


@pytest.mark.parametrize("text", ORDINARY)
def test_ordinary_text_ends_nothing(text: str) -> None:
    assert before_end(text) is None


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("not <s>5</s>\n7</s>\n<s>[INST] And 8?", "not <s>5</s>\n7"),
        ("It is 7.</s><s>[INST] And 8?", "It is 7."),
        ("<s>It is 7.</s>\nAnd 8?", "<s>It is 7."),
        ("It is <s>\n7</s>\nUser: And 8?", "It is <s>\n7"),
        ("<think>a</think>\n<s>7</s>\n<s>[INST] And 8?", "<think>a</think>\n<s>7"),
        ("not <s>5</s> but 7</s>\nAnd 8?", "not <s>5</s> but 7"),
    ],
)
def test_words_that_are_struck_out_do_not_end_a_turn_and_tokens_do(text: str, said: str) -> None:
    assert before_end(text) == said
    assert before_end("<s>5</s>\n7", has_spoken=True) == "<s>5"


CLOSING = "<|close|>answer<|sep|><|close|>turn<|sep|><|over|>"


@pytest.mark.parametrize(
    ("written", "end"),
    [
        (CLOSING, CLOSING),
        ("<|close|>answer<|sep|>", CLOSING),
        ("<|close|>ans", CLOSING),  # the limit of tokens was met
        ("<|close|>answer<|sep|>\n", CLOSING),
        ("\n</assistant>", "\n</assistant>\n"),
        ("[e~[", "[e~[\n"),
    ],
)
def test_an_end_that_a_template_writes_is_cut_off(written: str, end: str) -> None:
    assert without_end(f"It is 7.{written}", end) == "It is 7."


@pytest.mark.parametrize(
    ("text", "end"),
    [
        ("It is 7. ", CLOSING),
        ("It is <", CLOSING),
        ("f<|close|>answer<|sep|> is 7", CLOSING),
        ("It is 7.\n\n", "\n\n"),
        ("It is 7. Question", "\n\nQuestion"),
        ("It is [0, 1]", "[0, 1] <end>"),
    ],
)
def test_nothing_else_is_cut_off(text: str, end: str) -> None:
    assert without_end(text, end) == text
