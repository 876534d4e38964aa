#!/usr/bin/env bash
# Checks what an editor shows with topo's schema: completion, hover text and mistakes, by the real YAML language server.
# Needs node and npm; says so and succeeds where they are not.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

if ! command -v node >/dev/null || ! command -v npm >/dev/null; then
  echo "no node or npm here: the editor check is left out" >&2
  exit 0
fi
[[ -d node_modules/yaml-language-server ]] || npm install --silent --no-audit --no-fund --no-package-lock
exec node check.js
