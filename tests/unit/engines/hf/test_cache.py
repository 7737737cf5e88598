"""How a model is given a cache."""

from __future__ import annotations

from typing import Any

import pytest
from transformers import DynamicCache

from sormctl.engines.hf.cache import cache_arguments


class Old:
    def forward(self, input_ids: Any, past_key_values: Any = None) -> None: ...


class New:
    def forward(self, input_ids: Any, cache: Any = None) -> None: ...


class Loose:
    def forward(self, **arguments: Any) -> None: ...


@pytest.mark.parametrize(
    ("model", "name"),
    [(Old(), "past_key_values"), (New(), "cache"), (Loose(), "past_key_values")],
)
def test_a_cache_has_the_name_that_the_model_knows(model: Any, name: str) -> None:
    cache = DynamicCache()
    assert cache_arguments(model, cache) == {name: cache, "use_cache": True}
