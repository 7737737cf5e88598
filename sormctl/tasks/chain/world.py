"""The people, things and phrasings that the stories of the embedded benchmarks are told with."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Person:
    """Someone a story is about, with the pronouns that stand for them."""

    name: str
    they: str
    them: str
    their: str


@dataclass(frozen=True, slots=True)
class Thing:
    """What is counted."""

    one: str
    many: str


@dataclass(frozen=True, slots=True)
class Verb:
    """A phrasing of one event: what it says, and what it does to the number of things.

    `text` has fields for the words of `Cast.words`, for `{who}`, `{them}` and `{n}`; with `{m}` the
    event is about `m` packs of `n`.
    `number` is fixed where the words say it (`doubles`), else None.
    """

    text: str
    op: str
    number: int | None = None


def _people(names: str, they: str, them: str, their: str) -> list[Person]:
    return [Person(name, they, them, their) for name in names.split()]


PEOPLE = (
    *_people("Ann Mary Lena Rosa Emma Nora Zoe Ida Ruth Clara Maya Olga", "she", "her", "her"),
    *_people("Tom Ben Carl Ivan Omar Paul Hugo Leo Max Sam Noah Erik", "he", "him", "his"),
)

_THINGS = """
    pear/pears plum/plums lemon/lemons melon/melons fig/figs peach/peaches nut/nuts cookie/cookies
    muffin/muffins book/books pen/pens card/cards stamp/stamps coin/coins marble/marbles
    shell/shells sticker/stickers ribbon/ribbons button/buttons candle/candles tile/tiles
    rope/ropes lamp/lamps kite/kites
"""
THINGS = tuple(Thing(*pair.split("/")) for pair in _THINGS.split())

PACKS = ("bags", "boxes", "packs", "crates", "baskets")

COMMON = (
    Verb("{who} buys {n} more {things}", "+"),
    Verb("{who} finds {n} {things}", "+"),
    Verb("{who} picks up {n} {things}", "+"),
    Verb("{who} gets {n} {things} from {friend}", "+"),
    Verb("{friend} gives {them} {n} {things}", "+"),
    Verb("{who} wins {n} more {things}", "+"),
    Verb("{who} loses {n} {things}", "-"),
    Verb("{who} gives {n} {things} to {friend}", "-"),
    Verb("{who} sells {n} {things}", "-"),
    Verb("{who} drops {n} of {their} {things}", "-"),
    Verb("{friend} takes {n} {things} from {them}", "-"),
    Verb("{who} throws away {n} {things}", "-"),
)
RARE = (  # which the embedded student has learned badly
    Verb("{who} salvages {n} {things}", "+"),
    Verb("{who} borrows {n} {things} from {friend}", "+"),
    Verb("{who} inherits {n} {things}", "+"),
    Verb("{who} obtains {n} more {things}", "+"),
    Verb("{who} forfeits {n} {things}", "-"),
    Verb("{who} lends {n} {things} to {friend}", "-"),
    Verb("{who} discards {n} of {their} {things}", "-"),
    Verb("{who} misplaces {n} {things}", "-"),
)


def _verbs(texts: str, op: str) -> list[Verb]:
    return [
        Verb(f"{{who}} {text.strip()} {{n}} {{things}}", op)
        for line in texts.strip().splitlines()
        for text in line.split("/")
    ]


_GAINS = """
    salvages/borrows/inherits/obtains/acquires/amasses/collects/gathers/harvests/earns/receives
    accepts/unearths/recovers/regains/retrieves/secures/procures/accumulates/imports/hoards
    pockets/scavenges/claims/lands/fetches/digs up/rakes in/scoops up/snaps up/takes in
    brings home/comes by/comes into/wins back/buys back/hauls in/is given/is sent/is lent/is left
    is handed/is awarded/is granted/is gifted/is dealt/is paid/lays hands on/takes over
    carries off/makes off with/digs out/stocks up on/talks {friend} out of/relieves {friend} of
    cheats {friend} of/is promised and gets
"""
_LOSSES = """
    forfeits/lends/discards/misplaces/abandons/auctions/bestows/donates/exports/surrenders/yields
    relinquishes/sacrifices/scraps/dumps/burns/breaks/ruins/spoils/wastes/squanders/ships out
    mails off/sends back/sends off/turns in/passes on/pays out/trades away/lets go of/parts with
    gives up/hands out/hands over/hands back/leaves behind/gambles away/signs away/deals out
    is robbed of/is cheated of/is relieved of/is deprived of/is talked out of/is stripped of
    does away with/gets rid of/runs through/uses up/sees the last of/takes back to the shop/sheds
    loans/awards/grants/leaves to {friend}/promises and gives
"""
MANY_RARE = (*_verbs(_GAINS, "+"), *_verbs(_LOSSES, "-"))  # of `chain-hard`: each seldom met
PACKED = (
    Verb("{who} buys {m} {packs} of {n} {things}", "+"),
    Verb("{who} gets {m} {packs} of {n} {things} from {friend}", "+"),
    Verb("{friend} brings {them} {m} {packs} of {n} {things}", "+"),
    Verb("{who} sells {m} {packs} of {n} {things}", "-"),
    Verb("{who} gives {friend} {m} {packs} of {n} {things}", "-"),
)
SCALED = (
    Verb("{who} doubles {their} {things}", "*", 2),
    Verb("{who} ends up with twice as many {things}", "*", 2),
    Verb("{who} triples {their} {things}", "*", 3),
    Verb("{who} gives half of {their} {things} to {friend}", "/", 2),
    Verb("{who} loses half of {their} {things}", "/", 2),
    Verb("{who} sells half of {their} {things}", "/", 2),
)

RELATIONS = (  # of the hero's things to those of another, who is asked about
    Verb("in the end {friend} has {n} more {things} than {name}", "+"),
    Verb("in the end {friend} has {n} fewer {things} than {name}", "-"),
    Verb("in the end {name} has {n} fewer {things} than {friend}", "+"),
    Verb("in the end {name} has {n} more {things} than {friend}", "-"),
    Verb("in the end {friend} has {n} times as many {things} as {name}", "*"),
    Verb("in the end {name} has {n} times as many {things} as {friend}", "/"),
)

# ── how a story begins and ends, what comes in between ───────────────────────────────────────────

OPENINGS = (
    "{name} has {n} {things}",
    "{name} starts with {n} {things}",
    "There are {n} {things} in the box of {name}",
    "At first {name} has {n} {things}",
)
CONNECTIVES = ("then", "later", "after that", "on Monday", "on Friday", "in the evening", "next")

PRICES = (
    "One {thing} costs {n} dollars",
    "Each {thing} sells for {n} dollars",
    "A {thing} is worth {n} dollars",
    "The price of one {thing} is {n} dollars",
)
PRICE_QUESTIONS = (
    "How many dollars are all the {things} of {name} worth?",
    "How much does {name} get for all {their} {things}?",
    "What is the total price of the {things} {name} has now?",
)
SHARES = (
    (
        "{who} shares the {things} equally among {n} friends",
        "How many {things} does each friend get?",
    ),
    (
        "{who} puts the {things} in {n} equal rows",
        "How many {things} are in each row?",
    ),
)
COUNT_QUESTIONS = (
    "How many {things} does {name} have now?",
    "How many {things} does {name} have in the end?",
    "With how many {things} is {name} left?",
)
OTHERS = (
    "{friend} has {n} {things}",
    "{friend} owns {n} {things}",
)
TOGETHER_QUESTIONS = (
    "How many {things} do {name} and {friend} have together?",
    "What is the total number of {things} of {name} and {friend}?",
)
RELATION_QUESTIONS = (
    "How many {things} does {friend} have?",
    "How many {things} has {friend} got?",
)
DISTRACTORS = (
    "{friend} has {n} {things}",
    "{friend} owns {n} {things}",
    "{friend} buys {n} {things}",
    "{friend} wants to have {n} {things}",
    "{name} also has {n} {others}",
    "{name} buys {n} {others} too",
    "{name} gives {n} {others} to {friend}",
    "One {other} costs {n} dollars",
)
