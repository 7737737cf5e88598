import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sormctl.engines.encoding import encode_steps, load_tokenizer, p_correct, prompt_ids, step_ids
from sormctl.errors import ModelError, UsageError, first_line
from sormctl.models import prompt_style, resolve_model
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
    newline = step_ids(TOKENIZER, [""])[0][-1]
    assert [ids[position] for position in positions] == [newline] * len(steps)
    assert positions[-1:] == ([len(ids) - 1] if steps else [])


def test_a_chat_prompt_is_the_rendered_template_then_the_steps() -> None:
    tokenizer = byte_tokenizer()
    tokenizer.chat_template = TEMPLATE
    prompt = Prompt(messages=(Message("user", "1 + 1?"),), steps=("1 + 1 = 2",))
    assert tokenizer.decode(prompt_ids(tokenizer, prompt)) == (
        "<user>1 + 1?\n<assistant>1 + 1 = 2\n"
    )


def test_a_chat_prompt_needs_a_template() -> None:
    with pytest.raises(ModelError, match="--prompt plain"):
        prompt_ids(TOKENIZER, Prompt(messages=(Message("user", "?"),)))


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
        (None, None, "plain"),
        (None, TEMPLATE, "chat"),
        ({"prompt": "plain"}, TEMPLATE, "plain"),
        ({"prompt": "one-shot"}, None, "one-shot"),
        ({"kind": "student"}, TEMPLATE, "chat"),
    ],
)
def test_auto_asks_the_model_folder(
    tmp_path: Path, settings: dict[str, Any] | None, template: str | None, expected: str
) -> None:
    folder = model_folder(tmp_path, settings, template)
    assert prompt_style(folder, "auto") == expected
    assert prompt_style(folder, "one-shot") == "one-shot"


def test_an_unknown_style_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="auto or one of plain, chat, one-shot"):
        prompt_style(str(tmp_path), "poem")


def test_a_hosted_model_may_be_called_anything() -> None:
    for name in ("accounts/x/models/y", "llama3:8b"):
        assert resolve_model(name, is_hosted=True) == name
        with pytest.raises(ModelError, match="no such model folder"):
            resolve_model(name)


def test_settings_that_are_no_json_are_named(tmp_path: Path) -> None:
    folder = model_folder(tmp_path, {}, None)
    (tmp_path / "sormctl.json").write_text("{")
    with pytest.raises(ModelError, match=r"sormctl\.json: not JSON"):
        prompt_style(folder, "auto")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("./nowhere", "no such model folder"),
        ("/no/such/place", "no such model folder"),
        ("embedded:teacher", "there are embedded:student"),
    ],
)
def test_what_names_no_model_is_refused(name: str, message: str) -> None:
    with pytest.raises(ModelError, match=message):
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
    folder = model_folder(tmp_path, None, None)
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
