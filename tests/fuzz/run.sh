#!/usr/bin/env bash
# Fuzzes the loader for some seconds (default 180), starting from the examples. What it finds is in tests/fuzz/artifacts.
# Needs cargo-fuzz (`cargo install cargo-fuzz`); works on the stable toolchain.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
seconds=${1:-180}

mkdir -p corpus/load
for file in ../../examples/*/compose.yaml ../../examples/*/*/compose.yaml; do
  name=${file#../../examples/}
  cp "$file" "corpus/load/${name//\//-}"
done
RUSTC_BOOTSTRAP=1 cargo fuzz run --fuzz-dir . load corpus/load -- \
  -max_total_time="$seconds" -timeout=10 -rss_limit_mb=4096 -max_len=16384 -dict=compose.dict
