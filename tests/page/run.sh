#!/usr/bin/env bash
# Checks in a real browser what the page of `topo graph` does: search, what is bound to what, and the keyboard.
# Needs chromium; says so and succeeds where it is not.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

browser=$(command -v chromium || command -v chromium-browser || command -v google-chrome || true)
if [[ -z $browser ]]; then
  echo "no chromium here: the check of the page is left out" >&2
  exit 0
fi
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cargo run --quiet --locked -- -f tests/cases/graph/compose.yaml graph -o "$folder/graph.html"
{
  cat "$folder/graph.html"
  printf '<script>\n%s\n</script>\n' "$(<tests/page/check.js)"
} >"$folder/checked.html"
said=$("$browser" --headless=new --no-sandbox --disable-gpu --user-data-dir="$folder/profile" --window-size=1200,800 \
  --virtual-time-budget=5000 --dump-dom "file://$folder/checked.html" 2>/dev/null | grep -o 'data-checked="[^"]*"' || true)
echo "page: ${said:-the browser said nothing}"
[[ $said == 'data-checked="all is well"' ]]
