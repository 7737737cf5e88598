"""How many tokens a model reads."""

from __future__ import annotations

from typing import Any

import pytest
import transformers

from sormctl.engines.context import context_length

FACTORS = {"short_factor": [1.0] * 4, "long_factor": [2.0] * 4}
LONG = {"rope_type": "longrope", "rope_theta": 10000.0, **FACTORS}
SIZES = {"hidden_size": 32, "num_attention_heads": 4, "max_position_embeddings": 128}


def rope(kind: str, **more: Any) -> dict[str, Any]:
    return {"rope_type": kind, "rope_theta": 10000.0, "factor": 4.0, **more}


@pytest.mark.parametrize(
    ("config", "length"),
    [
        (transformers.LlamaConfig(**SIZES), 128),
        (transformers.BloomConfig(), None),
        # the factors of long texts follow the longest row
        (
            transformers.Phi3Config(
                **SIZES, rope_parameters={**LONG}, original_max_position_embeddings=40
            ),
            40,
        ),
        (
            transformers.LlamaConfig(
                **SIZES, rope_parameters={**LONG, "original_max_position_embeddings": 40}
            ),
            40,
        ),
        # all that it reads at first
        (transformers.LlamaConfig(**SIZES, rope_parameters={**LONG}), 128),
        # beyond what it says, and what is the same for all rows
        (transformers.LlamaConfig(**SIZES, rope_parameters=rope("dynamic")), 128),
        *(
            (
                transformers.LlamaConfig(
                    **SIZES, rope_parameters=rope(kind, original_max_position_embeddings=32, **more)
                ),
                128,
            )
            for kind, more in (
                ("yarn", {}),
                ("llama3", {"low_freq_factor": 1.0, "high_freq_factor": 4.0}),
            )
        ),
        # each kind of layers has its own
        (
            transformers.Gemma3TextConfig(
                **SIZES,
                head_dim=8,
                num_hidden_layers=2,
                layer_types=["sliding_attention", "full_attention"],
                rope_parameters={
                    "sliding_attention": {"rope_type": "default", "rope_theta": 1e4},
                    "full_attention": {**LONG, "original_max_position_embeddings": 40},
                },
            ),
            40,
        ),
        # that of the text is what counts
        (transformers.Gemma3Config(text_config=dict(SIZES)), 128),
    ],
)
def test_the_context_of_a_model(config: Any, length: int | None) -> None:
    assert context_length(config) == length
