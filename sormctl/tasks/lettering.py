"""Options of a choice problem: found in a row, shown in the question, named by a letter."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sormctl.errors import RecordError
from sormctl.tasks.answers.choices import LETTERS, letter_of, options_in
from sormctl.tasks.answers.kinds import short
from sormctl.tasks.fields import is_blank

TEXTS, LABELS = "text", "label"  # of an option, or lists of all
_MARK = re.compile(r"(?:^|(?<=[\s,;|]))\(?([A-Ra-r])\s*[).:\]]\s*(?=\S)")
_LETTER_BEYOND = re.compile(r"\W*[S-Zs-z]\W*")  # behind the last of LETTERS
_AROUND = " \t\n,;|"


@dataclass(frozen=True, slots=True)
class Options:
    """The options in their order. `labels` is what the row calls them: letters, unless it differs.

    `surely_text` is false where a table of texts may have made the text `2` of the number 2.
    """

    texts: tuple[str, ...]
    labels: tuple[str, ...]
    surely_text: bool = True
    are_numbers: bool = False

    def shown(self) -> str:
        """A line each: `(A) …`."""
        return "\n".join(f"({a}) {text}" for a, text in zip(LETTERS, self.texts, strict=False))


def options_of(value: Any) -> Options | None:
    """The options that the value of a field holds; None if these are not two or more.

    A list of texts, of objects or of numbers; an object of texts by label, or of two lists; or a
    text that writes down one of these, or has a letter in front of each option.
    """
    if isinstance(value, str):
        return _written(value)
    if isinstance(value, Mapping):
        return _of_object(value)
    if not isinstance(value, list):
        return None
    if all(isinstance(item, Mapping) for item in value):
        texts, labels = [item.get(TEXTS) for item in value], [item.get(LABELS) for item in value]
        return made(texts, labels)
    return made(value)


def holds_one(value: Any) -> bool:
    """Whether a value that should hold options holds a single one."""
    if isinstance(value, str):
        return value.lstrip().startswith(("[", "{")) and holds_one(_literal(value))
    if isinstance(value, Mapping):
        value = value[TEXTS] if TEXTS in value else [*value.values()]
    return isinstance(value, list) and sum(not is_blank(item) for item in value) == 1


def made(
    texts: Sequence[Any], labels: Sequence[Any] = (), *, surely_text: bool = True
) -> Options | None:
    """Options of these texts, without the letters that stand in front of all of them.

    Blank ones at the end fill them up to the length of other rows. RecordError for another one,
    which may have been the text `None`, or missed on the way.
    """
    while texts and is_blank(texts[-1]):
        texts, labels = texts[:-1], labels[: len(texts) - 1]
    if len(texts) < 2 or not all(is_blank(text) or _is_scalar(text) for text in texts):
        return None
    blank = next((i for i, text in enumerate(texts, 1) if is_blank(text)), None)
    if blank:
        raise RecordError(f"has no text for option {blank} of {len(texts)}; write one, or drop it")
    if len(texts) > len(LETTERS):
        raise RecordError(
            f"has {len(texts)} options; at most {len(LETTERS)} are read (A to {LETTERS[-1]})"
        )
    are_numbers = not any(isinstance(text, str) for text in texts)
    found = [" ".join(str(text).split()) for text in texts]
    bare = _without_letters(found)
    given = labels if len(labels) == len(texts) and all(map(_is_scalar, labels)) else LETTERS
    names = tuple(str(label).strip() for label in given[: len(found)])
    return Options(tuple(bare or found), names, surely_text, are_numbers)


def with_options(question: str, options: Options) -> str:
    """The question with its options, a line each, unless they stand there already."""
    squeezed = "".join(question.casefold().split())
    for letter, text in zip(LETTERS.casefold(), options.texts, strict=False):
        bare = "".join(text.casefold().split())
        if not any(f"{letter}{mark}{bare}" in squeezed for mark in ").:]"):
            return f"{question}\n{options.shown()}"
    return question


def options_standing_in(question: str) -> Options | None:
    """The lettered options of a question."""
    found = options_in(question)
    return made(list(found.values())) if found else None


def letter_for(value: Any, options: Options) -> str | None:
    """The letter of the option that an answer names; several as `A, C`; None if it names none.

    A number is an index, which counts from 0. Of a text, in this order: the label of an option, the
    text of one, a label in another case or in brackets, an index. RecordError where this is in
    doubt, and for a number that is none of these.
    """
    if isinstance(value, list) and value:
        letters = {letter_for(item, options) for item in value}
        return None if None in letters else ", ".join(sorted(filter(None, letters)))
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    text = " ".join(str(value).split())
    if not isinstance(value, str):
        return _of_number(value, text.removesuffix(".0"), options)
    by_text, by_index = _with_text(text, options), _index(text, options)
    if by_label := _label(text, options.labels):
        return _sure(text, by_label, by_text, options)
    if by_text:
        return _sure(text, by_text, by_index, options)
    bare = text.strip("()[]{}.: ").casefold()
    if by_label := _label(bare, [label.casefold() for label in options.labels]):
        return by_label
    if by_index and (other := _with_number(text, options)) not in (None, by_index):
        raise _in_doubt(text, str(other), by_index)
    return by_index


def checked(letters: str, options: Options) -> str:
    """Letters that stand for options that there are; RecordError for others."""
    if any(letter > _last(options) for letter in letters.split(", ")):
        raise RecordError(f"is {letters}, but the options end with {_last(options)}")
    return letters


def _last(options: Options) -> str:
    return LETTERS[len(options.texts) - 1]


def none_of(options: Options, text: str) -> str:
    """What is the matter with an answer that names none of the options."""
    count = len(options.texts)
    if not _LETTER_BEYOND.fullmatch(text):
        return f"is {short(text)}, which is none of the options"
    if count < len(LETTERS):
        return f"is {short(text)}, but the options end with {_last(options)}"
    return f"is {short(text)}; at most {count} options are read (A to {LETTERS[-1]})"


def _of_number(number: float, text: str, options: Options) -> str:
    by_label = _label(text, options.labels)
    by_index = _index(text, options)
    by_text = _with_text(text, options)
    if by_label:
        return by_label
    if by_index and by_text and by_index != by_text and options.are_numbers:
        raise _in_doubt(text, by_text, by_index)
    if not (by_index or by_text):
        count = len(options.texts)
        raise RecordError(f"is {text}, but the {count} options count from 0 to {count - 1}")
    return by_index or by_text or ""


def _sure(text: str, letter: str, other: str | None, options: Options) -> str:
    """The letter, unless digits that may be a number's name another option as well."""
    if text.isdecimal() and not options.surely_text and other not in (None, letter):
        raise _in_doubt(text, letter, str(other))
    return letter


def _in_doubt(text: str, one: str, other: str) -> RecordError:
    return RecordError(f"is {text}, which may be option {one} or {other}; write the letter instead")


def _index(text: str, options: Options) -> str | None:
    is_index = text.isdecimal() and len(text) < 3 and int(text) < len(options.texts)
    return LETTERS[int(text)] if is_index else None


def _with_text(text: str, options: Options) -> str | None:
    """The one option of this text, or else of one that differs in case or punctuation."""
    if options.texts.count(text) == 1:
        return _label(text, options.texts)
    return letter_of(text, options.texts)


def _with_number(text: str, options: Options) -> str | None:
    """The first option whose digits are these: `2 kg` for 2."""
    digits = ("".join(filter(str.isdecimal, option)) for option in options.texts)
    return next((a for a, found in zip(LETTERS, digits, strict=False) if found == text), None)


def _label(text: str, labels: Sequence[str]) -> str | None:
    return LETTERS[labels.index(text)] if text in labels else None


def _of_object(value: Mapping[str, Any]) -> Options | None:
    texts, labels = value.get(TEXTS), value.get(LABELS)
    if isinstance(texts, list):
        return made(texts, labels if isinstance(labels, list) else ())
    names = sorted(value) if all(len(name) == 1 for name in value) else [*value]
    return made([value[name] for name in names], names)


def _written(text: str) -> Options | None:
    """Options of a text: a list as Python or JSON write it, or a letter before each."""
    if text.lstrip().startswith(("[", "{")):
        found = options_of(_literal(text))
        return found and Options(found.texts, found.labels, False, found.are_numbers)
    marks = list(_in_order(_MARK.finditer(text)))
    if len(marks) > 1:
        ends = [mark.start() for mark in marks[1:]] + [len(text)]
        pairs = zip(marks, ends, strict=True)
        return made([text[mark.end() : end].strip(_AROUND) for mark, end in pairs])
    lines = [line.strip() for line in text.split("\n") if line.strip()]
    return made(lines, surely_text=False)


def _literal(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        pass
    try:
        return ast.literal_eval(text.strip())
    except (ValueError, SyntaxError, RecursionError, MemoryError):
        return None


def _in_order(marks: Iterable[re.Match[str]]) -> Iterable[re.Match[str]]:
    """The marks A, B, C … without others."""
    count = 0
    for mark in marks:
        if mark[1].upper() == LETTERS[count : count + 1]:
            count += 1
            yield mark


def _without_letters(texts: Sequence[str]) -> list[str] | None:
    """The texts behind `A)`, `(B)` … if each begins with its own letter."""
    marks = [_MARK.match(text) for text in texts]
    if all(mark and mark[1].upper() == a for mark, a in zip(marks, LETTERS, strict=False)):
        return [text[mark.end() :] for text, mark in zip(texts, marks, strict=True) if mark]
    return None


def _is_scalar(value: Any) -> bool:
    return isinstance(value, str | int | float) and not is_blank(value)
