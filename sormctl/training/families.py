"""Which families of models can be trained as reward models."""

from __future__ import annotations

import ast
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from sormctl.errors import ModelError
from sormctl.models import public_name, read_model_config, settings_folder

_TABLE = "MODEL_FOR_TOKEN_CLASSIFICATION_MAPPING_NAMES"


def check_family(model: str) -> None:
    """ModelError for a resolved model whose family has no token classifier in transformers."""
    kind = read_model_config(settings_folder(model)).get("model_type")
    if kind and classifiers() and kind not in classifiers():
        raise ModelError(
            f"{public_name(model)}: transformers has no token classifier for {kind} models; "
            "begin with one of another family, such as qwen3 or llama"
        )


@cache
def classifiers() -> frozenset[str]:
    """The families that transformers has a token classifier for; none if it does not tell.

    Its table is read, not imported, which would load torch.
    """
    spec = find_spec("transformers")
    for folder in spec.submodule_search_locations or () if spec else ():
        path = Path(folder) / "models" / "auto" / "modeling_auto.py"
        for node in ast.parse(path.read_text("utf-8")).body if path.is_file() else ():
            if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == _TABLE:
                return frozenset(_first_of_pairs(node.value))
    return frozenset()


def _first_of_pairs(table: ast.expr) -> list[str]:
    """The keys of `OrderedDict([(key, value), …])`."""
    pairs = [x.elts for x in ast.walk(table) if isinstance(x, ast.Tuple)]
    return [str(key.value) for key, *_ in pairs if isinstance(key, ast.Constant)]
