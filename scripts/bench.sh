#!/usr/bin/env bash
# Measures topo beside docker compose on the same files and the same engine, and prints how many times faster topo is.
#
#   scripts/bench.sh
#
# Reading: `config` and `config -q` of generated projects of 1,000 to 10,000 services, with peak memory, `export k8s` of
# the same, and `config` of 100 services of which each depends on the three before it. Converging: `up -d`, `ps` and
# `down` of 1 to 50 services and of a chain of health checks, also beside the engine's calls alone; see tests/bench.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
source scripts/lib/host.sh
source scripts/lib/engine.sh
source scripts/lib/rust.sh
source scripts/lib/debian.sh
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
  local count quiet
  for count in 1000 5000 10000; do
    large_project "$count" >"$work/large.yaml"
    for quiet in "" " -q"; do
      # shellcheck disable=SC2086 # Without -q it is no argument.
      reading "config$quiet, $count services" -f "$work/large.yaml" config $quiet
    done
    # docker compose has nothing like it.
    printf '%-28s %12s %9.1f ms\n' "export k8s, $count services" "" "$(median "$topo" -f "$work/large.yaml" export k8s)"
  done
  braided_project 100 >"$work/braided.yaml"
  reading "config, 100 in a braid" -f "$work/braided.yaml" config
  echo
  echo "services: {demo: {image: topo-bench-demo, build: '$PWD/examples/quickstart/demo'}}" |
    "$topo" --progress quiet -p topo-bench -f - build
  TOPO_BENCH_IMAGE=topo-bench-demo cargo bench --quiet --locked --bench engine
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

# braided_project COUNT: prints a compose file; each service depends on the three before it.
braided_project() {
  awk -v count="$1" 'BEGIN {
    print "services:"
    for (i = 0; i < count; i++) {
      printf "  s%d: {image: \"nginx:1.27\", depends_on: [", i
      for (j = i > 3 ? i - 3 : 0; j < i; j++) printf "s%d%s", j, j < i - 1 ? ", " : ""
      print "]}"
    }
  }'
}

# reading TITLE ARGUMENTS...: compares a command that asks no engine: its wall time, and its peak resident size in MB.
# docker compose is given 20 seconds.
reading() {
  local theirs ours
  if ends_in_time "$TOPO_PEER_COMPOSE" "${@:2}"; then
    compare "$@"
    theirs=$(peak "$TOPO_PEER_COMPOSE" "${@:2}")
    ours=$(peak "$topo" "${@:2}")
    row "  peak memory" "$theirs" "$ours" MB
  else
    ours=$(median "$topo" "${@:2}")
    row "$1" 20000 "$ours" ms "> 20 s"
  fi
}

# compare TITLE ARGUMENTS...: prints the median wall time of both in milliseconds, and their ratio.
compare() {
  local theirs ours
  theirs=$(median "$TOPO_PEER_COMPOSE" "${@:2}")
  ours=$(median "$topo" "${@:2}")
  row "$1" "$theirs" "$ours" ms
}

# ends_in_time COMMAND...: tells whether a command ends within 20 seconds. Any other failure ends the measurement.
ends_in_time() {
  local status=0
  # The exit status of a command that was killed for its time is 137.
  timeout --signal=KILL 20 "$@" >/dev/null 2>&1 || status=$?
  ((status == 0 || status == 137)) || die "$* fails"
  ((status == 0))
}

median() {
  hyperfine --shell=none --style=none --runs 3 --export-csv "$work/times.csv" "$*" >/dev/null 2>&1
  # The columns are command, mean, stddev, median.
  awk -F, 'NR > 1 { print $4 * 1000 }' "$work/times.csv"
}

peak() {
  command time --format %M --output "$work/peak" "$@" >/dev/null 2>&1
  awk '{ print $1 / 1024 }' "$work/peak"
}

# row TITLE THEIRS OURS UNIT [BOUND]: prints a line of the table; BOUND stands there where THEIRS is only a limit.
row() {
  awk -v title="$1" -v theirs="$2" -v ours="$3" -v unit="$4" -v bound="${5:-}" 'BEGIN {
    shown = bound == "" ? sprintf("%.1f %s", theirs, unit) : bound
    ratio = sprintf("%s%.1fx", bound == "" ? "" : "> ", theirs / ours)
    printf "%-28s %12s %9.1f %s %8s\n", title, shown, ours, unit, ratio
  }'
}

main
