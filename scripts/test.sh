#!/usr/bin/env bash
# Sets up what the tests need, and runs all of them, those on a real Docker Engine included.
#
#   scripts/test.sh [--quick] [ARGUMENTS OF cargo test]
#
# --quick leaves out the tests that need an engine, and sets nothing up. Cheap checks come first, so that a small
# mistake shows before anything is downloaded.
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
  local quick=
  if [[ ${1:-} == --quick ]]; then
    quick=1
    shift
  fi
  ensure_rust

  step cargo fmt --check
  # The demo server is no part of the package, so cargo does not see it.
  step rustfmt --check --edition 2024 examples/quickstart/demo/main.rs
  [[ -n $quick ]] || require_commands shellcheck=shellcheck
  if command -v shellcheck >/dev/null; then
    step shellcheck -x .ci/run tests/k8s/run.sh tests/page/run.sh scripts/*.sh scripts/lib/*.sh scripts/stand-ins/*/*.sh
  fi
  step cargo clippy --all-targets --locked -- -D warnings
  RUSTDOCFLAGS=-Dwarnings step cargo doc --no-deps --locked

  if [[ -n $quick ]]; then
    unset TOPO_E2E
  else
    say "setting up the engine, images and docker compose for the tests"
    ensure_engine
    build_demo
    scripts/stand-ins.sh
    ensure_peer
    ensure_newest
    ensure_sshd
    require_commands node=nodejs npm=npm chromium=chromium docker-registry=docker-registry socat=socat openssl=openssl
    # tests/k8s installs what it needs beside the build.
    python3 -c 'import ensurepip' 2>/dev/null || install_packages python3-venv
    export TOPO_E2E=1
    # These tests wait for the engine more than they reckon, so more run at a time than there are processors.
    export RUST_TEST_THREADS=${RUST_TEST_THREADS:-6}
  fi
  step cargo test --locked "$@"
  if [[ -z $quick && $# == 0 ]]; then
    # The same again, but for those that have engines of their own already.
    step scripts/e2e.sh newest -- --skip faults:: --skip killed:: --skip newest::
  fi
  step tests/editor/run.sh
  step tests/page/run.sh
  step tests/k8s/run.sh
  say "all passed"
}

step() {
  say "$*"
  "$@"
}

main "$@"
