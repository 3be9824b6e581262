#!/bin/sh
# Tokenizer throughput of Graft against the reference library (npm `tokenizers`, Rust) on the same lines, at 1 and at 2 threads.
# Usage: bench/tokenizers/run.sh [LINES_FILE [ROUNDS]]     Without a file: 10,000 lines of the shared data beside the repository.
set -eu
cd "$(dirname "$0")/../.."
modules=artifacts/oracles
[ -d "$modules/node_modules/tokenizers" ] || npm install --ignore-scripts --no-audit --no-fund --prefix "$modules" tokenizers@0.23.2 >/dev/null
lines=${1:-artifacts/bench-lines.txt}
if [ ! -f "$lines" ]; then
  data=$(for d in .. ../.. ../../..; do [ -d "$d/shared/data" ] && echo "$d/shared/data" && break; done)
  find "$data" -name '*.txt.gz' | sort | while read -r f; do gzip -dc "$f" 2>/dev/null | grep -v '^$' | cut -c1-1000 | head -n 120; done | iconv -c -t utf-8 | head -n 6000 >"$lines"
  find "$data" -name '*.tsv' | sort | while read -r f; do cut -c1-1000 "$f" | head -n 400; done | iconv -c -t utf-8 | grep -v '^$' | head -n 4000 >>"$lines"
fi
dotnet build bench/tokenizers -c Release -v q --nologo >/dev/null
echo "$(wc -l <"$lines") lines, $(wc -c <"$lines") bytes; $(grep -m1 'model name' /proc/cpuinfo | cut -d: -f2 | sed 's/^ //'), $(nproc) cores; .NET $(dotnet --version), node $(node --version), tokenizers 0.23.2"
echo
echo '| tokenizer | threads | tokens | Graft ms | reference ms | of which handing over ms | Graft MB/s | reference MB/s | ratio | ratio without handing over |'
echo '|---|---|---|---|---|---|---|---|---|---|'
for threads in 1 2; do
  DOTNET_PROCESSOR_COUNT=$threads RAYON_NUM_THREADS=$threads \
    dotnet artifacts/bin/Graft.Bench.Tokenizers/release/Graft.Bench.Tokenizers.dll "$modules" tests/fixtures/tokenizers "$lines" "${2:-15}"
done
