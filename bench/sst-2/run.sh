#!/usr/bin/env bash
# Dev accuracy on SST-2 from 1,000 training rows, three seeds: ./run.sh DATA, where DATA holds sst-2/train.tsv and sst-2/dev.tsv as
# published by GLUE. Trains LoRA and the head alone on whole sentences, and LoRA on phrases as they come. Prints a Markdown table.
set -eu
root="$(cd "$(dirname "$0")/../.." && pwd)"
data="$(realpath "${1:?the folder that holds sst-2/}")"
out="$(mktemp -d)"
trap 'rm -rf "$out"' EXIT
mkdir -p "$out/whole/SST-2"
cp "$data/sst-2/dev.tsv" "$out/whole/SST-2/"
python3 "$root/bench/sst-2/whole_sentences.py" "$data/sst-2/train.tsv" "$out/whole/SST-2/train.tsv"
"$root/graft" pull minilm >/dev/null
echo "| rows | method | options | dev accuracy by seed 0, 1, 2 | mean ± deviation | seconds of one run |"
echo "|---|---|---|---|---|---|"
measure() { # ROWS FOLDER METHOD OPTIONS...
  local rows=$1 folder=$2 method=$3
  shift 3
  for seed in 0 1 2; do
    "$root/graft" train --tasks sst-2 --data "$folder" --examples 1000 --method "$method" "$@" --seed $seed \
      --out "$out/run" --overwrite --json 2>/dev/null
  done | python3 -c '
import json, re, statistics, sys
text = sys.stdin.read()
decoder, at, runs = json.JSONDecoder(), 0, []
while at < len(text.rstrip()):
    run, at = decoder.raw_decode(text, at + len(text[at:]) - len(text[at:].lstrip()))
    runs.append(run["tasks"][0])
dev = [run["dev"]["accuracy"] for run in runs]
print("| {} | {} | {} | {} | **{:.3f} ± {:.3f}** | {:.0f} |".format(*sys.argv[1:4], ", ".join(f"{d:.4f}" for d in dev),
      statistics.mean(dev), statistics.stdev(dev), statistics.median(run["seconds"] for run in runs)))' "$rows" "$method" "${*:-defaults}"
}
measure "whole sentences" "$out/whole" lora
measure "whole sentences" "$out/whole" head
measure "phrases" "$data" lora
