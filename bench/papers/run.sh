#!/usr/bin/env bash
# Runs a table of the papers: bench/papers/run.sh DATA OUT domains|glue [OPTION...]
#
# DATA holds the published files (graft data check DATA), OUT gets everything: OUT/tapt/TASK, the backbone after pretraining on the task's own training
# texts (400 steps of 64 texts), and the comparison OUT/NAME with its report. Options go to graft compare, such as --jobs 2. The same call goes on with
# what was interrupted. GRAFT names the program, with absolute paths; ./graft of this repository by default.
set -eu
here="$(cd "$(dirname "$0")" && pwd)"
data="$(realpath "${1:?a folder of published files}")" out="${2:?a folder for what comes out}" name="${3:?domains or glue}"
shift 3
graft=("$here/../../graft")
if [ -n "${GRAFT:-}" ]; then read -r -a graft <<<"$GRAFT"; fi
mkdir -p "$out/tapt"
cd "$out"
for task in $(python3 -c 'import json, sys; print(*json.load(open(sys.argv[1]))["tasks"])' "$here/$name.json"); do
  [ -e "tapt/$task/config.json" ] && continue # the file that is written last
  resume=()
  [ -e "tapt/$task/run.json" ] && resume=(--resume)
  "${graft[@]}" pretrain --task "$task" --data "$data" --steps 400 --batch 64 --micro-batch 32 --lr 1e-4 --precision bf16 --out "tapt/$task" "${resume[@]}"
done
python3 - "$here/$name.json" "$data" >"$name.json" <<'PLAN'
import json, sys
json.dump(json.load(open(sys.argv[1])) | {"data": sys.argv[2]}, sys.stdout, indent=2)
PLAN
exec "${graft[@]}" compare "$name.json" --out "$name" "$@"
