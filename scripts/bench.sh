#!/usr/bin/env bash
# Measures topo beside docker compose on the same files and the same engine, and prints how many times faster topo is.
#
#   scripts/bench.sh
#
# Reading: `config -q` of generated projects of 1,000 and 5,000 services, with peak memory. Converging: `up -d` on a
# project of 10 and of 50 running services, which changes nothing.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
source scripts/lib/host.sh
source scripts/lib/engine.sh
source scripts/lib/rust.sh
source scripts/lib/peer.sh

main() {
  ensure_rust
  require_commands hyperfine=hyperfine time=time
  ensure_engine
  ensure_peer
  [[ -n ${TOPO_PEER_COMPOSE:-} ]] || die "there is no docker compose to compare with"
  cargo build --release --locked
  build_demo
  topo=$PWD/${CARGO_TARGET_DIR:-target}/release/topo
  [[ ${CARGO_TARGET_DIR:-} != /* ]] || topo=$CARGO_TARGET_DIR/release/topo
  work=$(mktemp -d)
  trap 'rm -rf "$work"' EXIT

  printf '%-28s %12s %12s %8s\n' "" "compose" "topo" "ratio"
  local count
  for count in 1000 5000; do
    large_project "$count" >"$work/large.yaml"
    compare "config -q, $count services" -f "$work/large.yaml" config -q
    memory "  peak memory" -f "$work/large.yaml" config -q
  done
  for count in 10 50; do
    running_project "$count" >"$work/running.yaml"
    "$topo" --progress quiet -p topo-bench -f "$work/running.yaml" up -d 2>/dev/null
    compare "up -d, $count running" --progress quiet -p topo-bench -f "$work/running.yaml" up -d
    "$topo" --progress quiet -p topo-bench -f "$work/running.yaml" down -t 0 2>/dev/null
  done
}

# large_project COUNT: prints a compose file; each service but the first ten depends on one of those.
large_project() {
  awk -v count="$1" 'BEGIN {
    print "services:"
    for (i = 0; i < count; i++) {
      printf "  s%d:\n    image: nginx:1.27\n    environment: {NAME: s%d, LEVEL: info}\n", i, i
      printf "    ports: [\"%d:80\"]\n    networks: [n%d]\n    volumes: [\"data:/data\"]\n", 10000 + i, i % 20
      if (i > 9) printf "    depends_on: [s%d]\n", i % 10
    }
    print "networks:"
    for (i = 0; i < 20; i++) printf "  n%d: {}\n", i
    print "volumes: {data: {}}"
  }'
}

# running_project COUNT: prints a compose file of services that run without a registry.
running_project() {
  awk -v count="$1" -v demo="$PWD/examples/quickstart/demo" 'BEGIN {
    print "services:"
    for (i = 0; i < count; i++)
      printf "  s%d: {image: topo-bench-demo, build: \"%s\", command: [serve], networks: [n]}\n", i, demo
    print "networks: {n: {}}"
  }'
}

# compare TITLE ARGUMENTS...: prints the median wall time of both in milliseconds, and their ratio.
compare() {
  local title=$1
  shift
  hyperfine --shell=none --style=none --runs 3 --export-csv "$work/times.csv" \
    "$TOPO_PEER_COMPOSE $*" "$topo $*" >/dev/null 2>&1
  # The columns are command, mean, stddev, median.
  awk -F, -v title="$title" 'NR > 1 { median[NR] = $4 * 1000 }
    END { printf "%-28s %9.1f ms %9.1f ms %7.1fx\n", title, median[2], median[3], median[2] / median[3] }' "$work/times.csv"
}

# memory TITLE ARGUMENTS...: prints the peak resident size of both in MB, and their ratio.
memory() {
  local title=$1 peer own
  shift
  peer=$(peak "$TOPO_PEER_COMPOSE" "$@")
  own=$(peak "$topo" "$@")
  awk -v title="$title" -v peer="$peer" -v own="$own" \
    'BEGIN { printf "%-28s %9.1f MB %9.1f MB %7.1fx\n", title, peer / 1024, own / 1024, peer / own }'
}

peak() {
  command time --format %M --output "$work/peak" "$@" >/dev/null 2>&1
  cat "$work/peak"
}

main
