from sormctl.balancing import balance_question, count_labels
from tests.unit.examples import solution, wrong


def test_a_question_keeps_as_many_correct_as_incorrect() -> None:
    group = [solution(f"s{i}") for i in range(5)] + [wrong("w1"), wrong("w2")]
    kept = balance_question(group, seed=0)
    assert sum(s.correct for s in kept) == 2
    assert [s for s in group if s in kept] == kept
    assert balance_question([solution()], seed=0) == []


def test_labels_are_counted_by_prefix_length() -> None:
    counts = count_labels([(1, 0), (None, 0), ()])
    assert counts == {(1, 1): 1, (2, 0): 2}
