#!/usr/bin/env bash
# Installs what is missing, fetches a pretrained language model and seven small tasks, trains one adapter for each task
# on 300 rows, shows how good they are, and labels three sentences: ./demo.sh [SENTENCE ...]
#
#   ./demo.sh                                    the sentences of demo/sentences.txt
#   ./demo.sh "Is it safe to refreeze fish?"     your own
#   ./demo.sh --labels-only SENTENCE ...         label with the packages of the last run, without training
#
# The settings are demo/recipe.json; every run trains anew, into demo/run. Downloads go to ~/.cache/graft (GRAFT_HOME).
set -u
root="$(cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")" && pwd)"
cd "$root" || exit
# shellcheck source=eng/setup.sh
. "$root/eng/setup.sh"

train=yes
case "${1:-}" in
  -h | --help)
    sed -n '2,9s/^# \{0,1\}//p' "$0"
    exit 0
    ;;
  --labels-only)
    train=no
    shift
    ;;
esac
sentences=("$@")
[ ${#sentences[@]} -gt 0 ] || mapfile -t sentences < <(grep -v '^ *$' demo/sentences.txt)

heading() { if [ -t 1 ]; then printf '\n\033[1;36m%s\033[0m\n\n' "$*"; else printf '\n%s\n\n' "$*"; fi; }

SECONDS=0
graft_setup npm || exit
./graft pull minilm >/dev/null || exit
./graft tasks pull starter >/dev/null || exit
graft_say "set-up done in $SECONDS s"

if [ $train = yes ]; then
  heading "One frozen model (all-MiniLM-L6-v2), seven tasks, 300 rows each: a LoRA adapter and a head for every task"
  ./graft train demo/recipe.json --out demo/run --overwrite || exit
fi

heading "What they say (edit demo/sentences.txt, or pass sentences of your own)"
texts=()
for sentence in "${sentences[@]}"; do texts+=(--text "$sentence"); done
./graft predict demo/run/{sentiment-amazon,cooking,wordnet-domain,wordnet-supersense} "${texts[@]}" || exit
echo
graft_say "all done in $SECONDS s"
graft_say "ask again: ./graft predict demo/run/cooking --text '...'      your own task: ./graft train --help"
