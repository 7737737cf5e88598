"""The words of the embedded benchmarks: the tokens of their prompts, questions and solutions."""

from __future__ import annotations

import re
from collections.abc import Iterator

from sormctl.tasks.chain import world
from sormctl.tasks.chain.stories import Level
from sormctl.tasks.prompts import BAD

# a text is cut into these, spaces dropped: a word, a digit, a newline or a sign is one token
PIECE = r"\[BAD\]|####|[A-Za-z]+|[0-9]|\n|[^\sA-Za-z0-9]"
SIGNS = (BAD, "####", "\n", *"0123456789", *"+-*/=", *".?:")
PROMPT = ("Question", "Answer", "Draft", "Refinement")


def vocabulary(level: Level) -> list[str]:
    """All tokens, in an order that depends on nothing but the language itself."""
    words = {word for phrase in _phrases(level) for word in _words(phrase)}
    return [*SIGNS, *PROMPT, *sorted(words - set(SIGNS) - set(PROMPT))]


def _phrases(level: Level) -> Iterator[str]:
    for person in world.PEOPLE:
        yield from (person.name, person.they, person.them, person.their)
    for thing in world.THINGS:
        yield from (thing.one, thing.many)
    for group in level.groups:
        yield from (verb.text for verb in group)
    for sentences in world.SHARES:
        yield from sentences
    yield from world.PACKS
    yield from world.CONNECTIVES
    yield from (*world.OPENINGS, *world.OTHERS, *world.DISTRACTORS, *world.PRICES)
    yield from (*world.PRICE_QUESTIONS, *world.COUNT_QUESTIONS, *world.TOGETHER_QUESTIONS)
    if "relation" in level.endings:
        yield from (verb.text for verb in world.RELATIONS)
        yield from world.RELATION_QUESTIONS


def _words(phrase: str) -> list[str]:
    """The words of a phrase, and the first one as it begins a sentence."""
    words = re.findall(PIECE, re.sub(r"{\w+}", " ", phrase))
    return [*words, phrase.split()[0].capitalize()] if phrase[0] != "{" else words
