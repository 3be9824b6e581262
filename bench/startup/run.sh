#!/usr/bin/env bash
# How long `graft train` on MiniLM takes from its start to the end of its first training step, in seconds: ./run.sh [ROUNDS]
# The task is 300 rows of the starter suite; the step is seen in the run's log.
set -eu
root="$(cd "$(dirname "$0")/../.." && pwd)"
rounds="${1:-5}"
out="$(mktemp -d)"
trap 'rm -rf "$out"' EXIT
"$root/graft" pull minilm >/dev/null 2>&1
"$root/graft" tasks pull starter >/dev/null 2>&1
for _ in $(seq "$rounds"); do
  rm -rf "$out/run"
  start=$(date +%s%N)
  dotnet "$root/artifacts/bin/Graft.Cli/release/Graft.Cli.dll" train --tasks sentiment-amazon --examples 300 --epochs 1 --batch 32 --out "$out/run" >/dev/null 2>&1 &
  until grep -qs '"event":"step"' "$out/run/training/sentiment-amazon.jsonl"; do sleep 0.01; done
  end=$(date +%s%N)
  wait
  awk -v ns=$((end - start)) 'BEGIN { printf "%.2f\n", ns / 1e9 }'
done | sort -n | awk '{ all[NR] = $1 } END { printf "first step after %s s (median of %d; %s to %s)\n", all[int((NR + 1) / 2)], NR, all[1], all[NR] }'
