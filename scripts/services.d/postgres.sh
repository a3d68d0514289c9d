# shellcheck shell=bash disable=SC2154
# A private, throw-away PostgreSQL cluster: made, started and stopped here, out of the programs that were found.

postgres_data() { echo "$(place)/postgres/data"; }

postgres_pid() { head -n 1 "$(postgres_data)/postmaster.pid" 2>/dev/null || true; }

postgres_is_alive() { is_process_of "$(postgres_pid)" "$(postgres_data)"; }

# Line 8 of its own pid file says "ready"; the clients come through the port.
postgres_answers() {
  postgres_is_alive && sed -n 8p "$(postgres_data)/postmaster.pid" 2>/dev/null | grep -q ready &&
    port_answers "$(sed -n 4p "$(postgres_data)/postmaster.pid")"
}

postgres_start() {
  local program bin data port attempt
  program=$(program_of postgres)
  bin=$(dirname "$program")
  data=$(postgres_data)
  if postgres_is_alive; then postgres_stop; fi
  if [ -s "$data/PG_VERSION" ] && [ "$(cat "$data/PG_VERSION")" != "$(program_version "$program")" ]; then
    say "PostgreSQL: the data is of version $(cat "$data/PG_VERSION"), starting with empty data"
    rm -rf "$(place)/postgres"
  fi
  [ -s "$data/finished" ] || postgres_make_cluster "$bin" "$data" || return 1
  # After a kill -9 the number in the pid file may by now be a stranger's, which PostgreSQL would wait for in vain.
  if [ -n "$(postgres_pid)" ] && runs "$(postgres_pid)"; then rm -f "$data/postmaster.pid"; fi

  port=$(url_of postgres | sed -n 's/.*:\([0-9]*\)\/.*/\1/p')
  for attempt in 1 2 3 4 5; do
    port=$(free_port "$port")
    postgres_write_settings "$data" "$port"
    if as_server_user "$bin/pg_ctl" start -D "$data" -l "$(place)/postgres/log" -s -w -t 60 </dev/null >/dev/null 2>&1; then
      remember_url postgres "postgres://aside:$(cat "$(place)/postgres/password")@127.0.0.1:$port/aside"
      cp "$state/postgres.kind" "$state/postgres.way"
      say "PostgreSQL: private cluster on 127.0.0.1:$port, data in $data"
      return 0
    fi
    # Someone took the port in between, or children of a killed server still hold the shared memory: both pass.
    [ "$attempt" = 5 ] || { port=""; sleep 1; }
  done
  say "PostgreSQL: did not start; the end of $(place)/postgres/log:"
  tail -n 10 "$(place)/postgres/log" >&2
  return 1
}

postgres_make_cluster() {
  local bin=$1 data=$2 folder
  folder=$(dirname "$data")
  rm -rf "$folder"
  mkdir -p "$folder"
  chmod 700 "$folder"
  # A superuser may run programs (COPY … TO PROGRAM), so other users of this machine must not get in through the port.
  ( umask 077; random_password >"$folder/password" )
  give_to_server_user "$folder"
  # The same collation on every machine and in the containers; no sync, since it is thrown away.
  if ! as_server_user "$bin/initdb" -D "$data" -U aside -A scram-sha-256 --pwfile="$folder/password" \
    --encoding=UTF8 --locale=C --no-sync </dev/null >"$state/initdb.log" 2>&1; then
    say "PostgreSQL: initdb failed:"
    tail -n 10 "$state/initdb.log" >&2
    return 1
  fi
  echo 'CREATE DATABASE aside;' |
    as_server_user "$bin/postgres" --single -D "$data" postgres >>"$state/initdb.log" 2>&1 || return 1
  # What initdb found out about this machine (shared memory above all) stays in force under our own settings.
  echo "include 'aside.conf'" >>"$data/postgresql.conf"
  link_time_zones "$data"
  # Last, so that an interrupted start begins again.
  echo yes >"$data/finished"
  rm -f "$state/initdb.log"
}

postgres_write_settings() {
  cat >"$1/aside.conf" <<END
listen_addresses = '127.0.0.1'
port = $2
unix_socket_directories = ''
# The tests open a pool for each of many databases at once.
max_connections = 300
shared_buffers = 256MB
max_wal_size = 4GB
# Throw-away data: what a crash of the machine would cost is not worth waiting for the disk at each commit. Creating and
# dropping hundreds of test databases is several times as fast without.
fsync = off
synchronous_commit = off
full_page_writes = off
# Short queries only, and its libraries are not unpacked.
jit = off
timezone = 'GMT'
log_timezone = 'GMT'
lc_messages = 'C'
END
  give_to_server_user "$1/aside.conf"
}

postgres_stop() {
  if ! postgres_is_alive; then return 0; fi
  local pid
  pid=$(postgres_pid)
  # INT is its fast shutdown: connections are ended, the data is left clean.
  stop_process "$pid" INT postgres && say "PostgreSQL: stopped"
}
