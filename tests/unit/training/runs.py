"""Small trainings, in this process."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from random import Random
from typing import Any

from msgspec import structs, to_builtins

from sormctl.records import Json, Problem, encode, parse_record, to_json
from sormctl.training.config import STUDENT, Data, Dtype, Optimizer, TrainConfig, write_config
from sormctl.training.token_rows import TrainingExample, example_json
from sormctl.training.worker.loop import Load
from tests.asked import PLAIN
from tests.unit.examples import PROBLEM, solution

CONFIG = TrainConfig(
    kind=STUDENT,
    model="",
    output="",
    asking=PLAIN,
    epochs=2,
    lr=1e-2,
    batch_size=4,
    max_length=256,
    max_batch_tokens=8192,
    warmup=0.1,
    weight_decay=0.0,
    optimizer=Optimizer.adamw,
    dtype=Dtype.float32,
    seed=0,
    save_every="1000",
    num_processes=1,
)


def configured(**fields: Any) -> TrainConfig:
    """`CONFIG` but for these fields."""
    return structs.replace(CONFIG, **fields)


def sums(count: int, wrong: float = 0.0) -> list[Json]:
    """Labelled solutions of additions, a share of them wrong by one in the last digit."""
    random = Random(0)
    records: list[Json] = []
    for i in range(count):
        a, b, slip = random.randint(1, 40), random.randint(1, 40), random.random() < wrong
        total = str(a + b + slip)
        problem = structs.replace(
            PROBLEM,
            problem_id=f"p{i}",
            question=f"How many apples? {a} + {b}",
            answer=str(a + b),
            reference=(f"{a} + {b} = {a + b}", f"#### {a + b}"),
        )
        steps = (f"{a} + {b} = {total}", f"#### {total}")
        label = int(not slip)
        records.append(
            to_json(
                solution(f"s{i}", steps, total, problem, labels=(label, label if i % 5 else None))
            )
        )
    return records


def problems(solutions: Sequence[Json]) -> list[Json]:
    """The problems of solutions, with their reference steps."""

    return [to_json(parse_record(record, Problem)) for record in solutions]


def write_jsonl(path: Path, records: Iterable[Json]) -> Path:
    """Records as a file."""
    path.write_bytes(b"".join(encode(record) for record in records))
    return path


def prepare(
    config: TrainConfig,
    examples: Sequence[TrainingExample],
    held_out: Sequence[TrainingExample] = (),
    mode: str | None = None,
) -> TrainConfig:
    """What a command leaves for its workers."""
    config.partial.mkdir(parents=True)
    write_jsonl(config.data, [example_json(example) for example in examples])
    write_jsonl(config.held_out_data, [example_json(example) for example in held_out])
    write_config(config, Data(mode=mode))
    return config


def train_here(
    config: TrainConfig,
    load: Load,
    loss: Callable[..., Any],
    stop: Callable[[], bool] = lambda: False,
) -> list[dict[str, Any]]:
    """Trains as a worker does and returns its events, as the command reads them."""
    from accelerate.state import AcceleratorState

    from sormctl.training.worker.loop import train

    AcceleratorState._reset_state(reset_partial_state=True)
    events: list[dict[str, Any]] = []
    train(config, load, loss, lambda event: events.append(to_builtins(event)), stop)
    return events


def losses(events: Sequence[dict[str, Any]]) -> list[float]:
    """The logged losses."""
    return [event["loss"] for event in events if event["event"] == "step"]
