# shellcheck shell=bash
# Finds a Docker Engine, or installs and starts one. Sourced, not run; needs host.sh.
#
#   ensure_engine                         returns once an engine answers; exports DOCKER_HOST
#   engine_request METHOD PATH [CURL...]  one request to its REST API, so that no docker client is needed

default_socket=/var/run/docker.sock
engine_log=/var/log/topo-dockerd.log
engine_pidfile=/var/run/docker.pid

engine_request() {
  local method=$1 path=$2
  shift 2
  case $DOCKER_HOST in
    unix://*) curl -sS --noproxy '*' -X "$method" --unix-socket "${DOCKER_HOST#unix://}" "$@" "http://localhost$path" ;;
    *) curl -sS --noproxy '*' -X "$method" "$@" "http://${DOCKER_HOST#tcp://}$path" ;;
  esac
}

engine_answers() {
  engine_request GET /_ping --fail --max-time 5 >/dev/null 2>&1
}

ensure_engine() {
  require_commands curl=curl flock=util-linux
  # Said aloud, so that a context chosen in the docker client's settings does not lead a peer to another engine.
  export DOCKER_HOST=${DOCKER_HOST:-unix://$default_socket}
  [[ $DOCKER_HOST =~ ^(unix|tcp):// ]] || die "DOCKER_HOST=$DOCKER_HOST: only unix:// and tcp:// are known here"
  if engine_answers; then
    return
  fi
  if [[ $DOCKER_HOST != "unix://$default_socket" ]]; then
    die "no engine answers at DOCKER_HOST=$DOCKER_HOST (unset it to have one started at $default_socket)"
  fi
  # One at a time: two test runs that begin together must not start two engines. The lock is opened for reading,
  # because in a sticky directory not even root may open another user's file for writing.
  local lock=/tmp/topo-engine.lock
  [[ -e $lock ]] || (umask 0 && : >"$lock")
  exec {engine_lock}<"$lock"
  flock "$engine_lock"
  engine_answers || start_engine
  exec {engine_lock}<&-
}

start_engine() {
  refuse_foreign_socket
  # /usr/sbin is not on every user's PATH.
  local PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin
  command -v dockerd >/dev/null || install_packages docker.io ca-certificates
  if [[ -d /run/systemd/system ]]; then
    say "starting the Docker Engine by systemd"
    as_root systemctl start docker
    wait_for_engine
  elif pid_is_running "$engine_pidfile" dockerd; then
    say "waiting for the Docker Engine that is starting"
    wait_for_engine
  else
    start_engine_by_hand
  fi
}

# A running engine whose socket this user may not open looks like no engine at all. To let the user in for good
# would be to give them root, so that is for them to decide.
refuse_foreign_socket() {
  if pid_is_running "$engine_pidfile" dockerd && [[ -S $default_socket && ! -w $default_socket ]]; then
    die "an engine runs, but $(id -un) may not use $default_socket: run this as root," \
      "or 'sudo usermod -aG docker $(id -un)' and log in again"
  fi
}

# pid_is_running PIDFILE NAME: whether the process of the pid file lives and is what it should be.
pid_is_running() {
  local pid
  pid=$(cat "$1" 2>/dev/null) && [[ $(cat "/proc/$pid/comm" 2>/dev/null) == "$2"* ]]
}

# What a service manager would do: no systemd runs in containers, chroots and small virtual machines.
start_engine_by_hand() {
  say "starting the Docker Engine by hand (log: $engine_log)"
  # After an unclean end, these name processes that are gone, and their numbers may be in use by others by now.
  local containerd_pidfile=/var/run/docker/containerd/containerd.pid
  pid_is_running "$containerd_pidfile" containerd || as_root rm -f "$containerd_pidfile"
  as_root rm -f "$engine_pidfile"

  # cgroupfs: there is no systemd to ask for cgroups. The address pool: the built-in one is used up after some 29
  # networks, this one holds 1,024. The lock is closed, because the engine outlives this script.
  local options=(
    --host "unix://$default_socket"
    --pidfile "$engine_pidfile"
    --exec-opt native.cgroupdriver=cgroupfs
    --default-address-pool 'base=10.200.0.0/14,size=24'
    --shutdown-timeout 3
  )
  # shellcheck disable=SC2016  # "$@" is for the inner shell, which opens the log as root.
  as_root setsid nohup sh -c 'log=$1; shift; exec dockerd "$@" >>"$log" 2>&1' \
    sh "$engine_log" "${options[@]}" </dev/null >/dev/null 2>&1 {engine_lock}<&- &
  wait_for_engine $!
}

# wait_for_engine [PID]: up to 30 seconds for the first answer; no longer than PID lives.
wait_for_engine() {
  local process=${1:-} deadline=$((SECONDS + 30))
  until engine_answers; do
    # The socket of a fresh engine belongs to root and group docker. Until the engine restarts, it is this user's.
    if [[ -S $default_socket && ! -w $default_socket ]]; then
      as_root chown "$(id -u)" "$default_socket"
    fi
    if [[ -n $process && ! -d /proc/$process ]]; then
      as_root tail -n 20 "$engine_log" >&2
      die "the Docker Engine ended at once; the end of its log is above"
    fi
    if ((SECONDS > deadline)); then
      [[ -z $process ]] || as_root tail -n 20 "$engine_log" >&2
      die "the Docker Engine did not answer within 30 s"
    fi
    sleep 0.05
  done
}
