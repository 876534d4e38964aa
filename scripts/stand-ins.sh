#!/usr/bin/env bash
# Makes images under the names nginx:alpine, postgres:15 and so on out of this machine's own packages, so that the
# tests run real servers without a container registry. For tests only.
#
#   scripts/stand-ins.sh [IMAGE...]    all of them, or those named
#
# An image that the engine already has is left as it is. What is made is kept as a tar file in the cache
# (~/.cache/topo-stand-ins), so the minute that this takes is spent once. scripts/stand-ins/NAME has the Dockerfile of
# each; the packages come to it as root.tar.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
source scripts/lib/host.sh
source scripts/lib/engine.sh

recipes=scripts/stand-ins
cache=${XDG_CACHE_HOME:-$HOME/.cache}/topo-stand-ins
wanted=("$@")

# What the packages depend on and the servers can do without: half of the size. (postgres runs without its JIT.)
dropped_packages='perl.*|lib.*-perl|libperl.*|libllvm.*|libz3.*|dpkg|locales|libc-l10n'
dropped_files=(./usr/share/{doc,doc-base,info,lintian,locale,man} './usr/lib/postgresql/*/lib/bitcode')

main() {
  ensure_engine
  mkdir -p "$cache"
  work=$(mktemp -d)
  trap 'rm -rf "$work"' EXIT
  mkdir -p "$work/packages"

  # busybox gives each a shell, the tools that the real ones have, and wget, nc and nslookup to test networks with.
  # (Whether a port is open: `nc -w 2 HOST PORT -e true`, because this nc knows no -z.)
  # The names of packages differ from one distribution to the next: A,B is A, or B where there is no A.
  stand_in busybox:latest busybox busybox-static
  stand_in alpine:latest busybox busybox-static
  stand_in nginx:alpine nginx busybox-static nginx
  stand_in redis:7-alpine redis busybox-static redis-server util-linux
  stand_in python:3.12-alpine python busybox-static python3
  stand_in postgres:15 postgres busybox-static bash util-linux 'postgresql-15,postgresql-[0-9]+'
}

# stand_in IMAGE RECIPE PACKAGE...: sees to it that the engine has the image.
stand_in() {
  local image=$1 recipe=$2 recipe_hash tar label
  shift 2
  [[ ${#wanted[@]} == 0 || " ${wanted[*]} " == *" $image "* ]] || return 0

  # Whatever the image is made from counts, so that a change here makes a new one.
  recipe_hash=$(cat scripts/stand-ins.sh "$recipes/$recipe"/* | sha256sum | cut -c 1-12)
  label=$(engine_request GET "/images/$image/json" | grep -o '"topo.stand-in":"[^"]*"' || true)
  if [[ $label == *"$recipe_hash"* ]]; then
    return
  elif [[ -z $label ]] && engine_request GET "/images/$image/json" --fail >/dev/null 2>&1; then
    say "$image: not a stand-in; left as it is"
    return
  fi

  tar=$cache/${image//[:\/]/_}-$recipe_hash.tar
  if [[ ! -e $tar ]]; then
    say "$image: making a stand-in"
    build "$image" "$recipe" "$recipe_hash" "$@"
    engine_request GET "/images/$image/get" --fail --output "$tar.part"
    # Only now is it complete; and those of older recipes are of no more use.
    rm -f "$cache/${image//[:\/]/_}"-*.tar
    mv "$tar.part" "$tar"
  else
    say "$image: loading the stand-in"
    send_tar "/images/load?quiet=1" <"$tar"
  fi
}

# build IMAGE RECIPE HASH PACKAGE...: builds the image from the recipe and the packages.
build() {
  local image=$1 recipe=$2 recipe_hash=$3
  shift 3
  local context=$work/context
  rm -rf "$context" "$work/root"
  cp -r "$recipes/$recipe" "$context"
  printf 'LABEL topo.stand-in=%s\n' "$recipe_hash" >>"$context/Dockerfile"

  compgen -G '/var/lib/apt/lists/*Packages*' >/dev/null || refresh_package_lists
  local packages=() pattern
  for pattern in "$@"; do
    packages+=("$(find_package "$pattern")")
  done
  fetch "${packages[@]}"
  unpack "$work/root"
  tar -C "$work/root" --owner 0 --group 0 --numeric-owner -cf "$context/root.tar" .
  tar -C "$context" -c . | send_tar "/build?t=$image&rm=1&forcerm=1"
}

# find_package PATTERN,...: prints the name that fits the first pattern that any name fits; of several, the newest.
find_package() {
  local patterns pattern
  IFS=, read -ra patterns <<<"$1"
  for pattern in "${patterns[@]}"; do
    apt-cache pkgnames | grep -xE "$pattern" | sort -V | tail -n 1 | grep . && return
  done
  # Let apt say that there is none.
  echo "$1"
}

# fetch PACKAGE...: downloads the packages with all that they depend on. The names of their files go to `archives`.
fetch() {
  # With an empty list of installed packages and an empty cache, apt reckons that everything is missing.
  : >"$work/status"
  mkdir -p "$work/empty/partial"
  local closure=(apt-get install -qq --no-install-recommends --print-uris -o Debug::NoLocking=1
    -o "Dir::State::status=$work/status" -o "Dir::Cache::archives=$work/empty" "$@")
  local lines name packages=()
  lines=$("${closure[@]}" 2>/dev/null) || {
    refresh_package_lists
    lines=$("${closure[@]}")
  }
  # Each line is: 'ADDRESS' FILE SIZE CHECKSUM, and FILE is PACKAGE_VERSION_ARCHITECTURE.deb.
  mapfile -t archives < <(awk '{ print $2 }' <<<"$lines" | grep -vE "^($dropped_packages)_")
  for name in "${archives[@]}"; do
    [[ -e $work/packages/$name ]] || packages+=("$(cut -d _ -f 1,2 --output-delimiter = <<<"${name//%3a/:}")")
  done
  [[ ${#packages[@]} == 0 ]] || (cd "$work/packages" && apt_download "${packages[@]}")
}

# The lists name versions that a mirror may have replaced since.
apt_download() {
  apt-get -qq -o APT::Sandbox::User=root download "$@" >&2 && return
  refresh_package_lists
  apt-get -qq -o APT::Sandbox::User=root download "$@" >&2
}

# unpack ROOT: unpacks `archives`, with what is left to installation scripts otherwise: links, users, folders.
unpack() {
  local root=$1 name applet folder
  mkdir -p "$root"/usr/{bin,sbin,lib,lib64,local/bin} "$root"/{etc,root,run,tmp,var}
  chmod 1777 "$root/tmp"
  for folder in bin sbin lib lib64; do
    ln -s "usr/$folder" "$root/$folder"
  done
  ln -s ../run "$root/var/run"

  for name in "${archives[@]}"; do
    dpkg-deb --fsys-tarfile "$work/packages/$name" |
      tar -x -C "$root" --no-same-owner --keep-directory-symlink "${dropped_files[@]/#/--exclude=}"
  done

  # Where a package has the real tool, that is used.
  for applet in $("$root/bin/busybox" --list); do
    [[ -e $root/usr/bin/$applet || -e $root/usr/sbin/$applet ]] || ln -s busybox "$root/usr/bin/$applet"
  done

  local users=(root:0:/root nginx:101:/nonexistent redis:999:/data postgres:70:/var/lib/postgresql
    www-data:33:/var/www nobody:65534:/nonexistent)
  local user number home
  for user in "${users[@]}"; do
    IFS=: read -r user number home <<<"$user"
    printf '%s:x:%s:%s::%s:/bin/sh\n' "$user" "$number" "$number" "$home" >>"$root/etc/passwd"
    printf '%s:x:%s:\n' "$user" "$number" >>"$root/etc/group"
  done
}

# send_tar PATH: posts a tar to the engine, whose errors come inside an answer of 200.
send_tar() {
  local answer
  answer=$(engine_request POST "$1" --fail-with-body -H 'Content-Type: application/x-tar' -T -) ||
    die "the engine refused: $answer"
  [[ $answer != *'"errorDetail"'* ]] || die "the engine failed: $(tail -n 5 <<<"$answer")"
}

main
