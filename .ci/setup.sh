# Sourced by the `run` scripts: what they share. The caller has `set -eu` and a `checkout` variable.

logs=$checkout/build-logs
mkdir -p "$logs"

# One clear line, and out.
die() {
  echo "$(basename "$(dirname "$0")")/$(basename "$0"): $1" >&2
  exit "${2:-1}"
}

# Installs the Debian packages named that are not there yet, and says so first.
install_missing() {
  command -v dpkg-query >/dev/null && command -v apt-get >/dev/null ||
    die "this script sets itself up with Debian's apt-get, which is not here; needed: $*"
  local missing=() package
  for package in "$@"; do
    dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q ' installed$' || missing+=("$package")
  done
  if [ ${#missing[@]} -eq 0 ]; then
    echo "Nothing to install, all here: $*"
    return
  fi
  local root=() log=$logs/apt.log
  if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null || die "not root and no sudo here; install first: ${missing[*]}"
    root=(sudo)
  fi
  echo "Will install with apt-get: ${missing[*]}"
  { "${root[@]}" apt-get update &&
    "${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "${missing[@]}"
  } >"$log" 2>&1 || die "could not install ${missing[*]} (no network?); apt-get's words are in $log"
}

# quietly WHAT LOG COMMAND...: one line while all goes well, the log's end when not.
quietly() {
  local what=$1 log=$2 start=$SECONDS
  shift 2
  if ! "$@" >"$log" 2>&1; then
    tail -n 40 "$log" >&2
    die "$what failed; the whole log is $log"
  fi
  echo "$what: done in $((SECONDS - start)) s"
}

# build_in DIR [MESON_OPTION...]: configures DIR afresh with exactly these options, and builds.
build_in() {
  local dir=$1
  shift
  local log=$logs/$(basename "$dir").log
  quietly "Configuring $(basename "$dir")" "$log" configure "$dir" "$@"
  quietly "Building $(basename "$dir")" "$log" ninja -C "$dir" -j2
}

configure() {
  local dir=$1
  shift
  if [ -f "$dir/build.ninja" ]; then
    meson setup --reconfigure "$dir" "$checkout" "$@"
  else
    meson setup "$dir" "$checkout" "$@"
  fi
}
