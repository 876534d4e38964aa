#!/usr/bin/env bash
# Draws the pictures of docs/graph.md anew, from the projects in examples/. `cargo test` says when they are not current.
set -euo pipefail

cd "$(dirname "$0")/.."
TOPO_BLESS=1 cargo test --locked --test it graph::the_pictures
git status --short docs/pictures
