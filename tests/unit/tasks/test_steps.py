"""Steps and their intermediate results."""

from __future__ import annotations

import pytest

from sormctl.tasks.steps import (
    pieces_around,
    split_annotated,
    split_lines,
    step_result,
    strip_annotations,
)


def test_steps_are_the_lines_that_hold_something() -> None:
    assert split_lines(" a = 1\n\n  b = 2 \r\n\n#### 2\n") == ["a = 1", "b = 2", "#### 2"]
    assert split_lines(" \n") == []


def test_annotations_are_dropped_and_never_evaluated() -> None:
    assert strip_annotations("48/2 = <<48/2=24>>24 clips, $<<9**9**9=1>>1") == "48/2 = 24 clips, $1"
    assert strip_annotations("1 << 2 and <3>") == "1 << 2 and <3>"
    assert split_annotated("2+2 = <<2+2=4>>4\n<<4=4>>\n#### 4") == ["2+2 = 4", "#### 4"]


@pytest.mark.parametrize(
    ("step", "result"),
    [
        ("Natalia sold 48 / 2 = 24 clips.", "24"),
        ("48/2 = $<<48/2=24>>24", "24"),
        ("She pays $<<3*7=21>>21", "21"),
        ("= 24 clips.", "24"),
        ("= 72.", "72"),
        ("= $1,080", "1,080"),
        ("= -$5", "-5"),
        ("= \u22125", "-5"),
        ("= \\$5", "5"),
        ("= **72**", "72"),
        ("x = 3.5%", "3.5"),
        ("= .5", ".5"),
        ("= 6,000/year", "6,000"),
        ("= 24-hour day", "24"),
        ("9 / 3 = 3 = total", "3"),
        ("5 x 3 = 15 x 2 = 30", "30"),
        ("1/4 + 1/4 = 1/2 cup", "1/2"),
        ("2p = 3 and so on", "3"),
        ("x = 48/2", None),  # a calculation, not its result
        ("Let x = 48 / 2", None),
        ("t = 70 * y", None),
        ("8 = 12 + 8x", None),
        ("n = 5(3)", None),
        ("= 1/0", None),
        ("= 1,000,5", None),
        ("a = b", None),
        ("3 and 4 make 7", None),
        ("", None),
    ],
)
def test_the_result_is_the_last_number_alone_after_an_equals_sign(
    step: str, result: str | None
) -> None:
    assert step_result(step) == result


@pytest.mark.parametrize(
    "step",
    ["=" * 100_000, "= " * 50_000, "=1" + " " * 100_000 + "x", "=1,234" + ",567" * 20_000 + "x"],
    ids=lambda text: repr(text[:10]),
)
def test_huge_steps_are_no_trouble(step: str) -> None:
    assert step_result(step) in (None, "1")


def test_a_fraction_of_any_length_is_compared_or_left_alone() -> None:
    assert step_result("= 1/" + "3" * 10_000) is None


def test_what_stands_around_steps() -> None:
    assert pieces_around(" one  \n  two\n", ["one", "two"]) == (" ", "  \n  ", "\n")
    assert pieces_around("one", ["one"]) == ("", "")
    assert pieces_around("", []) == ("",)


def test_nothing_is_said_of_steps_that_were_changed() -> None:
    text = "2 + 2 = <<2+2=4>>4\n\nSo 4."
    assert pieces_around(text, split_annotated(text)) is None
