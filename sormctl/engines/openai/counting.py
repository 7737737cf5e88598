"""Whether a server reads a prompt as it was sent, by the tokens that it counts. Nothing waits."""

from __future__ import annotations

from typing import Any

from sormctl.records import Json

AS_SENT, LONGER, CUT = "as sent", "longer", "cut"
_AROUND = 2  # tokens that a server may put around a prompt by itself: where a text begins and ends
_PART_OF_TEXT = 0.01  # by so much two tokenizers of one family may part over a text


def length_of(sent: Json, tokenizer: Any) -> int | None:
    """The tokens of the prompt that was `sent`; None where a server lays out messages itself."""
    prompt = sent.get("prompt")
    if isinstance(prompt, list):
        return len(prompt)
    if prompt is None or tokenizer is None:
        return None
    return len(tokenizer(prompt)["input_ids"])


def room_for_counts(length: int, sent: Json) -> int:
    """By how many tokens a server that reads what was `sent` may count differently."""
    return _AROUND + (0 if isinstance(sent.get("prompt"), list) else int(length * _PART_OF_TEXT))


class PromptCounts:
    """How a server reads prompts, as far as it has shown.

    Some count only what is not in their cache. They are told from those that cut a prompt: none
    cuts one that is shorter than another that it has read, or to less than half of that.
    """

    def __init__(self) -> None:
        self._most = 0  # tokens of the longest prompt that was read
        self._lays_out = False
        self._leaves_out_cached = False

    def judge(self, counted: int, cached: int, length: int, room: int, n: int = 1) -> str:
        """`AS_SENT`, `LONGER` or `CUT`: how a prompt of `length` tokens was read.

        The server has `counted` so many, 0 where it does not tell, and `cached` of them; `n`
        completions were asked for. Numbers that part by no more than `room` are the same.
        """
        if any(abs(number - length) <= room for number in (counted, counted + cached, counted / n)):
            self._most = max(self._most, length)
            return AS_SENT
        if counted > length:
            self._lays_out = True
            self._most = max(self._most, length)
            return LONGER
        is_old = length <= self._most or counted <= max(_AROUND, self._most / 2)
        self._leaves_out_cached |= counted > 0 and is_old
        if counted and not self._leaves_out_cached:
            return CUT
        return LONGER if self._lays_out else AS_SENT
