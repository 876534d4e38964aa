# shellcheck shell=bash
# What the scripts need of Rust: cargo, a linker, and the examples' demo server. Sourced, not run; needs host.sh.

# Sees to it that cargo can build here.
ensure_rust() {
  # A shell that read no profile lacks the folder that rustup installs to.
  command -v cargo >/dev/null || PATH=$PATH:${CARGO_HOME:-$HOME/.cargo}/bin
  command -v cargo >/dev/null || die "no cargo here: install Rust with rustup first"
  require_commands cc=gcc
  # The C library to link with, in its static form, which the demo server is made of.
  [[ $(cc -print-file-name=libc.a) == /* ]] || install_packages libc6-dev
}

# build_demo: builds the one-file server that the examples run, unless it is there and newer than its source.
# To be called in the root of the repository.
build_demo() {
  local source=examples/quickstart/demo/main.rs binary=examples/quickstart/demo/bin/demo
  [[ ! -x $binary || $source -nt $binary ]] || return 0
  say "building the demo server"
  mkdir -p "$(dirname "$binary")"
  # Under a name of its own first: another run may be at the same.
  rustc --edition 2024 -O -C target-feature=+crt-static -C strip=symbols -o "$binary.$$" "$source"
  mv "$binary.$$" "$binary"
}
