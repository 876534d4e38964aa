#!/usr/bin/env bash
# From a bare Debian or Ubuntu machine with cargo to a running example: installs and starts a Docker Engine if none
# answers, builds topo, brings examples/quickstart up, and sends it a request. Can be run again at any time.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
source scripts/lib/host.sh
source scripts/lib/engine.sh
source scripts/lib/rust.sh

main() {
  ensure_rust
  ensure_engine
  say "building topo"
  cargo build --release --locked
  build_demo

  local topo=("${CARGO_TARGET_DIR:-target}/release/topo" -f examples/quickstart/compose.yaml)
  local url=http://localhost:${WEB_PORT:-8080}/
  say "${topo[*]} up -d"
  "${topo[@]}" up -d
  say "${topo[*]} ps"
  "${topo[@]}" ps
  say "curl $url   (web asks api, and api asks store)"
  request "$url"
  say "It works. To stop it: ${topo[*]} down"
}

# request URL: prints the answer. `up` waits for what others depend on, so web itself may need a moment more.
request() {
  local deadline=$((SECONDS + 10))
  until curl --fail --silent --show-error --noproxy '*' --max-time 10 "$1" 2>/dev/null; do
    if ((SECONDS > deadline)); then
      # Once more, to show what is wrong.
      curl --silent --show-error --noproxy '*' --max-time 10 "$1" >&2 || true
      die "no good answer from $1"
    fi
    sleep 0.2
  done
}

main
