"""What `rl_refiner.py` and `ppo_refiner.py` share as commands: options, folders, what is saved."""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import jsonlines
from msgspec import to_builtins

from sormctl import __version__
from sormctl.asking import NOTHING_SAID, Asking
from sormctl.engines.encoding import load_tokenizer
from sormctl.engines.running import SamplingSettings
from sormctl.errors import SormctlError, UsageError
from sormctl.models import SETTINGS_FILE, resolve_model, settle_asking
from sormctl.streams.output import locked, writing

CLIP = 0.2  # PPO's usual range of the ratio of new to old probability
FREE = ("output", "resume", "save_every", "micro_batch")  # may differ in a run that is continued


class Trained(NamedTuple):
    """A refiner, how it was made, and its metrics, one row a step."""

    model: Any
    made_by: Mapping[str, str]
    metrics: Sequence[Mapping[str, float]]


Train = Callable[[argparse.Namespace, str, Asking, Path], Trained]

# ── options ──────────────────────────────────────────────────────────────────────────────────────


def count(text: str) -> int:
    """A whole number above 0."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text}: must be a whole number above 0")
    return int(text)


def option_parser(
    description: str, drafts_per_step: int, samples: int, save_every: int
) -> argparse.ArgumentParser:
    """A parser of the options that both commands have, with the defaults in which they differ."""
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.ArgumentDefaultsHelpFormatter
    )
    add = parser.add_argument
    add("--model", required=True, help="refiner to start from")
    add("--drafts", required=True, help="graded drafts of training problems, JSONL")
    add("-o", "--output", required=True, help="folder of the new refiner")
    add("--orm", help="outcome reward model that is mixed into the reward")
    add("--steps", type=count, default=16, help="batches of refinements to learn from")
    add("--drafts-per-step", type=count, default=drafts_per_step, help="drafts in a batch")
    add("--samples", type=count, default=samples, help="refinements of a draft")
    add("--updates", type=count, default=4, help="gradient steps on a batch, each on a part")
    add("--micro-batch", type=count, help="refinements in memory at once; a part by default")
    add("--lr", type=float, default=3e-4, help="peak learning rate")
    add("--kl", type=float, default=0.05, help="weight of the penalty for leaving --model")
    add("--temperature", type=float, default=1.0, help="of the refinements in training")
    add("--max-tokens", type=count, default=80, help="tokens of a refinement")
    add("--seed", type=int, default=0, help="seed of everything that is drawn at random")
    add("--save-every", type=count, default=save_every, help="steps between checkpoints")
    add("--resume", action="store_true", help="continue an interrupted run")
    return parser


def checked_args(parser: argparse.ArgumentParser) -> argparse.Namespace:
    """The command line, once it is clear that the batch can be cut as it says."""
    args = parser.parse_args()
    batch = args.drafts_per_step * args.samples
    if batch % (args.updates * (args.micro_batch or 1)):
        parser.error(f"--updates times --micro-batch must divide the {batch} refinements of a step")
    return args


def sampling_settings(args: argparse.Namespace) -> SamplingSettings:
    """How refinements are drawn in training."""
    return SamplingSettings(
        temperature=args.temperature,
        max_tokens=args.max_tokens,
        seed=args.seed << 32,  # room for a number of each refinement
    )


# ── a run ────────────────────────────────────────────────────────────────────────────────────────


def run(args: argparse.Namespace, train: Train) -> None:
    """Trains in `OUT.partial`, which moves to `OUT` as soon as the refiner in it is whole."""
    output = Path(args.output)
    if output.exists():
        if args.resume:
            return
        raise UsageError(f"{output} exists; give another folder, or --resume if it is finished")
    folder = resolve_model(args.model)
    asking = settle_asking(folder, NOTHING_SAID).taught()
    partial = Path(f"{output}.partial")
    with writing(partial):
        partial.mkdir(parents=True, exist_ok=True)
        with locked(partial / "lock"):
            check_same(args, partial / "arguments.json")
            trained = train(args, folder, asking, partial)
            save(trained, args, folder, asking, partial / "model")
            (partial / "model").rename(output)
            shutil.rmtree(partial)


def exit_code(args: argparse.Namespace, train: Train, name: str) -> int:
    """Runs the command called `name`: sormctl's exit code, see `sormctl.errors`."""
    try:
        run(args, train)
    except SormctlError as error:
        print(f"{name}: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        print(f"{name}: stopped; continue with --resume", file=sys.stderr)
        return 130
    return 0


def check_same(args: argparse.Namespace, path: Path) -> None:
    """UsageError if `path` is of a run that --resume does not continue, or not asked for."""
    asked = {name: value for name, value in vars(args).items() if name not in FREE}
    if path.exists():
        if not args.resume:
            raise UsageError(f"{path.parent} holds an unfinished run; --resume, or remove it")
        earlier = json.loads(path.read_text(encoding="utf-8"))
        for name in asked:
            if earlier.get(name) != asked[name]:
                raise UsageError(f"cannot --resume: {name} was {earlier.get(name)}")
    path.write_text(json.dumps(asked, indent=2), encoding="utf-8")


def save(
    trained: Trained, args: argparse.Namespace, folder: str, asking: Asking, target: Path
) -> None:
    """The refiner as `sormctl refine` takes it; beside it how it was made, and how that went."""
    from transformers import AutoConfig

    asked = {"prompt": asking.style, "asking": to_builtins(asking)}
    settings = {"kind": "refiner", **asked, "mode": "global", "version": __version__}
    dtype = AutoConfig.from_pretrained(folder, trust_remote_code=False).dtype
    trained.model.to(dtype).save_pretrained(target)
    load_tokenizer(folder).save_pretrained(target)
    with jsonlines.open(target / "metrics.jsonl", "w") as metrics:
        metrics.write_all(trained.metrics)
    how = {**trained.made_by, **vars(args)}
    text = json.dumps({**settings, "reinforcement": how}, indent=2) + "\n"
    (target / SETTINGS_FILE).write_text(text, encoding="utf-8")
