#!/usr/bin/env bash
# Fuzzes each target for some seconds (default 180), starting from the seeds and the test cases. What they find is in
# tests/fuzz/artifacts. `run.sh 180 project` fuzzes one.
# Without a sanitizer, since there is no unsafe code of ours to watch.
# Needs cargo-fuzz (`cargo install cargo-fuzz`); works on the stable toolchain.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
seconds=${1:-180}
targets=${2:-load project}

mkdir -p corpus/load corpus/project
for file in ../../examples/*/compose.yaml ../../examples/*/*/compose.yaml ../cases/*/*/compose.yaml; do
  name=${file#../../examples/}
  name=${name#../}
  # A NUL ends a file.
  { cat "$file" && printf '\0' && cat "${file%compose.yaml}compose.override.yaml" 2>/dev/null; } \
    >"corpus/load/${name//\//-}" || true
done
for target in $targets; do
  RUSTC_BOOTSTRAP=1 cargo fuzz run --fuzz-dir . --sanitizer none "$target" "corpus/$target" "seeds/$target" -- \
    -max_total_time="$seconds" -timeout=10 -rss_limit_mb=4096 -max_len=16384 -dict=compose.dict
done
