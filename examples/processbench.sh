#!/usr/bin/env bash
# Reward models on ProcessBench, side by side, and beside the figures that are published.
#
#   bash examples/processbench.sh Qwen/Qwen2.5-Math-PRM-7B          # the rows come from the hub
#   bash examples/processbench.sh MODEL peiyi9979/math-shepherd-mistral-7b-prm@math-shepherd
#   ROWS=chain bash examples/processbench.sh embedded:sorm embedded:orm       # generated rows, no hub
#
# After @ stands the adapter of a model whose architecture does not tell it. JUDGE=MODEL adds a language
# model as a judge. ROWS is a file of ProcessBench, by default its split SPLIT (gsm8k) from the hub.
# What is published for that split is held against the row of the fixed threshold, and against the one of
# the chosen threshold: which of the two was published differs from model to model.
set -euo pipefail

SPLIT=${SPLIT:-gsm8k} OUT=${OUT:-runs/processbench} JUDGE=${JUDGE:-}
JUDGE_OPTIONS=${JUDGE_OPTIONS:-} ENGINE_OPTIONS=${ENGINE_OPTIONS:-}
here=$(dirname "$0")
mkdir -p "$OUT"
ROWS=${ROWS:-$OUT/$SPLIT.jsonl}
if [ "$ROWS" = chain ]; then
  ROWS=$OUT/chain.jsonl
  sormctl problems chain --split test -n "${PROBLEMS:-200}" |
    sormctl sample -q --model embedded:student -n 2 |
    python "$here/processbench_rows.py" > "$ROWS"
elif [ ! -e "$ROWS" ]; then
  python -c 'import sys, datasets; datasets.load_dataset("Qwen/ProcessBench", split=sys.argv[1]).to_json(sys.argv[2])' \
    "$SPLIT" "$ROWS"
fi

sormctl import processbench "$ROWS" --overwrite -o "$OUT/rows.jsonl"
scored=$OUT/rows.jsonl
number=0
score() { # OPTION…: the scores beside those that are there
  number=$((number + 1))
  # shellcheck disable=SC2086
  sormctl score $ENGINE_OPTIONS "$@" "$scored" --overwrite -o "$OUT/scored-$number.jsonl"
  scored=$OUT/scored-$number.jsonl
}
for model in "$@"; do
  name=${model%@*} adapter=()
  [ "$name" = "$model" ] || adapter=(--rm-adapter "${model##*@}")
  score --rm "$name" --name "$(basename "${name#embedded:}")" "${adapter[@]}"
done
# shellcheck disable=SC2086
[ -z "$JUDGE" ] || score --judge "$JUDGE" --name judge $JUDGE_OPTIONS

sormctl eval --bench processbench "$scored" --overwrite -o "$OUT/rows.json"
python - "$OUT/rows.json" <<'PY'
import json
import sys

PUBLISHED = {  # F1 on the split gsm8k; Zheng et al., 2024, and Zhang et al., 2025
    "Qwen2.5-Math-PRM-7B": 82.4,
    "Skywork-o1-Open-PRM-Qwen-2.5-7B": 70.8,
    "math-shepherd-mistral-7b-prm": 47.9,
}
missed = 0
rows = [row for row in json.load(open(sys.argv[1]))["rows"] if row.get("split") == "gsm8k"]
for name, published in PUBLISHED.items():
    found = [100 * row["value"] for row in rows if row.get("model") == name]
    if found:
        near = min(found, key=lambda value: abs(value - published))
        missed += abs(near - published) > 0.5
        print(f"{name}: published {published}, here {near:.1f}")
sys.exit(missed > 0)
PY
