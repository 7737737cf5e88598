"""Algebra is done beside the process, within limits."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from sormctl.tasks.answers import MATH, algebra
from sormctl.tasks.answers.algebra import MAX_COMPARED, same_expression
from sormctl.tasks.files import MATH_TASK


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("x+1", "1+x"),
        ("2\\sqrt{3}", "\\sqrt{12}"),
        ("(x-1)(x+1)", "x^2-1"),
        ("\\{1,2\\}", "\\{2,1\\}"),
        ("\\frac{\\pi}{2}", "0.5\\pi"),
    ],
)
def test_equal_by_algebra(first: str, second: str) -> None:
    assert MATH.equivalent(first, second) is MATH.equivalent(second, first) is True


def test_different_by_algebra() -> None:
    assert MATH.equivalent("x+1", "x-1") is False
    assert MATH.equivalent("(1,2)", "(2,1)") is False


def test_it_works_in_threads() -> None:
    pairs = [(f"x+{n}", f"{n}+x") for n in range(2, 30)]
    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(lambda pair: same_expression(*pair), pairs))


def test_a_slow_pair_holds_up_no_other_thread() -> None:
    with ThreadPoolExecutor(2) as pool:
        slow = pool.submit(same_expression, "9^{9^{9^{9}}}", "9^{9^{9^{7}}}")
        assert pool.submit(same_expression, "z+1", "1+z").result()
        assert not slow.done()
    assert slow.result() is None


def test_what_takes_too_long_is_not_decided(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(algebra, "_COMMAND", [*algebra._COMMAND[:-1], "0.3"])
    algebra._WORKERS.close()
    tower = "9^{9^{9^{9}}}"
    assert MATH.equivalent(tower, "9^{9^{9^{8}}}") is None
    assert not MATH.equal(tower, "9^{9^{9^{8}}}")
    assert MATH.equivalent(tower, tower)
    assert MATH_TASK.is_correct(tower, "9^{9^{9^{8}}}") is None
    assert not MATH_TASK.is_correct(tower, "9^{9^{9^{8}}}")
    algebra._WORKERS.close()
    monkeypatch.undo()
    assert same_expression("y+1", "1+y")  # the next pair is


def test_two_long_expressions_are_not_decided() -> None:
    long = "+".join(["x"] * MAX_COMPARED)
    assert same_expression(long, long + "+1") is None
    assert same_expression(long, "x") is False


def test_words_are_no_products() -> None:
    assert MATH.equivalent("\\text{east}", "seat") is False
    assert MATH.equivalent("\\text{Evelyn}", "evelyn") is True
