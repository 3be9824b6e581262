#!/usr/bin/env bash
# Pretrains a small BERT (bench/pretrain/small.json, 5.4 million weights) from random weights on the texts of a folder. The same call goes on with what
# was interrupted. Usage: bench/pretrain/run.sh TEXTS OUT [STEPS [OPTION...]]; options go to graft pretrain, such as --device cuda --micro-batch 64.
set -eu
here="$(cd "$(dirname "$0")" && pwd)"
texts="${1:?a folder of .txt or .txt.gz}" out="${2:?a folder for the model}" steps="${3:-6000}"
shift $(($# < 3 ? $# : 3))
resume=() micro=(--micro-batch 32)
case " $* " in *" --micro-batch"[\ =]*) micro=() ;; esac
[ -e "$out/run.json" ] && resume=(--resume)
exec "$here/../../graft" pretrain --config "$here/small.json" --text "$texts" --unit packed --max-tokens 128 --batch 64 "${micro[@]}" \
  --steps "$steps" --lr 1e-3 --precision bf16 --evaluations 40 --dev-items 400 --out "$out" "${resume[@]}" "$@"
