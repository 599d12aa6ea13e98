#!/usr/bin/env bash
# A real PostgreSQL for tests: a cluster of its own on loopback, no systemd. Needs the package postgresql of Debian:
#
#     apt-get install --yes --no-install-recommends postgresql
#     eval "$(scripts/start-postgres.sh)"     starts it, or finds it running; sets REMENDO_TEST_POSTGRES for the tests
#     scripts/start-postgres.sh running       tells by its exit code whether it runs
#     scripts/start-postgres.sh stop          ends it; everything in it is gone
#
# Its files lie in REMENDO_POSTGRES_FOLDER. It listens on REMENDO_POSTGRES_PORT, else on the first of a few that nobody else has.
# Started by root it runs as the user postgres, because it refuses to be root. Progress goes to standard error.
set -euo pipefail

folder=$(realpath --canonicalize-missing "${REMENDO_POSTGRES_FOLDER:-${TMPDIR:-/tmp}/remendo-postgres}")
ports=${REMENDO_POSTGRES_PORT:-$(seq 5499 5519)}
user=remendo
log=$folder/log

say() { echo "start-postgres: $*" >&2; }

# The newest that is installed.
programs() {
  local found
  found=$(printf '%s\n' /usr/lib/postgresql/*/bin | sort --version-sort | tail -n 1)
  if [ ! -x "$found/initdb" ]; then found=$(dirname "$(command -v initdb)" 2>/dev/null) || true; fi
  if [ ! -x "$found/initdb" ]; then
    say 'PostgreSQL is not installed'
    return 1
  fi
  echo "$found"
}

as_owner() {
  if [ "$(id -u)" -eq 0 ]; then runuser --user postgres -- "$@"; else "$@"; fi
}

is_running() { [ -e "$folder/data/postmaster.pid" ] && as_owner "$bin/pg_ctl" status --pgdata="$folder/data" >/dev/null 2>&1; }

stop() {
  if is_running; then as_owner "$bin/pg_ctl" stop --pgdata="$folder/data" --mode=immediate >/dev/null; fi
  # Nobody's folder is removed that was only named by mistake.
  if [ -e "$folder/data/PG_VERSION" ]; then rm -rf "$folder"; fi
}

# The one it listens on, as it says itself.
port() { as_owner sed -n 4p "$folder/data/postmaster.pid"; }

# Nothing waits for the disk: what is in it need not outlive the machine.
start_on() {
  as_owner "$bin/pg_ctl" start --wait --timeout=100 --pgdata="$folder/data" --log="$log" \
    --options="-c listen_addresses=127.0.0.1 -c port=$1 -c unix_socket_directories= -c max_connections=300 -c fsync=off" \
    </dev/null >/dev/null 2>&1
}

start() {
  local port
  stop
  mkdir -p "$folder"
  if [ "$(id -u)" -eq 0 ]; then chown postgres: "$folder"; fi
  # Whoever reaches the loopback gets in: there is nothing in it but what tests put there.
  as_owner "$bin/initdb" --pgdata="$folder/data" --username="$user" --auth=trust --encoding=UTF8 --no-locale --no-sync >/dev/null
  for port in $ports; do
    if start_on "$port"; then
      say "PostgreSQL answers on port $port of 127.0.0.1"
      return
    fi
    as_owner tail -n 20 "$log" | grep -q 'Address already in use' || break
  done
  say 'not started:'
  as_owner tail -n 20 "$log" >&2
  stop
  exit 1
}

bin=$(programs)
# Not everybody may look into the folder that this is called from.
cd /
case ${1:-start} in
  start)
    if ! is_running; then start; fi
    echo "export REMENDO_TEST_POSTGRES=postgres://$user@127.0.0.1:$(port)/postgres"
    ;;
  running) is_running ;;
  stop) stop ;;
  *)
    say 'usage: start-postgres.sh [start|running|stop]'
    exit 2
    ;;
esac
