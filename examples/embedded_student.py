"""Makes the models that ship with sormctl from nothing: tiny Llamas, trained on one CPU core.

They learn from the demonstrations of a solver who makes slips (careless.py): the student of
`chain`, and the base model of `chain-hard`, a third of whose demonstrations are refinements.

    OMP_NUM_THREADS=1 python -m examples.embedded_student -o runs/student
    OMP_NUM_THREADS=1 python -m examples.embedded_student --bench chain-hard -o runs/hard-base
"""

from __future__ import annotations

import argparse
import json
import math
import time
from collections.abc import Iterator
from pathlib import Path
from random import Random

import torch
from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from examples.careless import Demonstration, demonstrations
from sormctl.asking import Asking
from sormctl.tasks.chain import TASK, language
from sormctl.tasks.chain.stories import EASY, LEVELS, Level
from sormctl.tasks.prompts import draft_prompt, refine_prompt

# ── the tokenizer ────────────────────────────────────────────────────────────────────────────────


def make_tokenizer(level: Level) -> PreTrainedTokenizerFast:
    """One token a word, digit, sign or newline; the decoder puts the spaces back."""
    tokens = ["<pad>", "<eos>", "<unk>", *language.vocabulary(level)]
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


def prompt_of(shown: Demonstration) -> str:
    """What stands before its steps."""
    plain = Asking("plain")
    if shown.draft is None:
        return draft_prompt(TASK, shown.question, plain).text
    return refine_prompt(TASK, shown.question, shown.draft, shown.first_error, plain).text


def encode(tokenizer: PreTrainedTokenizerFast, level: Level, seed: int, count: int) -> list[Row]:
    """The first `count` demonstrations."""
    prompts, targets = [], []
    for shown in demonstrations(level, seed, count):
        prompts.append(prompt_of(shown))
        targets.append("".join(f"{step}\n" for step in shown.steps) + "<eos>")
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
    parser = argparse.ArgumentParser(description="Makes the embedded models of sormctl.")
    parser.add_argument("--bench", choices=LEVELS, default=EASY.name)
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--problems", type=int, default=96_000)
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--learning-rate", type=float, default=6e-3)
    parser.add_argument("--hidden", type=int, default=128)
    parser.add_argument("--layers", type=int, default=4)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    level = LEVELS[args.bench]
    tokenizer = make_tokenizer(level)
    model = make_model(tokenizer, args)
    print(f"{sum(p.numel() for p in model.parameters()):,} parameters")
    train(model, encode(tokenizer, level, args.seed, args.problems), args)
    model.set_attn_implementation("sdpa")
    model.eval()
    model.save_pretrained(args.output)
    tokenizer.save_pretrained(args.output)
    (args.output / "sormctl.json").write_text(json.dumps({"kind": "student", "prompt": "plain"}))


if __name__ == "__main__":
    main()
