#!/usr/bin/env bash
# Alternates OpenBLAS flavours (unpacked, not installed) over rounds, so that what else runs on the machine touches all alike.
# Usage: compare.sh ROUNDS STEPS LAYERS   Output: flavour, threads, seconds of each step, the libraries loaded.
set -euo pipefail
here="$(cd "$(dirname "$0")" && pwd)"
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
cd "$work"
flavours="pthread openmp serial"
for flavour in $flavours; do
  apt-get download -q "libopenblas0-$flavour" >/dev/null 2>&1
  dpkg -x "libopenblas0-${flavour}"_*.deb "$flavour"
done
for ((round = 0; round < $1; round++)); do
  for threads in 1 2; do
    for flavour in $flavours; do
      folder="$work/$flavour/usr/lib/$(dpkg-architecture -qDEB_HOST_MULTIARCH 2>/dev/null || echo x86_64-linux-gnu)/openblas-$flavour"
      echo "$flavour $(LD_LIBRARY_PATH="$folder" /usr/bin/python3 "$here/linear_maps.py" "$threads" "$2" "$3")"
    done
  done
done
