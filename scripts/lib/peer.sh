# shellcheck shell=bash
# Fetches the docker compose that topo is compared with in tests. Sourced, not run; needs host.sh and debian.sh.
#
#   ensure_peer   exports TOPO_PEER_COMPOSE, the path of the compose plugin, which also runs by itself
#
# The machine's own packages are left alone: the plugin is unpacked into a cache, not installed.

# The version whose labels, hashes and output the tests expect.
peer_version=2.40

ensure_peer() {
  local cache=${XDG_CACHE_HOME:-$HOME/.cache}/topo-peer-$peer_version
  if [[ -n ${TOPO_PEER_COMPOSE:-} ]]; then
    return
  fi
  # In a subshell, so that a failure ends only the fetching. Mind that `||` turns off `set -e` in there.
  [[ -x $cache/docker-compose ]] || (fetch_peer "$cache") || true
  if [[ -x $cache/docker-compose ]]; then
    export TOPO_PEER_COMPOSE=$cache/docker-compose
    return
  fi
  warn "################################################################################"
  warn "no docker compose $peer_version to compare with: tests that need TOPO_PEER_COMPOSE do not run."
  warn "################################################################################"
}

# fetch_peer CACHE: puts docker-compose into the cache directory, or fails with a message.
fetch_peer() {
  local cache=$1 work plugin
  work=$(mktemp -d)
  # shellcheck disable=SC2064  # The directory's name is wanted as it is now.
  trap "rm -rf '$work'" EXIT
  download_peer "$work" || die "found no package of docker compose $peer_version"
  dpkg-deb --extract "$work"/*.deb "$work/root" || die "cannot unpack $work/*.deb"
  plugin=$(find "$work/root" -path '*/cli-plugins/docker-compose' -type f)
  [[ $("$plugin" version --short) == "$peer_version".* ]] || die "not docker compose $peer_version: $plugin"
  mkdir -p "$cache"
  # Renamed into place, so that an interrupted copy is never taken for the whole.
  cp "$plugin" "$cache/docker-compose.part" && mv "$cache/docker-compose.part" "$cache/docker-compose"
}

# download_peer DIRECTORY: downloads the package from the machine's own mirror. Debian's releases have older versions,
# so there the suites under development are searched. Ubuntu backports it into its releases.
download_peer() {
  local directory=$1 suite mirror package
  package=$(candidate docker-compose-v2 apt-cache)
  mirror=$(debian_mirror)
  if [[ -z $package$mirror ]]; then
    refresh_package_lists
    package=$(candidate docker-compose-v2 apt-cache)
    mirror=$(debian_mirror)
  fi
  if [[ -n $package ]]; then
    say "fetching docker compose $peer_version"
    (cd "$directory" && apt-get -q -o APT::Sandbox::User=root download "$package" >&2)
    return
  fi
  [[ -n $mirror ]] || return
  for suite in unstable testing; do
    say "looking for docker compose $peer_version in Debian $suite"
    use_private_apt "$directory/apt" "deb $mirror $suite main"
    private_apt get update >&2 || continue
    package=$(candidate docker-compose private_apt cache)
    [[ -n $package ]] || continue
    (cd "$directory" && private_apt get download "$package" >&2)
    return
  done
  return 1
}

# candidate PACKAGE COMMAND...: asks the command, which is like apt-cache, and prints PACKAGE=VERSION of the newest
# version that fits, or nothing.
candidate() {
  local package=$1
  shift
  "$@" madison "$package" 2>/dev/null |
    awk -F ' *[|] *' -v package="$package" -v wanted="$peer_version." \
      'index($2, wanted) == 1 { print package "=" $2; exit }'
}
