# shellcheck shell=bash
# Fetches the newest Docker Engine that Debian has, for tests beside the machine's own. Sourced, not run; needs host.sh
# and debian.sh.
#
#   ensure_newest   exports TOPO_NEWEST_ENGINE, the folder of its binaries, if it can be had
#
# Its runc would need a newer C library than the machine may have, so the machine's own is used. To look for a newer
# one, remove the folder topo-engine-newest in the cache.

ensure_newest() {
  local cache=${XDG_CACHE_HOME:-$HOME/.cache}/topo-engine-newest
  if [[ -n ${TOPO_NEWEST_ENGINE:-} ]]; then
    return
  fi
  # In a subshell, so that a failure ends only the fetching. Mind that `||` turns off `set -e` in there.
  [[ -x $cache/dockerd ]] || (fetch_newest "$cache") || true
  if [[ -x $cache/dockerd ]]; then
    export TOPO_NEWEST_ENGINE=$cache
    return
  fi
  warn "no newer Docker Engine to test on: tests that need TOPO_NEWEST_ENGINE do not run."
}

# fetch_newest CACHE: puts the binaries into the cache directory, or fails with a message.
fetch_newest() {
  local cache=$1 work mirror binary
  work=$(mktemp -d)
  # shellcheck disable=SC2064  # The directory's name is wanted as it is now.
  trap "rm -rf '$work'" EXIT
  mirror=$(debian_mirror)
  if [[ -z $mirror ]]; then
    refresh_package_lists
    mirror=$(debian_mirror)
  fi
  [[ -n $mirror ]] || die "this machine's package sources have no Debian"
  say "fetching the Docker Engine of Debian unstable"
  use_private_apt "$work/apt" "deb $mirror unstable main"
  private_apt get update >&2 || die "cannot read what Debian unstable has"
  (cd "$work" && private_apt get download docker.io containerd >&2) || die "cannot fetch it"
  for binary in "$work"/*.deb; do
    dpkg-deb --extract "$binary" "$work/root" || die "cannot unpack $binary"
  done
  mkdir "$work/bin"
  for binary in bin/containerd bin/containerd-shim-runc-v2 sbin/docker-proxy sbin/dockerd; do
    cp "$work/root/usr/$binary" "$work/bin/" || die "the packages have no $binary"
  done
  for binary in containerd dockerd; do
    "$work/bin/$binary" --version >&2 || die "$binary of Debian unstable does not run here"
  done
  # Renamed into place, so that an interrupted copy is never taken for the whole.
  rm -rf "$cache.part" && cp -r "$work/bin" "$cache.part" && rm -rf "$cache" && mv "$cache.part" "$cache"
}
