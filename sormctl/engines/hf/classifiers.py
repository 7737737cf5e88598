"""Classifiers of tokens, also for families of models that transformers has none of."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from transformers import AutoModelForTokenClassification, PreTrainedModel
from transformers.modeling_layers import GenericForTokenClassification
from transformers.models.auto.modeling_auto import (
    MODEL_FOR_TOKEN_CLASSIFICATION_MAPPING,
    MODEL_MAPPING,
)


def token_classifier(config: Any) -> Any:
    """The class that loads a token classifier of a model with this configuration.

    transformers makes those of most families by one mixin. Of Gemma 3, OLMo, Granite and others
    it has none: theirs are made by the same.
    """
    kind: type = type(config)
    return _token_classifier(kind)


@lru_cache
def _token_classifier(kind: type) -> Any:
    if kind in MODEL_FOR_TOKEN_CLASSIFICATION_MAPPING or kind not in MODEL_MAPPING:
        return AutoModelForTokenClassification
    backbone = MODEL_MAPPING[kind]
    family = next((x for x in backbone.__mro__[1:] if issubclass(x, PreTrainedModel)), None)
    if family is None:
        return AutoModelForTokenClassification
    name = f"{backbone.__name__.removesuffix('Model')}ForTokenClassification"
    own = {"config_class": kind, "base_model_prefix": family.base_model_prefix or "model"}
    return type(name, (GenericForTokenClassification, family), own)
