from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import normalizers, processors

from sormctl.engines.encoding import encode_steps, load_tokenizer, p_correct, prompt_ids, step_ids
from sormctl.errors import ModelError, UsageError, first_line
from sormctl.models import resolve_model
from sormctl.prompts import Message, Prompt
from tests.invariance.families import byte_tokenizer

TEMPLATE = (
    "{% for m in messages %}<{{ m.role }}>{{ m.content }}\n{% endfor %}"
    "{% if add_generation_prompt %}<assistant>{% endif %}"
)
TOKENIZER = byte_tokenizer()
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
STEPS = st.lists(TEXTS, max_size=5)


@given(TEXTS, STEPS)
def test_the_ids_of_a_prefix_begin_those_of_a_longer_one(text: str, steps: list[str]) -> None:
    whole = prompt_ids(TOKENIZER, Prompt(text=text, steps=tuple(steps)))
    for end in range(len(steps)):
        prefix = prompt_ids(TOKENIZER, Prompt(text=text, steps=tuple(steps[:end])))
        assert whole[: len(prefix)] == prefix


@given(TEXTS, STEPS, STEPS)
def test_positions_are_those_of_the_last_token_of_each_step(
    text: str, given_steps: list[str], steps: list[str]
) -> None:
    prompt = Prompt(text=text, steps=tuple(given_steps))
    ids, positions = encode_steps(TOKENIZER, prompt, steps)
    assert ids == prompt_ids(TOKENIZER, Prompt(text=text, steps=(*given_steps, *steps)))
    newline = step_ids(TOKENIZER, prompt, [""])[0][-1]
    assert [ids[position] for position in positions] == [newline] * len(steps)
    assert positions[-1:] == ([len(ids) - 1] if steps else [])


def test_nothing_ends_a_prompt_that_is_gone_on_with() -> None:
    tokenizer = byte_tokenizer()
    eos = tokenizer.eos_token_id
    parts = {"single": "<eos> $A <eos>", "pair": "<eos> $A $B <eos>"}  # `add_eos_token`
    tokenizer.backend_tokenizer.post_processor = processors.TemplateProcessing(
        **parts, special_tokens=[("<eos>", eos)]
    )
    plain = prompt_ids(TOKENIZER, Prompt(text="1 + 1?", steps=("2",)))
    assert tokenizer("1 + 1?")["input_ids"][-1] == eos
    assert prompt_ids(tokenizer, Prompt(text="1 + 1?", steps=("2",))) == [eos, *plain]


def test_a_chat_prompt_is_the_rendered_template_then_the_steps() -> None:
    tokenizer = byte_tokenizer()
    tokenizer.chat_template = TEMPLATE
    prompt = Prompt(messages=(Message("user", "1 + 1?"),), steps=("1 + 1 = 2",))
    assert tokenizer.decode(prompt_ids(tokenizer, prompt)) == (
        "<user>1 + 1?\n<assistant>1 + 1 = 2\n"
    )


@pytest.mark.parametrize(
    ("prompt", "expected"),
    [
        (Prompt(), "<think>\n"),  # it may think
        (Prompt(steps=("a",)), "<think>\n</think>\n\na\n"),
        (Prompt(thought="hm"), "<think>\nhm</think>\n\n"),
        (Prompt(thought="hm", steps=("a",)), "<think>\nhm</think>\n\na\n"),
        (Prompt(thinks=False), "<think>\n</think>\n\n"),  # it was trained on steps alone
    ],
)
def test_a_thought_that_the_template_begins_is_closed(prompt: Prompt, expected: str) -> None:
    tokenizer = byte_tokenizer()
    tokenizer.chat_template = TEMPLATE + "{{ '<think>\\n' }}"
    asked = replace(prompt, messages=(Message("user", "?"),))
    assert tokenizer.decode(prompt_ids(tokenizer, asked)) == f"<user>?\n<assistant>{expected}"
    ids, _ = encode_steps(tokenizer, replace(asked, steps=()), ["b"])
    assert tokenizer.decode(ids).endswith("</think>\n\nb\n")


def test_a_thought_stands_in_its_tags_where_none_is_begun() -> None:
    prompt = Prompt(text="?", thought="hm", think=("[T]", "[/T]"), steps=("a",))
    assert TOKENIZER.decode(prompt_ids(TOKENIZER, prompt)) == "?[T]hm[/T]\n\na\n"


def test_arguments_reach_the_template() -> None:
    tokenizer = byte_tokenizer()
    tokenizer.chat_template = "{{ messages[0].content }}{{ mode is false }}{{ words[1] }}"
    prompt = Prompt(
        messages=(Message("user", "?"),), chat_args=(("mode", "false"), ("words", '["a", "b"]'))
    )
    assert tokenizer.decode(prompt_ids(tokenizer, prompt)) == "?Trueb"


def test_what_a_template_refuses_is_said() -> None:
    tokenizer = byte_tokenizer()
    tokenizer.chat_template = "{{ raise_exception('no system role') }}"
    with pytest.raises(ModelError, match="template refuses the prompt: no system role"):
        prompt_ids(tokenizer, Prompt(messages=(Message("system", "?"),)))


def test_steps_may_be_parted_by_more_than_a_line_end() -> None:
    prompt = Prompt(text="?", steps=("a",), between="\n\n")
    ids, positions = encode_steps(TOKENIZER, prompt, ["b", "c"])
    assert TOKENIZER.decode(ids) == "?a\n\nb\n\nc\n\n"
    assert positions[-1] == len(ids) - 1


def test_no_prefix_ends_with_the_spaces_before_the_next_step() -> None:
    """To most tokenizers they are a part of the word that follows."""
    prompt = Prompt(text="?", steps=("One.", "- two", "Three."), separators=("\n  ", " ", " \t"))
    assert prompt.written == ("One.\n", "  - two", " Three.")
    for length in range(4):
        steps, separators = prompt.steps[:length], prompt.separators[:length]
        prefix = replace(prompt, steps=steps, separators=separators)
        assert prefix.written == prompt.written[:length]


@pytest.mark.parametrize("head", ["Answer:", "Answer:\n"])
def test_only_what_begins_a_text_gets_the_space_that_a_tokenizer_begins_texts_with(
    head: str,
) -> None:
    """As Llama 2's does."""
    tokenizer = byte_tokenizer()
    tokenizer.backend_tokenizer.normalizer = normalizers.Prepend(" ")
    steps = ("One.", "Two.", "Three.")
    prompt = Prompt(text=head, steps=steps, separators=("\n", " ", "\n"))
    begun = " " if head == "Answer:" else ""
    assert tokenizer.decode(prompt_ids(tokenizer, prompt)) == (f" {head}{begun}One.\nTwo. Three.\n")
    for first in (0, 1):
        asked = Prompt(text=head, steps=steps[:first])
        assert encode_steps(tokenizer, asked, steps[first:])[0] == prompt_ids(
            tokenizer, replace(asked, steps=steps)
        )


def test_a_chat_prompt_needs_a_template() -> None:
    with pytest.raises(ModelError, match="--prompt plain"):
        prompt_ids(TOKENIZER, Prompt(messages=(Message("user", "?"),)))


def test_a_hosted_model_may_be_called_anything() -> None:
    for name in ("accounts/x/models/y", "llama3:8b"):
        assert resolve_model(name, is_hosted=True) == name
        with pytest.raises(UsageError, match=f"no model `{name}`"):
            resolve_model(name)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("./nowhere", "no model `./nowhere`; give a folder, or a name of the hub"),
        ("/no/such/place", "no model `/no/such/place`; give a"),
        ("embedded:teacher", "no model `embedded:teacher`; .*known: embedded:student, "),
    ],
)
def test_what_names_no_model_is_refused(name: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        resolve_model(name)


def test_a_folder_without_config_and_a_file_are_no_models(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"no config\.json"):
        resolve_model(str(tmp_path))
    file = tmp_path / "model.safetensors"
    file.touch()
    with pytest.raises(ModelError, match="a file, not a model folder"):
        resolve_model(str(file))


def test_the_line_of_an_error_says_something() -> None:
    """Not only that a list follows."""
    assert first_line(ValueError("no tokenizer of: \n(1) a file\n(2) more")) == (
        "no tokenizer of: (1) a file"
    )
    assert first_line(ValueError("one\ntwo")) == "one"
    assert first_line(ValueError("")) == "ValueError"


def test_an_adapter_alone_is_no_model(tmp_path: Path) -> None:
    (tmp_path / "adapter_config.json").write_text("{}")
    with pytest.raises(ModelError, match="an adapter of peft; train it without --no-merge-lora"):
        resolve_model(str(tmp_path))


def test_folders_and_hub_names_resolve(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    folder = str(tmp_path)
    assert resolve_model(folder) == folder
    assert resolve_model("HuggingFaceTB/SmolLM2-135M") == "HuggingFaceTB/SmolLM2-135M"


def test_a_folder_without_tokenizer_says_so(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"model_type": "llama"}')
    with pytest.raises(ModelError, match="cannot load its tokenizer"):
        load_tokenizer(str(tmp_path))


def test_the_probabilities_of_what_is_not_wrong_add_up_to_1_at_most() -> None:
    torch = pytest.importorskip("torch")
    rounded_up = torch.tensor([[0.0, 0.5, 0.50001], [0.75, 0.125, 0.125]])
    assert p_correct(rounded_up).tolist() == [1.0, 0.25]
