"""Makes the student that ships with sormctl: a tiny Llama trained from nothing on one CPU core.

It learns from demonstrations by a solver who makes slips: rare verbs are misread, each at its own
rate, and long products drop a carry. A slip is carried on consistently, as people do. So the
student is right about half of the time, and where it is wrong it often could have been right.

    OMP_NUM_THREADS=1 python examples/embedded_student.py -o runs/student
"""

from __future__ import annotations

import argparse
import json
import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from random import Random

import torch
from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from sormctl.asking import Asking
from sormctl.seeds import derive_seed
from sormctl.tasks.chain import TASK, language, problems, world
from sormctl.tasks.chain.stories import LARGEST, Event, Story, solve
from sormctl.tasks.chain.telling import tell
from sormctl.tasks.prompts import draft_prompt

TURNED, IGNORED = "turned", "ignored"
# per rare verb, in the order of world.RARE: how often it is misread, and as what
SLIPS = (
    (0.50, TURNED),  # salvages
    (0.60, TURNED),  # borrows
    (0.45, IGNORED),  # inherits
    (0.55, IGNORED),  # obtains
    (0.60, TURNED),  # forfeits
    (0.50, TURNED),  # lends
    (0.55, IGNORED),  # discards
    (0.45, IGNORED),  # misplaces
)
MISREAD = {verb.text: slip for verb, slip in zip(world.RARE, SLIPS, strict=True)}
DROPPED_CARRY = 0.4

# ── the solver who makes slips ───────────────────────────────────────────────────────────────────


def demonstration(seed: int, index: int) -> tuple[str, list[str]]:
    """Question and steps of training problem `index`, as the careless solver solves it."""
    rng, story = problems.draw("train", seed, index)
    question = tell(rng, story)
    slips = Random(derive_seed(seed, "slips", index=index))
    while True:
        steps = solve(story.start, misread(slips, story), lambda a, b: product(slips, a, b))
        if in_range(steps):
            return question, steps


def misread(rng: Random, story: Story) -> list[Event]:
    """The events as the careless solver understands them."""
    return [read for event in story.events for read in _misread(rng, event)]


def _misread(rng: Random, event: Event) -> list[Event]:
    rate, slip = MISREAD.get(event.verb.text, (0.0, "")) if event.verb else (0.0, "")
    if rng.random() >= rate:
        return [event]
    return [replace(event, op="-" if event.op == "+" else "+")] if slip == TURNED else []


def product(rng: Random, first: int, second: int) -> int:
    """The product, now and then without the carry of its last digit."""
    carry = first % 10 * second // 10
    lost = first >= 10 and rng.random() < DROPPED_CARRY
    return first * second - 10 * carry * lost


def in_range(steps: Sequence[str]) -> bool:
    """Whether the slips left all values such as the story has them."""
    values = [int(step.split("= ")[1]) for step in steps[:-1]]
    return min(values, default=1) >= 1 and max(values[:-1], default=1) <= LARGEST


# ── the tokenizer ────────────────────────────────────────────────────────────────────────────────


def make_tokenizer() -> PreTrainedTokenizerFast:
    """One token a word, digit, sign or newline; the decoder puts the spaces back."""
    tokens = ["<pad>", "<eos>", "<unk>", *language.vocabulary()]
    words = {token: i for i, token in enumerate(tokens)}
    tokenizer = Tokenizer(models.WordLevel(words, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex(language.PIECE), "removed", invert=True)
    tokenizer.decoder = decoders.Sequence(
        [
            decoders.WordPiece(prefix="<glue>", cleanup=False),
            decoders.Fuse(),
            decoders.Replace(Regex(r"(?<=[0-9]) (?=[0-9])"), ""),
            decoders.Replace(Regex(r" (?=[.?:])"), ""),
            decoders.Replace(Regex(r" ?\n ?"), "\n"),
        ]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token="<pad>",
        eos_token="<eos>",
        unk_token="<unk>",
        clean_up_tokenization_spaces=False,
        model_max_length=512,
    )


Row = tuple[list[int], int]  # token ids of a demonstration, and where its targets begin

# ── training ─────────────────────────────────────────────────────────────────────────────────────


def encode(tokenizer: PreTrainedTokenizerFast, seed: int, count: int) -> list[Row]:
    """The first `count` demonstrations."""
    prompts, targets = [], []
    for index in range(count):
        question, steps = demonstration(seed, index)
        prompts.append(draft_prompt(TASK, question, Asking("plain")).text)
        targets.append("".join(f"{step}\n" for step in steps) + "<eos>")
    return [
        (prompt + target, len(prompt))
        for prompt, target in zip(
            tokenizer(prompts).input_ids, tokenizer(targets).input_ids, strict=True
        )
    ]


def batches(rows: list[Row], size: int, rng: Random) -> Iterator[list[Row]]:
    """All rows once, in random batches of similar length."""
    rng.shuffle(rows)
    for i in range(0, len(rows), 32 * size):
        chunk = sorted(rows[i : i + 32 * size], key=lambda row: len(row[0]))
        groups = [chunk[j : j + size] for j in range(0, len(chunk), size)]
        rng.shuffle(groups)
        yield from groups


def loss_of(model: LlamaForCausalLM, batch: list[Row]) -> torch.Tensor:
    """Cross-entropy of the targets; logits are computed where there is a target only."""
    width = max(len(ids) for ids, _ in batch)
    ids = torch.tensor([row + [0] * (width - len(row)) for row, _ in batch])
    is_target = torch.tensor(
        [[start <= i < len(row) for i in range(1, width)] for row, start in batch]
    )
    with torch.autocast("cpu", torch.bfloat16):
        hidden = model.model(input_ids=ids, use_cache=False).last_hidden_state
        logits = model.lm_head(hidden[:, :-1][is_target])
    return torch.nn.functional.cross_entropy(logits.float(), ids[:, 1:][is_target])


def make_optimizers(model: LlamaForCausalLM, rate: float) -> list[torch.optim.Optimizer]:
    """Muon for the hidden matrices, AdamW for everything else."""
    hidden = [p for name, p in model.named_parameters() if p.ndim == 2 and "layers" in name]
    other = [p for name, p in model.named_parameters() if p.ndim != 2 or "layers" not in name]
    muon = torch.optim.Muon(hidden, lr=rate, momentum=0.95, adjust_lr_fn="match_rms_adamw")
    return [muon, torch.optim.AdamW(other, lr=rate, betas=(0.9, 0.95), weight_decay=0.0)]


def train(model: LlamaForCausalLM, rows: list[Row], args: argparse.Namespace) -> None:
    """One pass over the rows: linear warm-up, then cosine decay to nothing."""
    optimizers = make_optimizers(model, args.learning_rate)
    model.set_attn_implementation("eager")  # its backward pass is the fastest on a CPU
    total, start = math.ceil(len(rows) / args.batch_size), time.time()
    for step, batch in enumerate(batches(rows, args.batch_size, Random(args.seed))):
        scale = min((step + 1) / 100, 0.5 + 0.5 * math.cos(math.pi * step / total))
        loss = loss_of(model, batch)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        for optimizer in optimizers:
            for group in optimizer.param_groups:
                group["lr"] = args.learning_rate * scale
            optimizer.step()
            optimizer.zero_grad()
        if step % 100 == 0:
            print(
                f"step {step}/{total} loss {loss.item():.3f} {time.time() - start:.0f} s",
                flush=True,
            )


def make_model(tokenizer: PreTrainedTokenizerFast, args: argparse.Namespace) -> LlamaForCausalLM:
    """A Llama with random weights."""
    torch.manual_seed(args.seed)
    return LlamaForCausalLM(
        LlamaConfig(
            vocab_size=len(tokenizer),
            hidden_size=args.hidden,
            intermediate_size=args.hidden * 11 // 4,
            num_hidden_layers=args.layers,
            num_attention_heads=args.hidden // 32,
            max_position_embeddings=512,
            pad_token_id=tokenizer.pad_token_id,
            eos_token_id=tokenizer.eos_token_id,
            bos_token_id=None,
        )
    )


def main() -> None:
    """The defaults made the shipped files."""
    parser = argparse.ArgumentParser(description="Makes the embedded student of sormctl.")
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--problems", type=int, default=96_000)
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--learning-rate", type=float, default=6e-3)
    parser.add_argument("--hidden", type=int, default=128)
    parser.add_argument("--layers", type=int, default=4)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    tokenizer = make_tokenizer()
    model = make_model(tokenizer, args)
    print(f"{sum(p.numel() for p in model.parameters()):,} parameters")
    train(model, encode(tokenizer, args.seed, args.problems), args)
    model.set_attn_implementation("sdpa")
    model.eval()
    model.save_pretrained(args.output)
    tokenizer.save_pretrained(args.output)
    (args.output / "sormctl.json").write_text(json.dumps({"kind": "student", "prompt": "plain"}))


if __name__ == "__main__":
    main()
