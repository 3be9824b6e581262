#!/usr/bin/env bash
# What a pretraining was worth: full fine-tuning of its model on 600 and 6,000 rows of SST-2 and of CoLA against the same architecture with the random
# weights that it began with, where bench/pretrain/run.sh leaves both. Steps and rates are chosen on rows that are not reported on: a thousand of SST-2's
# train, half of CoLA's dev. Usage: bench/pretrain/probe.sh OUT DATA RESULT [OPTION...]; DATA holds sst-2 and cola as GLUE publishes them, RESULT is a
# folder for the comparison (RESULT/report.md has the table), options go to graft compare, such as --jobs 2 or --dry-run.
set -eu
here="$(cd "$(dirname "$0")" && pwd)"
model="${1:?the folder of bench/pretrain/run.sh}" data="${2:?a folder with sst-2 and cola}" result="${3:?a folder for the comparison}"
shift 3
plan="$(dirname "$result")/$(basename "$result").json"
python3 - "$model" "$data" "$plan" <<'PLAN'
import json, os, sys
model, data, plan = sys.argv[1:]
json.dump({
    "name": "pretraining probe",
    "backbone": os.path.join(model, "long"),
    "methods": [{"name": "pretrained", "method": "full"}, {"name": "random weights", "method": "full", "backbone": os.path.join(model, "short", "start")}],
    "tasks": ["sst-2", "cola"],
    "sizes": [600, 6000],
    "split": "published",
    "seeds": [0, 1, 2],
    "data": data,
    "epochs": 5,
    "batch": 32,
    "max_tokens": 128,
    "precision": "bf16",
    "learning_rate_factors": [1, 3, 10],
    "hypotheses": [{"text": "Pretraining on unlabelled text helps", "method": "pretrained", "is": "better", "than": ["random weights"]}],
}, open(plan, "w"), indent=2)
PLAN
exec "$here/../../graft" compare "$plan" --out "$result" "$@"
