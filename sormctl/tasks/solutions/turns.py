"""Where a chat model's turn ends, in texts that have kept the tokens that say so."""

from __future__ import annotations

import re

# what ends, by the names that models give it: <|im_end|>, <|eot_id|>, <|return|>, <|END_RESPONSE|>
_NAME = (
    r"(?:im_end|eo[stm](?:_id)?|return"
    r"|end(?:[_▁]?of)?(?:[_▁]?(?:text|turn|sentence|message|response|utterance)(?:_token)?)?)"
)
_END = re.compile(
    rf"<[|\uff5c]{_NAME}[|\uff5c]>|\[\|{_NAME}\|\]|<turn\|>|<(?:end_of_(?:turn|utterance)|(?:\w+:)?eos)>"
    r"|</s>(?=\s*(?:$|\n|<))",
    re.IGNORECASE,
)

# words that are struck out, up to their `</s>`: on one line, and behind a word of it
_STRUCK = re.compile(r"[^\s>\]][^\S\n]*<s>(?:(?!</s>)[^\n])*\Z", re.IGNORECASE)
_WORDS = 300  # characters before a `</s>` that are looked at

# what a template may write behind a solution that no text would end in: `</assistant>`, `[e~[`
_MARK = re.compile(r"<[^<>\s]+>|\[[^\[\]\s]+[\[\]]")


def before_end(text: str, *, has_spoken: bool = False) -> str | None:
    """The text up to the end of its turn; None if it does not reach it.

    What stands before everything else ends nothing, unless the model `has_spoken` by then. Nor
    does the `</s>` of words that are struck out.
    """
    for found in _END.finditer(text):
        start = found.start()
        if found.group().lower() == "</s>" and _STRUCK.search(text, max(0, start - _WORDS), start):
            continue
        if before := text[:start].rstrip():
            return before
        if has_spoken:
            return ""
    return None


def without_end(text: str, end: str) -> str:
    """A text without the end of its turn, as far as that is written.

    `end` is what the model's template writes behind a solution. It counts from its first mark on,
    and where it begins with none, not at all.
    """
    end, written = end.strip(), text.rstrip()
    if (first := _MARK.match(end)) and not _END.match(end):  # `before_end` knows that one
        for size in range(len(end), first.end() - 1, -1):
            if written.endswith(end[:size]):
                return written[:-size].rstrip()
    return text
