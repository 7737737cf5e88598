"""Which solutions the options of labelling take."""

from __future__ import annotations

from typing import Any

import pytest

from sormctl.errors import RecordError, UsageError
from sormctl.labelling.options import Searching, searchable
from sormctl.labelling.rollouts import Labelling
from sormctl.labelling.strategies import Exact
from tests.unit.examples import solution

SIBLINGS = Labelling(Exact(2), siblings=True)


@pytest.mark.parametrize("draft", [{"kind": "draft"}, {"kind": "sample", "temperature": 0.0}])
def test_a_draft_is_a_sibling_of_greedy_rollouts_alone(draft: dict[str, Any]) -> None:
    made = solution(source=draft)
    searchable(SIBLINGS, 0.0)(made)
    with pytest.raises(RecordError, match=r"sampled at temperature 0\.0"):
        searchable(SIBLINGS, 0.7)(made)


def test_what_is_said_once_is_no_repetition() -> None:
    assert Searching().labelling().max_repeats == 4
    assert Searching(max_repeats=0).labelling().max_repeats == 0
    for wrong in (1, -4):
        with pytest.raises(UsageError, match="2 or more, or 0"):
            Searching(max_repeats=wrong).labelling()


def test_a_refinement_is_no_sibling() -> None:
    with pytest.raises(RecordError, match="a local solution; --siblings needs samples alone"):
        searchable(SIBLINGS, 0.0)(solution(source={"kind": "local"}))
