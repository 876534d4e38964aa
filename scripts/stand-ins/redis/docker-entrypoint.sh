#!/bin/sh
# As the real image: options alone mean redis-server, and the server runs as user redis and answers to other hosts.
set -e
case ${1:-} in
  -* | *.conf) set -- redis-server "$@" ;;
esac
if [ "${1:-}" = redis-server ]; then
  # The real image has this setting compiled in.
  set -- "$@" --protected-mode no
  if [ "$(id -u)" = 0 ]; then
    chown redis:redis .
    # With its path, because busybox has a lesser setpriv inside, which it prefers.
    exec /usr/bin/setpriv --reuid=redis --regid=redis --clear-groups "$@"
  fi
fi
exec "$@"
