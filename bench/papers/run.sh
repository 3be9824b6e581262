#!/usr/bin/env bash
# Runs a table of the papers: bench/papers/run.sh DATA OUT domains|glue [OPTION...]
#
# DATA holds the published files (graft data check DATA), OUT gets everything: OUT/tapt/TASK, the backbone after pretraining on the task's own training
# texts, and the comparison OUT/NAME with its report. Options go to graft compare, such as --jobs 2. The same call goes on with what was interrupted.
# The default backbone has no head for masked words: OUT/tapt/TASK-head is 200 steps of 64 texts of that head alone, so that the 400 steps of all weights
# behind them do not begin with the gradients of a random one. GRAFT names the program, with absolute paths; ./graft of this repository by default.
set -eu
here="$(cd "$(dirname "$0")" && pwd)"
data="$(realpath "${1:?a folder of published files}")" out="${2:?a folder for what comes out}" name="${3:?domains or glue}"
shift 3
graft=("$here/../../graft")
if [ -n "${GRAFT:-}" ]; then read -r -a graft <<<"$GRAFT"; fi
mkdir -p "$out/tapt"
cd "$out"

# of KEYS: what the plan says
of() { python3 -c 'import json, sys; print(json.dumps({k: v for k, v in json.load(open(sys.argv[1])).items() if k in sys.argv[2:]}))' "$here/$name.json" "$@"; }

# pretrain FOLDER OPTION...: begins, or goes on with, a pretraining on a task's texts
pretrain() {
  local folder="$1" resume=()
  shift
  [ -e "$folder/config.json" ] && return # the file that is written last
  [ -e "$folder/run.json" ] && resume=(--resume)
  "${graft[@]}" pretrain "$name-texts.json" --data "$data" --batch 64 --micro-batch 32 --precision bf16 --out "$folder" "$@" "${resume[@]}"
}

of split split_seed >"$name-texts.json" # dev and test rows of the plan are not trained on
for task in $(of tasks | python3 -c 'import json, sys; print(*json.load(sys.stdin)["tasks"])'); do
  pretrain "tapt/$task-head" --task "$task" --method head --steps 200 --lr 1e-3
  pretrain "tapt/$task" --task "$task" --backbone "tapt/$task-head" --steps 400 --lr 1e-4
done
python3 - "$here/$name.json" "$data" >"$name.json" <<'PLAN'
import json, sys
json.dump(json.load(open(sys.argv[1])) | {"data": sys.argv[2]}, sys.stdout, indent=2)
PLAN
exec "${graft[@]}" compare "$name.json" --out "$name" "$@"
