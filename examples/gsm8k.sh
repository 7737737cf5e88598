#!/usr/bin/env bash
# The whole method on GSM8K: a pretrained model is fine-tuned on the worked solutions, then checks and
# refines its own samples. Problems come from the hub, or from the folder SORMCTL_DATA.
#
#   MODEL=path/or/hub-name bash examples/gsm8k.sh         # all of GSM8K, for a GPU node; trainings as we chose them
#   MODEL=… SIZE=small bash examples/gsm8k.sh             # a first look on a CPU
set -euo pipefail

export BENCH=gsm8k
OUT=${OUT:-runs/gsm8k}
mkdir -p "$OUT"
OUT=$(realpath "$OUT")
export OUT
BASE=$MODEL
[ -d "$BASE" ] && BASE=$(realpath "$BASE")
export BASE
if [ "${SIZE:-full}" = small ]; then
  : "${STUDENT_PROBLEMS:=128}" "${TRAIN_PROBLEMS:=32}" "${SAMPLES:=8}" "${LABELLED:=1}" "${K:=4}"
  : "${TEST_PROBLEMS:=20}" "${MAX_TOKENS:=160}" "${RM_EPOCHS:=1}" "${REFINER_EPOCHS:=1}"
  : "${TRAIN_OPTIONS:=--lr 1e-4 --batch-size 8}"
else
  : "${STUDENT_PROBLEMS:=7473}" "${TRAIN_PROBLEMS:=7473}" "${SAMPLES:=96}" "${LABELLED:=5}"
  : "${TEST_PROBLEMS:=1319}" "${MAX_TOKENS:=300}" "${RM_EPOCHS:=1}" "${REFINER_EPOCHS:=1}"
  : "${TRAIN_OPTIONS:=--lr 1e-5 --batch-size 128}"
fi
export TRAIN_PROBLEMS SAMPLES LABELLED TEST_PROBLEMS MAX_TOKENS RM_EPOCHS REFINER_EPOCHS TRAIN_OPTIONS
[ -z "${K:-}" ] || export K

export STUDENT=$OUT/student
sormctl problems gsm8k --split train -n "$STUDENT_PROBLEMS" --overwrite -o "$OUT/worked.jsonl"
# shellcheck disable=SC2086
sormctl train-student --model "$BASE" -o "$STUDENT" --resume --epochs 2 $TRAIN_OPTIONS \
  "$OUT/worked.jsonl"
bash "$(dirname "$0")/pipeline.sh"
