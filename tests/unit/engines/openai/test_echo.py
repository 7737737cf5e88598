"""Whether a server gives back what a message begins with."""

from __future__ import annotations

import pytest

from sormctl.engines.openai.echo import Echo

SENT = {
    "messages": [{"role": "assistant", "content": "2 + 2 = 4\n"}],
    "continue_final_message": True,
}


@pytest.mark.parametrize("empty", ["", " ", "2 + 2 = 4"])
def test_a_text_that_says_nothing_does_not_say_that_none_is_given_back(empty: str) -> None:
    echo = Echo()
    echo.removed(empty, SENT)
    assert echo.removed("2 + 2 = 4\n#### 4", SENT) == "#### 4"


def test_one_without_it_tells_that_the_others_repeat_it() -> None:
    echo = Echo()
    assert echo.removed("#### 4", SENT) == "#### 4"
    assert echo.removed("2 + 2 = 4\n#### 4", SENT) == "2 + 2 = 4\n#### 4"
