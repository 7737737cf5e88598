"""How a story is told: names, things, wordings, order, and sentences that do not matter."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import Any

from sormctl.tasks.chain import world
from sormctl.tasks.chain.stories import Story, StoryEvent
from sormctl.tasks.chain.world import Person, Thing

Sentence = tuple[str, dict[str, Any]]  # a phrasing and the words that its fields need


@dataclass(frozen=True, slots=True)
class Cast:
    """Who and what a story is about; `other` is only added up or compared with."""

    hero: Person
    friend: Person
    other: Person
    thing: Thing
    decoy: Thing

    def words(self) -> dict[str, Any]:
        """The fields that every phrasing may use."""
        return {
            "name": self.hero.name,
            "their": self.hero.their,
            "friend": self.friend.name,
            "thing": self.thing.one,
            "things": self.thing.many,
            "other": self.decoy.one,
            "others": self.decoy.many,
        }


def tell(rng: Random, story: Story) -> str:
    """The question, in one of very many wordings of the story."""
    hero, friend, other = rng.sample(world.PEOPLE, 3)
    thing, decoy = rng.sample(world.THINGS, 2)
    cast = Cast(hero, friend, other, thing, decoy)
    told = story.events[:-1] if story.ending == "relation" else story.events
    body = [_event(rng, event) for event in told if event.verb is not None]
    for _ in range(rng.choices((0, 1, 2), (40, 40, 20))[0]):
        _insert(rng, body, (rng.choice(world.DISTRACTORS), {"n": rng.randint(2, 20)}))
    question = _end(rng, story, cast, body)
    first = (rng.choice(world.OPENINGS), {"n": story.start})
    return " ".join([*_sentences(rng, cast, [first, *body]), _filled(cast, question)])


def _event(rng: Random, event: StoryEvent) -> Sentence:
    assert event.verb is not None
    text = event.verb.text
    if rng.random() < 0.3:
        text = f"{rng.choice(world.CONNECTIVES)} {text}"
    return text, {"n": event.number, "m": event.packs, "packs": rng.choice(world.PACKS)}


def _end(rng: Random, story: Story, cast: Cast, body: list[Sentence]) -> Sentence:
    """The question; puts the sentence that it needs into `body`."""
    if story.ending == "count":
        return rng.choice(world.COUNT_QUESTIONS), {}
    words: dict[str, Any] = {"n": story.events[-1].number}
    if story.ending == "together":
        words["friend"] = cast.other.name
        _insert(rng, body, (rng.choice(world.OTHERS), words))
        return rng.choice(world.TOGETHER_QUESTIONS), words
    if story.ending == "relation":
        assert story.events[-1].verb is not None
        words["friend"] = cast.other.name
        body.append((story.events[-1].verb.text, words))
        return rng.choice(world.RELATION_QUESTIONS), words
    if story.ending == "price":
        body.insert(0 if rng.random() < 0.3 else len(body), (rng.choice(world.PRICES), words))
        return rng.choice(world.PRICE_QUESTIONS), {}
    sharing, question = rng.choice(world.SHARES)
    body.append((sharing, words))
    return question, {}


def _insert(rng: Random, body: list[Sentence], sentence: Sentence) -> None:
    body.insert(rng.randint(0, len(body)), sentence)


def _sentences(rng: Random, cast: Cast, sentences: list[Sentence]) -> list[str]:
    told = []
    known = False  # whether a pronoun can only mean the hero
    for text, words in sentences:
        hero = cast.hero
        who = hero.they if known and rng.random() < 0.6 else hero.name
        them = hero.them if known else hero.name
        filled = _filled(cast, (text, {"who": who, "them": them, **words}))
        told.append(f"{filled[0].upper()}{filled[1:]}.")
        known = "{who}" in text or "{name}" in text
    return told


def _filled(cast: Cast, sentence: Sentence) -> str:
    text, words = sentence
    return text.format(**{**cast.words(), **words})
