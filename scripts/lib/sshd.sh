# shellcheck shell=bash
# Finds an ssh server to test with, or fetches one without installing it: an installed one would be started. Sourced, not
# run; needs host.sh.
#
#   ensure_sshd   exports TOPO_SSHD, the path of the program, if it can be had

ensure_sshd() {
  local cache=${XDG_CACHE_HOME:-$HOME/.cache}/topo-sshd work
  [[ -z ${TOPO_SSHD:-} ]] || return 0
  require_commands ssh=openssh-client
  if [[ ! -x $cache/sshd ]]; then
    work=$(mktemp -d)
    if (cd "$work" && apt-get -q -o APT::Sandbox::User=root download openssh-server >&2) &&
      dpkg-deb --extract "$work"/*.deb "$work/root"; then
      mkdir -p "$cache"
      cp "$work/root/usr/sbin/sshd" "$cache/sshd.part" && mv "$cache/sshd.part" "$cache/sshd"
    fi
    rm -rf "$work"
  fi
  # It prints its version and a usage, and fails; without its libraries it prints neither.
  if [[ $("$cache/sshd" -V 2>&1) == OpenSSH* ]]; then
    export TOPO_SSHD=$cache/sshd
  else
    warn "no ssh server to test with: the test that needs TOPO_SSHD does not run."
  fi
}
