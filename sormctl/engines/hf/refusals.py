"""Why a folder cannot be loaded, where transformers speaks of its own inside."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from transformers import CONFIG_MAPPING, PreTrainedConfig
from transformers.models.auto.modeling_auto import (
    MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING_NAMES,
    MODEL_FOR_MULTIMODAL_LM_MAPPING_NAMES,
)

from sormctl.errors import ModelError, first_line

_MULTIMODAL = {*MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING_NAMES, *MODEL_FOR_MULTIMODAL_LM_MAPPING_NAMES}
_NO_SUCH_CLASS = re.compile(r"Unrecognized configuration class.* AutoModel: (\w+)")


def cannot_load(name: str, error: Exception) -> ModelError:
    """What to raise where transformers does not load the model of a folder or of the hub."""
    why = _why(name, str(error)) or f"cannot load the model: {first_line(error)}"
    return ModelError(f"{name}: {why}")


def _why(name: str, said: str) -> str | None:
    """The reason, if it is one that the folder shows."""
    config = _settings(name)
    kind = str(config.get("model_type"))
    if "auto_map" in config and kind not in CONFIG_MAPPING:
        return "needs code of its own, which sormctl never runs; give a model of transformers"
    if "text_config" in config and not _has_parts(kind):
        return f"config.json: {kind} models have no `text_config`; its settings belong beside it"
    if wanted := _NO_SUCH_CLASS.search(said):
        if kind in _MULTIMODAL:
            return f"a multimodal model ({kind}), which engine hf does not run; use --engine vllm"
        return f"cannot load the model: transformers has no {wanted[1]} of {kind} models"
    ggufs = sorted(path.name for path in Path(name).glob("*.gguf"))
    if ggufs and not any(Path(name).glob("*.safetensors")):
        return f"its weights are GGUF ({ggufs[0]}); give the safetensors that they were made from"
    return None


def _has_parts(kind: str) -> bool:
    """Whether models of a kind consist of others; those that are not known may."""
    return kind not in CONFIG_MAPPING or "text_config" in CONFIG_MAPPING[kind].sub_configs


def _settings(name: str) -> dict[str, Any]:
    """What config.json says; nothing where that cannot be read."""
    try:
        found: dict[str, Any] = PreTrainedConfig.get_config_dict(name)[0]
    except Exception:  # transformers raises whatever its readers meet; the first error is told
        return {}
    return found
