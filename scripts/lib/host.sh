# shellcheck shell=bash
# What the scripts need of the machine they run on: messages, root rights, Debian packages. Sourced, not run.

say() { printf '==> %s\n' "$*" >&2; }
warn() { printf 'warning: %s\n' "$*" >&2; }
die() {
  printf 'error: %s\n' "$*" >&2
  exit 1
}

# Runs a command as root, through sudo where needed.
as_root() {
  if [[ $(id -u) == 0 ]]; then
    "$@"
  elif command -v sudo >/dev/null; then
    sudo "$@"
  else
    die "this needs root or sudo: $*"
  fi
}

# Runs apt-get as root: asks nothing, restarts nothing, waits for another apt that is at work.
apt_get() {
  command -v apt-get >/dev/null || die "cannot install anything here: no apt-get (these scripts know Debian and Ubuntu)"
  as_root env DEBIAN_FRONTEND=noninteractive NEEDRESTART_SUSPEND=1 \
    apt-get -q -y -o DPkg::Lock::Timeout=300 -o Dpkg::Use-Pty=0 "$@"
}

# Downloads the package lists, at most once per run.
refresh_package_lists() {
  [[ -z ${package_lists_refreshed:-} ]] || return 0
  say "refreshing the package lists"
  # A broken third-party source must not stop us: whether the lists suffice shows when they are used.
  apt_get update >&2 || warn "apt-get update reported errors"
  package_lists_refreshed=1
}

# Installs packages. The lists may be missing or too old, which shows only when the installation fails.
install_packages() {
  say "installing $*"
  apt_get install --no-install-recommends "$@" >&2 && return
  refresh_package_lists
  apt_get install --no-install-recommends "$@" >&2 || die "could not install $*"
}

# require_commands COMMAND=PACKAGE...: installs the packages of the commands that are missing.
require_commands() {
  local pair missing=()
  for pair in "$@"; do
    command -v "${pair%%=*}" >/dev/null || missing+=("${pair#*=}")
  done
  [[ ${#missing[@]} == 0 ]] || install_packages "${missing[@]}"
}
