"""Which solutions the options of labelling take."""

from __future__ import annotations

from typing import Any

import pytest

from sormctl.errors import RecordError
from sormctl.labelling.options import searchable
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


def test_a_refinement_is_no_sibling() -> None:
    with pytest.raises(RecordError, match="a local solution; --siblings needs samples alone"):
        searchable(SIBLINGS, 0.0)(solution(source={"kind": "local"}))
