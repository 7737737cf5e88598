"""Every prompt of every task, in every style: a model is used on the text it was trained on."""

from __future__ import annotations

import pytest

from sormctl.asking import STYLES, default_asking
from sormctl.prompts import Prompt
from sormctl.tasks.prompts import draft_prompt, refine_prompt
from sormctl.tasks.registry import get_task
from tests.golden.compare import check

QUESTION = "Tom has 3 bags of 4 apples and eats 2. How many are left?"
DRAFT = ("3 * 4 = 12", "12 + 2 = 14", "#### 14")


def shown(prompt: Prompt) -> str:
    turns = "".join(f"<{turn.role}>\n{turn.content}\n" for turn in prompt.messages)
    return f"{prompt.text}{turns}<end>\n"


@pytest.mark.parametrize("task", ["gsm8k", "svamp", "numeric", "math", "exact", "choice"])
def test_drafts(task: str) -> None:
    text = "".join(
        f"===== {style}\n{shown(draft_prompt(get_task(task), QUESTION, default_asking(style)))}"
        for style in STYLES
    )
    check(f"prompts/draft-{task}.txt", text)


@pytest.mark.parametrize(("mode", "error"), [("global", None), ("local", 1)])
def test_refinements(mode: str, error: int | None) -> None:
    task = get_task("gsm8k")
    text = "".join(
        f"===== {style}\n{shown(refine_prompt(task, QUESTION, DRAFT, error, asking))}"
        for style, asking in zip(STYLES, map(default_asking, STYLES), strict=True)
    )
    check(f"prompts/refine-{mode}.txt", text)
