#!/usr/bin/env bash
# Runs the tests that need a Docker Engine on another one than the machine's: the newest that Debian has, in namespaces
# of its own. Where that cannot be had or started, it says why, and runs none.
#
#   scripts/e2e.sh newest [ARGUMENTS OF cargo test]
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
source scripts/lib/host.sh
source scripts/lib/engine.sh
source scripts/lib/rust.sh
source scripts/lib/debian.sh
source scripts/lib/peer.sh
source scripts/lib/newest.sh
source scripts/lib/sshd.sh

main() {
  [[ ${1:-} == newest ]] || die "usage: scripts/e2e.sh newest [ARGUMENTS OF cargo test]"
  shift
  ensure_rust
  require_commands curl=curl ip=iproute2 dockerd=docker.io docker-registry=docker-registry socat=socat openssl=openssl
  ensure_peer
  ensure_newest
  ensure_sshd
  [[ -n ${TOPO_NEWEST_ENGINE:-} ]] || return 0
  build_demo
  # There is no way to a registry of crates out of the namespaces.
  cargo test --locked --test e2e --test it --no-run

  start_newest || return 0
  scripts/stand-ins.sh
  export TOPO_E2E=1 RUST_TEST_THREADS=${RUST_TEST_THREADS:-6} PATH=$TOPO_NEWEST_ENGINE:$PATH
  say "the tests on $(engine_request GET /version | grep -o '"Version":"[^"]*","ApiVersion":"[^"]*"')"
  beside_newest cargo test --locked --offline --test it contract::
  beside_newest cargo test --locked --offline --test e2e "$@"
}

# Starts the engine, exports DOCKER_HOST, and sets `process` to one in its namespaces.
start_newest() {
  work=$(mktemp -d)
  trap end_newest EXIT
  mkfifo "$work/commands" "$work/answers"
  mkdir "$work/engine"
  TOPO_ENGINE_BINARIES=$TOPO_NEWEST_ENGINE scripts/private-engine.sh "$work/engine" \
    <"$work/commands" >"$work/answers" 2>"$work/errors" &
  engine=$!
  exec {commands}>"$work/commands" {answers}<"$work/answers"
  read -r process <&"$answers"
  if [[ $process == cannot:* ]]; then
    warn "no engine of the tests' own can be started: ${process#cannot: }"
    return 1
  fi
  echo start >&"$commands"
  export DOCKER_HOST=unix://$work/engine/engine.sock
  engine_log=$work/engine/engine.log
  wait_for_engine
}

beside_newest() {
  nsenter --net="/proc/$process/ns/net" "$@"
}

end_newest() {
  [[ -z ${commands:-} ]] || exec {commands}>&-
  [[ -z ${engine:-} ]] || wait "$engine" || true
  rm -rf "$work"
}

main "$@"
