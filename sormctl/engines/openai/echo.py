"""Whether a server gives back the beginning of a message that it continues. Nothing here waits."""

from __future__ import annotations

from sormctl.engines.openai.dialect import continues
from sormctl.records import Json


class Echo:
    """What a server has shown: one that gives back the beginning does so every time.

    So one text without it tells that the others, which begin so, repeat it by their model's wish.
    """

    def __init__(self) -> None:
        self._is_none = False

    def removed(self, text: str, sent: Json) -> str:
        """A continued message without the beginning that the server has given back."""
        if not continues(sent):
            return text
        begun = sent["messages"][-1]["content"]
        self._is_none |= bool(text.strip()) and not text.startswith(begun.rstrip())
        return text if self._is_none else text.removeprefix(begun)
