#!/usr/bin/env bash
# What the real image does before the server starts: makes the database on the first start, from POSTGRES_USER,
# POSTGRES_PASSWORD, POSTGRES_DB, POSTGRES_INITDB_ARGS, POSTGRES_HOST_AUTH_METHOD (each also as *_FILE where the real
# one has it) and the scripts in /docker-entrypoint-initdb.d; and runs as user postgres.
set -euo pipefail

main() {
  if [[ ${1:0:1} == - ]]; then
    set -- postgres "$@"
  fi
  if [[ ${1:-} != postgres ]]; then
    exec "$@"
  fi
  if [[ $(id -u) == 0 ]]; then
    mkdir -p "$PGDATA" /var/run/postgresql
    chown -R postgres:postgres "$PGDATA" /var/run/postgresql
    exec /usr/bin/setpriv --reuid=postgres --regid=postgres --clear-groups "${BASH_SOURCE[0]}" "$@"
  fi
  if [[ -s $PGDATA/PG_VERSION ]]; then
    echo "PostgreSQL Database directory appears to contain a database; Skipping initialization"
  else
    make_database
    echo "PostgreSQL init process complete; ready for start up."
  fi
  exec "$@"
}

# value_of NAME [DEFAULT]: the variable, or the contents of the file that NAME_FILE names.
value_of() {
  local file_variable=$1_FILE
  if [[ -n ${!1:-} && -n ${!file_variable:-} ]]; then
    echo "error: both $1 and $file_variable are set (but are exclusive)" >&2
    exit 1
  elif [[ -n ${!file_variable:-} ]]; then
    cat "${!file_variable}"
  else
    printf '%s' "${!1:-${2:-}}"
  fi
}

make_database() {
  local method=${POSTGRES_HOST_AUTH_METHOD:-scram-sha-256}
  POSTGRES_USER=$(value_of POSTGRES_USER postgres)
  POSTGRES_PASSWORD=$(value_of POSTGRES_PASSWORD)
  POSTGRES_DB=$(value_of POSTGRES_DB "$POSTGRES_USER")
  unset POSTGRES_USER_FILE POSTGRES_PASSWORD_FILE POSTGRES_DB_FILE
  export POSTGRES_USER POSTGRES_PASSWORD POSTGRES_DB
  if [[ -z $POSTGRES_PASSWORD && $method != trust ]]; then
    echo "Error: Database is uninitialized and superuser password is not specified." >&2
    echo "       You must specify POSTGRES_PASSWORD to a non-empty value for the superuser." >&2
    exit 1
  fi

  chmod 700 "$PGDATA"
  # initdb refuses a password file that is empty.
  local password=()
  [[ -z $POSTGRES_PASSWORD ]] || password=(--pwfile /dev/stdin)
  # shellcheck disable=SC2086  # POSTGRES_INITDB_ARGS holds several words.
  initdb --pgdata "$PGDATA" --username "$POSTGRES_USER" --auth-local trust --no-sync "${password[@]}" \
    ${POSTGRES_INITDB_ARGS:-} <<<"$POSTGRES_PASSWORD"
  printf '\nhost all all all %s\n' "$method" >>"$PGDATA/pg_hba.conf"

  # Until all is made, the server answers only inside this container.
  pg_ctl --pgdata "$PGDATA" --options "-c listen_addresses=''" --wait start
  export PGHOST=/var/run/postgresql PGUSER=$POSTGRES_USER
  if [[ $POSTGRES_DB != postgres ]]; then
    createdb --maintenance-db postgres -- "$POSTGRES_DB"
  fi
  export PGDATABASE=$POSTGRES_DB
  local file
  for file in /docker-entrypoint-initdb.d/*; do
    case $file in
      *.sh)
        echo "running $file"
        # As in the real image: an executable script runs by itself, another one becomes part of this one.
        # shellcheck disable=SC1090
        if [[ -x $file ]]; then "$file"; else source "$file"; fi
        ;;
      *.sql) echo "running $file" && psql -v ON_ERROR_STOP=1 --no-psqlrc --file "$file" ;;
      *.sql.gz) echo "running $file" && gunzip -c "$file" | psql -v ON_ERROR_STOP=1 --no-psqlrc ;;
    esac
  done
  pg_ctl --pgdata "$PGDATA" --mode fast --wait stop
  unset PGHOST PGUSER PGDATABASE
}

main "$@"
