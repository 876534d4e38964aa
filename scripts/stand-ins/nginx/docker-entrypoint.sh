#!/bin/sh
# What the real image does here, less its templates: runs the scripts of /docker-entrypoint.d, then the command.
set -e
for script in /docker-entrypoint.d/*.sh; do
  [ ! -x "$script" ] || "$script"
done
exec "$@"
