#!/usr/bin/env bash
# Builds everything and runs all tests: ./test.sh [--filter PART-OF-A-TEST-NAME] [options of the test program ...]
#
#   ./test.sh                       all tests
#   ./test.sh --filter Fixture      only tests whose full name contains "Fixture"
#   ./test.sh --project Torch       only the test projects whose name contains "Torch"
set -u
root="$(cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")" && pwd)"
cd "$root" || exit
# shellcheck source=eng/setup.sh
. "$root/eng/setup.sh"

only=""
options=()
while [ $# -gt 0 ]; do
  case "$1" in
    -h | --help)
      sed -n '2,7s/^# \{0,1\}//p' "$0"
      exit 0
      ;;
    --filter | --project)
      if [ $# -lt 2 ]; then
        graft_fail "$1 needs a value: part of a test's full name or of a project's name."
        exit
      fi
      if [ "$1" = --filter ]; then options+=(--filter-method "*$2*"); else only=$2; fi
      shift
      ;;
    *) options+=("$1") ;;
  esac
  shift
done

graft_setup npm || exit
graft_wish chromium "without Chromium the browser tests of reports are skipped."
graft_wish spm_train "without Debian's sentencepiece the tests that make Unigram tokenizers are skipped." sentencepiece
graft_build Graft.slnx || exit

passed=0 failed=0 skipped=0 broken=0
log="$(mktemp)"
trap 'rm -f "$log"' EXIT
for project in tests/*.Tests; do
  name="$(basename "$project")"
  case "$name" in *"$only"*) ;; *) continue ;; esac
  dotnet "artifacts/bin/$name/release/$name.dll" --ignore-exit-code 8 --no-progress "${options[@]}" </dev/null 2>&1 |
    tee "$log" | sed '/^Test run summary:/,$d; /^$/d; /^Ok, passed [0-9]* test/d'
  status=${PIPESTATUS[0]}
  read -r p f s seconds < <(awk '
    /^ *succeeded: [0-9]+/ { p = $2 }  /^ *failed: [0-9]+/ { f = $2 }  /^ *skipped: [0-9]+/ { s = $2 }
    /^ *duration: / { $1 = ""; d = $0 }
    END { print p + 0, f + 0, s + 0, d }' "$log")
  printf '%-18s %5d passed %4d failed %4d skipped  %s\n' "$name" "$p" "$f" "$s" "$seconds"
  passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
  if [ "$status" -ne 0 ] && [ "$f" -eq 0 ]; then
    graft_say "$name ended with exit status $status."
    broken=$((broken + 1))
  fi
done

# A test program that died or could not start counts as one failure: its tests did not pass.
failed=$((failed + broken))
if [ $((passed + failed + skipped)) -eq 0 ]; then
  graft_say "no test matches."
  failed=1
fi
if [ "$skipped" -gt 0 ]; then
  echo "$passed passed, $failed failed, $skipped skipped"
else
  echo "$passed passed, $failed failed"
fi
[ "$failed" -eq 0 ]
