#!/usr/bin/env bash
# Measures the language server on a file of 5,000 lines: the time from a key to the diagnostics, and that of answers.
# Nothing is needed but a compiler.
set -euo pipefail
cd "$(dirname "$0")/.."
TOPO_BENCH_LSP=1 cargo bench --bench lsp
