# shellcheck shell=bash
# Packages of Debian releases other than the machine's own, which are fetched and not installed. Sourced, not run.

# The address that the machine's own package sources have for Debian, whatever the form they are written in.
# shellcheck disable=SC2016  # These dollars are for apt-get.
debian_mirror() {
  apt-get indextargets --format '$(ORIGIN)|$(LABEL)|$(REPO_URI)' 'Created-By: Packages' |
    awk -F '|' '$1 == "Debian" && $2 == "Debian" { print $3; exit }'
}

# private_apt get|cache ARGUMENTS...: apt-get or apt-cache on the source that use_private_apt chose.
private_apt() {
  "apt-$1" -q "${private_apt_options[@]}" "${@:2}"
}

# use_private_apt DIRECTORY SOURCE: makes private_apt use this one source, and write into this directory only. The
# machine's proxies and keys stay in force.
use_private_apt() {
  local directory=$1 source=$2
  mkdir -p "$directory"/{state/lists/partial,cache/archives/partial}
  printf '%s\n' "$source" >"$directory/sources.list"
  : >"$directory/status"
  private_apt_options=(
    -o "Dir::Etc::SourceList=$directory/sources.list"
    -o Dir::Etc::SourceParts=/dev/null
    -o "Dir::State=$directory/state"
    -o "Dir::State::status=$directory/status"
    -o "Dir::Cache=$directory/cache"
    -o APT::Sandbox::User=root
    -o Acquire::Languages=none
    # A frozen mirror will do. Signatures are checked all the same.
    -o Acquire::Check-Valid-Until=false
    # Of its many indexes, only the list of packages is needed.
    -o Acquire::IndexTargets::deb::DEP-11::DefaultEnabled=false
  )
}
