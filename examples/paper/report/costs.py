"""How the files of a graph were made: the commands by `make`, what they cost by the manifests."""

from __future__ import annotations

import json
import re
import subprocess
from collections import defaultdict
from collections.abc import Sequence
from math import fsum
from pathlib import Path
from typing import Any

from examples.paper.report.read import reading

HERE = Path(__file__).parents[3]  # this checkout
NOWHERE = "/no/such/folder"
MANIFEST = ".manifest.json"


def commands(out: Path, settings: Sequence[str], seed: str, checkout: Path = HERE) -> list[str]:
    """What makes every file of one seed, in order; `$OUT` stands for the graph's folder.

    `settings` are those that the graph was made with, such as `SCALE=cpu`. ValueError if `make`
    cannot list the commands with these, or the graph in `out` noted others. The folder itself is
    left alone: it may be in the making.
    """
    makefile = checkout / "examples" / "paper" / "Makefile"
    asked = ["make", "-n", "-B", "-f", str(makefile), *settings, f"OUT={NOWHERE}", f"SEEDS={seed}"]
    asked.append(f"MADE_WITH={out / 'settings'}")
    done = subprocess.run(asked, capture_output=True, text=True, check=False)
    if done.returncode:
        raise ValueError(f"{' '.join(asked)}: {done.stderr.strip()}")
    joined = re.sub(r"\s*\\\n\s*", " ", done.stdout)
    plain = joined.replace(f"{NOWHERE}/", "$OUT/").replace(f"{checkout}/", "")
    made = [line for line in plain.splitlines() if "$OUT" in line]  # make may say other things
    return [re.sub(" +", " ", line) for line in made if not line.startswith("mkdir ")]


def costs(out: Path) -> list[dict[str, Any]]:
    """Records, generated tokens and seconds of every file that has a manifest, over the seeds."""
    found: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for path in sorted(out.glob(f"[0-9]*/**/*{MANIFEST}")):
        name = "/".join(path.relative_to(out).parts[1:]).removesuffix(MANIFEST)
        found[name].append(_manifest(path))
    listed = sorted(found.items(), key=lambda item: item[1][0]["started"])
    return [
        {
            "file": name,
            "command": made[0]["command"],
            "records": sum(each["records_out"] for each in made),
            "tokens": sum(each["generated_tokens"] for each in made),
            "seconds": round(fsum(each["seconds"] for each in made), 1),
        }
        for name, made in listed
    ]


def _manifest(path: Path) -> dict[str, Any]:
    with reading(path):
        found: dict[str, Any] = json.loads(path.read_text("utf-8"))
        return found


def made_with(out: Path) -> dict[str, Any]:
    """Versions of the program and its libraries, and when the first and last file were made."""
    manifests = [*map(_manifest, out.glob(f"[0-9]*/**/*{MANIFEST}"))]
    last = max(manifests, key=lambda made: made["started"])
    return {
        "version": last["version"],
        "libraries": last["libraries"],
        "started": min(made["started"] for made in manifests),
        "finished": max(made["finished"] or made["started"] for made in manifests),
    }


def commits(out: Path, until: str) -> list[list[str]]:
    """The commits that made the files, each with its first moment, as the graph noted them.

    Those that began after `until`, when the last file was made, made none.
    """
    path = out / "commits"
    noted = path.read_text("utf-8").splitlines() if path.exists() else []
    return [line.split() for line in noted if line.split()[0] <= until]


def commit(checkout: Path = HERE) -> str | None:
    """The commit of a checkout; with a mark if its code is not as committed."""
    asked = ["git", "-C", str(checkout), "describe", "--always", "--dirty", "--abbrev=7"]
    done = subprocess.run([*asked, "--exclude=*"], capture_output=True, text=True, check=False)
    return done.stdout.strip() or None
