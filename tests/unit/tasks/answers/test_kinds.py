"""Answers as the field writes them, one case a line."""

from __future__ import annotations

import pytest

from sormctl.errors import UsageError
from sormctl.tasks.answers import CHOICE, EXACT, KINDS, MATH, NUMERIC, AnswerKind, get_kind

NUMBERS = {
    "#### 72": "72",
    "#### 1,080": "1080",
    "#### 18 dollars for 3 days": "18",
    "####-5": "-5",
    "#### 12 + 6 = 18": "18",
    "#### 18 = the total": "18",
    "$5.50": "5.5",
    "72.0": "72",
    "72.": "72",
    "1/2": "1/2",
    "2/4": "1/2",
    "1 1/2": "3/2",
    "-1 1/2": "-3/2",
    "1/2\u2009999": "1/2999",
    "1\u2009000\u00bd": "2001/2",
    ".5": "0.5",
    "-0.25": "-0.25",
    "+7": "7",
    "\u22125 degrees": "-5",
    "-$5": "-5",
    "$-5": "-5",
    "US$5": "5",
    "€1,234,567.80": "1234567.8",
    "18 dollars": "18",
    "50%": "50",
    "50\\%": "50",
    "1e3": "1000",
    "1.5e-2": "0.015",
    "1{,}080": "1080",
    "1\\,080": "1080",
    "\\frac{1}{2}": "1/2",
    "-\\dfrac{3}{4}": "-3/4",
    "\\frac12": "1/2",
    "1\\frac{1}{2}": "3/2",
    "\\boxed{18}": "18",
    "\\boxed{\\frac{1}{2}} of 10": "1/2",
    "\\boxed{18\\text{ dollars}} for 3": "18",
    "The answer is 18.": "18",
    "The answer is $18 for 3 days": "18",
    "Final answer: **42**": "42",
    "12 + 3 = 15 apples": "15",
    "So 48-24 is 24": "24",
    "48-24": "24",
    "5\u201310": "10",
    "- 18": "18",
    "9**9**9": "9",
    "1e999999999": "1e999999999",
    "1/0": "1/0",
    "no number": None,
    "": None,
}


@pytest.mark.parametrize("text", NUMBERS)
def test_a_number_is_read_in_its_shortest_form(text: str) -> None:
    assert NUMERIC.read([text]) == NUMBERS[text]


@pytest.mark.parametrize(
    ("steps", "answer"),
    [
        (["#### 5", "I checked 7 times"], "5"),  # announced, and so before the last number
        (["#### 5", "#### 6"], "6"),  # the last of them
        (["\\boxed{5}", "the answer is 6"], "6"),  # the last announcement, whatever its form
        (["The answer is 5.", "#### 6"], "6"),
        (["The answer is 5.", "Good luck with question 2!"], "5"),  # before the last number
        (["The answer is:", "8"], "8"),
        (["#### ", "\\boxed{3"], "3"),  # announcements that announce nothing
        (["5 apples", "that is it"], "5"),  # the last number of all
        (["#### 5", "#### Check", "5 < 6"], "5"),  # a heading announces nothing
        ([], None),
    ],
)
def test_the_last_announcement_counts(steps: list[str], answer: str | None) -> None:
    assert NUMERIC.read(steps) == answer


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("72.0", "72"),
        ("0.5", "1/2"),
        ("$1,080.00", "1080"),
        ("50%", "50"),
        ("1 1/2", "1.5"),
        ("17.999999999999996", "18"),
        ("1e3", "1000"),
        ("unknown", " Unknown."),
        ("1" + "0" * 400, "1" + "0" * 400),
    ],
)
def test_equal_numbers(first: str, second: str) -> None:
    assert NUMERIC.equal(first, second)
    assert NUMERIC.equal(second, first)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("72", "27"),
        ("5", "-5"),
        ("0.3333", "1/3"),
        ("1000000000000", "1000000000001"),  # whole numbers are exact at any size
        ("1e999999998", "1e999999999"),
        ("18", "eighteen"),
        ("1/0", "2/0"),
    ],
)
def test_different_numbers(first: str, second: str) -> None:
    assert not NUMERIC.equal(first, second)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("\\dfrac12", "\\frac{1}{2}"),
        ("\\frac{1}{2}", "0.5"),
        ("x = 1\\frac{1}{2}", "3/2"),
        ("\\left( 1, 2 \\right)", "(1,2)"),
        ("5\\text{ cm}", "5"),
        ("\\text{Evelyn}", "Evelyn"),
        ("90^\\circ", "90"),
        ("$\\sqrt2$", "\\sqrt{2}"),
        ("10\\%", "10"),
        ("1{,}080", "1080"),
        ("x + 1.", "x+1"),
    ],
)
def test_equal_expressions(first: str, second: str) -> None:
    assert MATH.equal(first, second)
    assert MATH.equal(second, first)


@pytest.mark.parametrize(
    ("first", "second"),
    [("x^2+1", "x^2+5"), ("1+x", "x+2"), ("(1,2)", "(2,1)"), ("1 1/2", "11/2"), ("2", "\\sqrt{2}")],
)
def test_different_expressions(first: str, second: str) -> None:
    assert not MATH.equal(first, second)


@pytest.mark.parametrize(
    ("step", "answer"),
    [
        ("#### \\frac{3}{4}", "\\frac{3}{4}"),
        ("So it is $\\boxed{x^{2}+1}$.", "x^{2}+1"),
        ("The answer is $(1, 2)$.", "(1, 2)"),
        ("which makes 3/4", "3/4"),
        ("\\boxed{} and nothing", "4"),
    ],
)
def test_an_expression_is_read(step: str, answer: str | None) -> None:
    assert MATH.read(["2 + 2 = 4", step]) == answer


@pytest.mark.parametrize(
    ("step", "answer"),
    [
        ("#### Paris.", "Paris"),
        ("The answer is:  the   Seine!", "the Seine"),
        ("Paris", "Paris"),
        ("...", "It is in France"),
    ],
)
def test_a_text_is_read(step: str, answer: str | None) -> None:
    assert EXACT.read(["It is in France.", step]) == answer


def test_texts_are_equal_but_for_case_spaces_and_punctuation() -> None:
    assert EXACT.equal("the  Seine", "The Seine.")
    assert not EXACT.equal("the Seine", "the Rhine")
    assert not EXACT.equal("!", "?")


@pytest.mark.parametrize(
    ("step", "answer"),
    [
        ("(B)", "B"),
        ("b", "B"),
        ("B.", "B"),
        ("B) Paris", "B"),
        ("#### B", "B"),
        ("\\boxed{D}", "D"),
        ("The answer is B", "B"),
        ("The answer is (c) Paris", "C"),
        ("The answer is **D** because A and B fail", "D"),
        ("Option A is right", "A"),
        ("So it must be C.", "C"),
        ("A dog", None),
        ("I think so", None),
        ("(K)", "K"),
        ("(S)", None),
    ],
)
def test_a_letter_is_read(step: str, answer: str | None) -> None:
    assert CHOICE.read(["Let us see.", step]) == answer


def test_letters_are_equal_as_they_are_read() -> None:
    assert CHOICE.equal("(B)", "b.")
    assert not CHOICE.equal("A", "B")


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
@pytest.mark.parametrize(
    "text",
    [
        "1" * 100_000,
        "1,234" * 20_000,
        "1" + " " * 100_000 + "x",
        "1 " * 50_000,
        "9/" * 50_000,
        "1e" * 50_000,
        "-" * 100_000,
        "(A " * 30_000,
        "A" + "!" * 100_000 + "x",
        "\\frac{" * 20_000,
        "\\boxed{" * 20_000,
        "\\text{" * 20_000,
        "answer" + " " * 100_000,
        "answer is " * 10_000,
    ],
    ids=lambda text: repr(text[:10]),
)
def test_huge_texts_are_read_without_trouble(kind: AnswerKind, text: str) -> None:
    kind.read([text])
    assert kind.equal(text, text)


def test_an_unknown_kind_names_those_that_exist() -> None:
    with pytest.raises(UsageError, match="no kind of answers `regex`; known: numeric, math"):
        get_kind("regex")
