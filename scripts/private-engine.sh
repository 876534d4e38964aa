#!/usr/bin/env bash
# Runs a Docker Engine that nobody else uses, in namespaces of its own, so that tests may stop it, kill it and fill its
# disk. Needs root and an installed engine.
#
#   scripts/private-engine.sh DIRECTORY [OPTION OF dockerd]...
#
# It listens at DIRECTORY/engine.sock and writes to DIRECTORY/engine.log. The first line on standard output is the ID of
# a process in the namespaces, or `cannot: REASON`. Then each line on standard input is a command, and is answered with
# `done`: `start` starts the engine, `kill SIGNAL` ends it. The end of standard input ends all that runs in there,
# however the tests ended.
#
# TOPO_ENGINE_BINARIES: a folder with the binaries of another engine. TOPO_ENGINE_DISK: the size of the engine's disk,
# such as 64m, which then is memory.
set -euo pipefail

main() {
  # /usr/sbin is not on every user's PATH.
  PATH=${TOPO_ENGINE_BINARIES:+$TOPO_ENGINE_BINARIES:}$PATH:/usr/local/sbin:/usr/sbin:/sbin
  local side=outside
  if [[ $1 == --inside ]]; then
    side=inside
    shift
  fi
  directory=$(realpath "$1")
  shift
  "$side" "$@"
}

outside() {
  local reason
  reason=$(what_is_missing)
  if [[ -n $reason ]]; then
    echo "cannot: $reason"
    return
  fi
  # When the first process of a PID namespace ends, all in it are killed; mounts and network cards go with theirs.
  unshare --net --mount --pid --fork --kill-child "$0" --inside "$directory" "$@" || true
  find /sys/fs/cgroup -depth -type d -path "*/$(cgroup)*" -exec rmdir {} + 2>/dev/null || true
}

what_is_missing() {
  if [[ $(id -u) != 0 ]]; then
    echo "it needs root"
  elif ! command -v dockerd >/dev/null; then
    echo "there is no dockerd on this machine"
  elif ! command -v ip >/dev/null; then
    echo "there is no ip (package iproute2) on this machine"
  elif ! unshare --net --mount --pid --fork true 2>/dev/null; then
    echo "this machine allows no namespaces"
  fi
}

# The processes of its containers are in cgroups below this, which outlive a killed engine.
cgroup() { echo "topo-test-$(basename "$directory")"; }

inside() {
  # As seen from outside, because this is still the other namespace's /proc.
  local host_pid command argument engine=
  read -r host_pid _ </proc/self/stat
  mount -t proc proc /proc
  ip link set lo up
  mkdir -p "$directory/data"
  [[ -z ${TOPO_ENGINE_DISK:-} ]] || mount -t tmpfs -o "size=$TOPO_ENGINE_DISK" tmpfs "$directory/data"
  echo "$host_pid"

  while read -r command argument; do
    case $command in
      start)
        rm -f "$directory/engine.pid"
        dockerd --host "unix://$directory/engine.sock" --pidfile "$directory/engine.pid" \
          --data-root "$directory/data" --exec-root "$directory/exec" --cgroup-parent "/$(cgroup)" \
          --exec-opt native.cgroupdriver=cgroupfs --default-address-pool 'base=10.200.0.0/14,size=24' \
          --shutdown-timeout 3 "$@" </dev/null >>"$directory/engine.log" 2>&1 &
        engine=$!
        ;;
      kill)
        kill -s "$argument" "$engine"
        wait "$engine" || true
        ;;
    esac
    echo "done"
  done
}

main "$@"
