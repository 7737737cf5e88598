"""Adapters are found by name, by file, and by architecture where that is certain."""

from pathlib import Path

import pytest

from sormctl.adapters.adapter import OWN
from sormctl.adapters.registry import adapter_identity, built_in, find_adapter, load_adapter
from sormctl.errors import UsageError
from sormctl.reranking import AGGREGATIONS

OF_ONE = {"id2label": {"0": "LABEL_0"}}
MINE = """
about = "mine"
[text]
style = "text"
step = "{step}{cut}\\n{read}{cut}"
[head]
kind = "classes"
"""


@pytest.mark.parametrize("name", built_in())
def test_what_is_built_in(name: str) -> None:
    adapter = built_in()[name]
    assert load_adapter(name, "model") == adapter
    assert adapter.name == name
    assert adapter.about
    assert adapter.aggregation in AGGREGATIONS
    assert (adapter.text is None) == (adapter is OWN)
    assert adapter.judges_whole == (adapter.head.kind == "sequence")


@pytest.mark.parametrize(
    ("config", "name"),
    [
        ({"architectures": ["Qwen2ForProcessRewardModel"]}, "qwen2.5-math-prm"),
        ({"architectures": ["GemmaForSequenceClassification"], **OF_ONE}, "sequence"),
        ({"architectures": ["GemmaForSequenceClassification"], "num_labels": 1}, "sequence"),
        ({"architectures": ["GemmaForSequenceClassification"]}, None),  # two labels, unless it says
        ({"architectures": ["Qwen2ForTokenClassification"]}, None),
        ({"architectures": ["MistralForCausalLM"]}, None),
        ({"architectures": None}, None),
        ({}, None),
    ],
)
def test_families(config: dict[str, object], name: str | None) -> None:
    found = find_adapter(config)
    assert (found and found.name) == name


def test_a_file_is_an_adapter(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(MINE)
    adapter = load_adapter(str(path), "model")
    assert adapter is not None
    assert (adapter.name, adapter.about, adapter.vllm) == ("mine", "mine", False)
    assert adapter_identity(adapter) != adapter_identity(OWN)
    assert adapter_identity(None) == {}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "no file `"),
        ("about = ", "no adapter: Invalid value"),
        ("about = 'mine'", "no adapter: Object missing required field `head`"),
        (MINE + "colour = 1", "unknown field `colour` - at `$.head`"),
        (MINE.replace('"classes"', '"none"'), "Invalid enum value 'none' - at `$.head.kind`"),
        ("threshold = 7\n" + MINE, "Expected `float` <= 1.0 - at `$.threshold`"),
    ],
)
def test_what_is_none(tmp_path: Path, text: str | None, message: str) -> None:
    path = tmp_path / "mine.toml"
    if text is not None:
        path.write_text(text)
    with pytest.raises(UsageError) as error:
        load_adapter(str(path), "model")
    assert str(path) in str(error.value)
    assert message in str(error.value)


def test_a_name_that_is_none_is_told_the_names() -> None:
    with pytest.raises(UsageError, match=r"no adapter .* `quen`; .*, or one of sormctl, "):
        load_adapter("quen", "model")


def test_an_adapter_is_for_a_model() -> None:
    assert load_adapter(None, None) is None
    with pytest.raises(UsageError, match="--orm-adapter says how --orm is read; give --orm MODEL"):
        load_adapter("trl", None, "--orm")
