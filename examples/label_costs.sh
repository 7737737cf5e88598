#!/usr/bin/env bash
# What step labels cost, and what a stepwise reward model (SORM) trained on them is worth, on `chain`.
#
#   SEEDS="1 2 3" bash examples/label_costs.sh
#
# Each way labels solutions of the same samples; its SORM is trained alike, and judges the steps of the same
# greedy drafts, whose truth the oracle knows. The table is in OUT/table.md. The same command continues it, whatever
# stopped it.
set -euo pipefail

OUT=${OUT:-runs/label-costs} SEEDS=${SEEDS:-1 2 3}
PROBLEMS=${PROBLEMS:-2000} SAMPLES=${SAMPLES:-4} LABELLED=${LABELLED:-2} TESTED=${TESTED:-1000}
export OMP_NUM_THREADS=${OMP_NUM_THREADS:-1}
here=$(dirname "$0")
STUDENT=embedded:student

# a way: its name, how many of the samples it labels, and the options of label-steps; the first is the plain one
WAYS=(
  "plain, K = 8|$LABELLED|--exhaustive -k 8"
  "exact, K = 8|$LABELLED|-k 8"
  "exact, K = 4|$LABELLED|-k 4"
  "exact, K = 2|$LABELLED|-k 2"
  "exact, K = 1|$LABELLED|-k 1"
  "exact, K = 1, all samples|$SAMPLES|-k 1"
  "exact, K = 2, all samples|$SAMPLES|-k 2"
  "bisect, K = 1|$LABELLED|-k 1 --strategy bisect"
  "guided 0.05, K = 8|$LABELLED|-k 8 --strategy guided --tolerance 0.05"
  "guided 0.1, K = 8|$LABELLED|-k 8 --strategy guided --tolerance 0.1"
  "siblings, exact, K = 8, all samples|$SAMPLES|-k 8 --siblings"
  "siblings, exact, K = 2, all samples|$SAMPLES|-k 2 --siblings"
  "siblings, guided 0.02, K = 8, all samples|$SAMPLES|-k 8 --siblings --strategy guided --tolerance 0.02"
  "by outcome, all samples|$SAMPLES|--by outcome"
)

once() { # FILE COMMAND…: unless it is there
  [ -e "$1" ] || { echo "$(date +%T) $1"; "${@:2}"; }
}

for seed in $SEEDS; do
  at=$OUT/$seed
  mkdir -p "$at"
  ask=(--model "$STUDENT" --seed "$seed" --resume -q)
  once "$at/train.jsonl" sormctl problems chain --split train -n "$PROBLEMS" --seed "$seed" -q -o "$at/train.jsonl"
  once "$at/test.jsonl" sormctl problems chain --split test -n "$TESTED" --seed "$seed" -q -o "$at/test.jsonl"
  sormctl sample "${ask[@]}" -n "$SAMPLES" "$at/train.jsonl" -o "$at/samples.jsonl"
  sormctl sample "${ask[@]}" --greedy "$at/test.jsonl" -o "$at/drafts.jsonl"
  once "$at/truth.jsonl" sormctl label-steps --by oracle -q "$at/drafts.jsonl" -o "$at/truth.jsonl"
  number=0
  for way in "${WAYS[@]}"; do
    IFS='|' read -r name samples options <<< "$way"
    number=$((number + 1)) to=$at/way-$number
    mkdir -p "$to"
    echo "$name" > "$to/name"
    [[ $options == --by* ]] || options+=" --model $STUDENT --resume --seed $seed"
    once "$to/some.jsonl" sormctl filter --max-per-problem "$samples" -q "$at/samples.jsonl" -o "$to/some.jsonl"
    # shellcheck disable=SC2086
    [ -e "$to/sorm/sormctl.json" ] || sormctl label-steps $options -q "$to/some.jsonl" -o "$to/steps.jsonl"
    once "$to/balanced.jsonl" sormctl balance --by prefix-length -q "$to/steps.jsonl" -o "$to/balanced.jsonl"
    once "$to/sorm/sormctl.json" sormctl train-rm --model "$STUDENT" --seed "$seed" --lr 1e-3 --batch-size 32 \
      --epochs 2 --resume -q "$to/balanced.jsonl" -o "$to/sorm"
    once "$to/judged.jsonl" sormctl score --rm "$to/sorm" --name sorm -q "$at/truth.jsonl" -o "$to/judged.jsonl"
    once "$to/outcomes.jsonl" sormctl eval -q "$to/judged.jsonl" --outcomes "$to/outcomes.jsonl" \
      -o "$to/results.json" --overwrite
  done
  python "$here/label_costs.py" "$OUT" > "$OUT/table.md"
done
cat "$OUT/table.md"
