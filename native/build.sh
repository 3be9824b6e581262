#!/usr/bin/env bash
# Builds artifacts/native/libgraft_torch.so against the libtorch that CMake finds; returns at once when it is up to date.
# GRAFT_TORCH_DIR (a libtorch folder or the `torch` folder of a Python torch), Torch_DIR or CMAKE_PREFIX_PATH choose another libtorch.
set -euo pipefail

root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
source_dir="$root/native/graft_torch"
out="$root/artifacts/native"
library="$out/libgraft_torch.so"
mkdir -p "$out"

exec 9>"$out/lock"
flock 9

chosen=()
if [ -n "${GRAFT_TORCH_DIR:-}" ]; then
  if [ ! -e "$GRAFT_TORCH_DIR/lib/libtorch_cpu.so" ] || [ ! -d "$GRAFT_TORCH_DIR/include/ATen" ]; then
    echo "native/build.sh: error: GRAFT_TORCH_DIR='$GRAFT_TORCH_DIR' has no lib/libtorch_cpu.so and include/ATen; point it to a libtorch folder or to the 'torch' folder of a Python torch" >&2
    exit 1
  fi
  chosen=(-DGRAFT_TORCH_DIR="$GRAFT_TORCH_DIR")
elif [ -n "${Torch_DIR:-}" ]; then
  chosen=(-DTorch_DIR="$Torch_DIR")
fi
# What the library depends on: where it is, the sources, the choice of libtorch, and the libtorch found last time.
fingerprint() {
  {
    echo "$root|${chosen[*]:-}|${CMAKE_PREFIX_PATH:-}|${CXX:-}"
    cat "$source_dir"/* "$root/native/build.sh"
    if [ -f "$out/torch" ]; then stat -Lc '%n %s %Y' "$(cat "$out/torch")"/* 2>/dev/null || true; fi
  } | sha256sum
}

if [ -f "$library" ] && [ "$(cat "$out/stamp" 2>/dev/null)" = "$(fingerprint)" ]; then
  exit 0
fi

for tool in cmake c++; do
  if ! command -v "$tool" >/dev/null; then
    echo "native/build.sh: error: $tool is missing; install it with: apt-get install cmake g++ make libtorch-dev libopenblas0-openmp" >&2
    exit 1
  fi
done

build="$out/build"
rm -rf "$build"
generator=()
if command -v ninja >/dev/null; then generator=(-G Ninja); fi
if ! cmake -S "$source_dir" -B "$build" "${generator[@]}" "${chosen[@]}" >"$out/configure.log" 2>&1; then
  tail -n 20 "$out/configure.log" >&2
  echo "native/build.sh: error: no usable libtorch; install it with: apt-get install libtorch-dev, or set GRAFT_TORCH_DIR to a libtorch or Python torch folder (log: $out/configure.log)" >&2
  exit 1
fi
sed -n -e 's/^Torch_DIR:PATH=\(.\+\)/\1/p' -e 's/^GRAFT_TORCH_DIR:PATH=\(.\+\)/\1\/lib/p' "$build/CMakeCache.txt" >"$out/torch"
if ! cmake --build "$build" >"$out/build.log" 2>&1; then
  grep -E "error|Error" "$out/build.log" | head -n 20 >&2
  echo "native/build.sh: error: the border to libtorch did not compile (log: $out/build.log)" >&2
  exit 1
fi
# A rename, so that a process that has the old library open keeps it.
cp "$build/libgraft_torch.so" "$library.new"
mv "$library.new" "$library"
fingerprint >"$out/stamp"
echo "native: built $library against $(cat "$out/torch")"
