#!/usr/bin/env bash
# Pretrains a small BERT (bench/pretrain/small.json, 5.4 million weights) from random weights on the texts of a folder: OUT/short on items of 32 tokens,
# from which OUT/long goes on with items of 128, where positions behind the 32nd begin as copies (positions.py). In long items a masked word's neighbours drown
# in the rest of them, and the model stays at the frequencies of words (docs/results/pretraining.md). The same call goes on with what was interrupted.
# Usage: bench/pretrain/run.sh TEXTS OUT [SHORT-STEPS [LONG-STEPS [OPTION...]]]; options go to both calls of graft pretrain, such as --device cuda.
set -eu
here="$(cd "$(dirname "$0")" && pwd)"
texts="${1:?a folder of .txt or .txt.gz}" out="${2:?a folder for the models}" short="${3:-10000}" long="${4:-1000}"
shift $(($# < 4 ? $# : 4))

# pretrain NAME OPTION...: begins, or goes on with, one of the two
pretrain() {
  local folder="$out/$1" resume=()
  shift
  [ -e "$folder/config.json" ] && return # the file that is written last
  [ -e "$folder/run.json" ] && resume=(--resume)
  "$here/../../graft" pretrain --text "$texts" --unit packed --precision bf16 --evaluations 40 --dev-items 400 --out "$folder" "$@" "${resume[@]}"
}

pretrain short --config "$here/small.json" --max-tokens 32 --batch 128 --micro-batch 128 --steps "$short" --lr 1e-3 "${@}"
[ -e "$out/tiled/model.safetensors" ] || python3 "$here/positions.py" "$out/short" 32 "$out/tiled"
pretrain long --backbone "$out/tiled" --max-tokens 128 --batch 64 --micro-batch 32 --steps "$long" --lr 3e-4 "${@}"
