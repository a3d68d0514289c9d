# shellcheck shell=bash disable=SC2154
# Way 3: server programs that the machine has. Finds the newest that is new enough and says so of those that are not.

# find_program SERVICE: records the program's path, and the way it will be run, in .services/.
find_program() {
  local service=$1 candidate version oldest kind too_old=""
  oldest=$(oldest_version "$service")
  while IFS= read -r candidate; do
    [ -x "$candidate" ] || continue
    # A program that its servers' user cannot execute (in root's own folders, say) is of no use.
    as_server_user test -x "$candidate" 2>/dev/null || continue
    version=$(program_version "$candidate")
    [ -n "$version" ] || continue
    if is_older "$version" "$oldest"; then too_old="$too_old, $candidate is only version $version"; continue; fi
    if [ "$service" = postgres ] && ! is_complete_postgres "$candidate"; then
      too_old="$too_old, $candidate comes without initdb and pg_ctl"
      continue
    fi
    case $candidate in
      */packages/bin/* | */pgbouncer/pgbouncer) kind="unpacked packages" ;;
      *) kind=native ;;
    esac
    say "$(title "$service"): $kind, $candidate is version $version ($oldest or newer is needed)"
    printf '%s\n' "$candidate" >"$state/$service.program"
    printf '%s\n' "$kind" >"$state/$service.kind"
    return 0
  done <<END
$("${service}_candidates")
END
  say "$(title "$service"): no native program of version $oldest or newer${too_old}"
  return 1
}

oldest_version() {
  case $1 in
    postgres) echo 15 ;;
    redis) echo 7 ;;
    wrk) echo 4 ;;
    pgbouncer) echo 1.21 ;;
  esac
}

# Both "7", or both "1.21": where the major one says nothing, the minor one stands behind it.
is_older() {
  local version=$1 oldest=$2
  [ "${version%%.*}" -lt "${oldest%%.*}" ] || { [ "${version%%.*}" = "${oldest%%.*}" ] && [ "${version#*.}" -lt "${oldest#*.}" ]; }
}

# The major version out of "postgres (PostgreSQL) 17.2 (Debian …)", "Redis server v=7.0.15 sha=…", "Valkey server v=8.0.1 …",
# "wrk debian/4.1.0-3 [epoll] …"; with the minor one out of "PgBouncer 1.24.1".
program_version() {
  bounded 5 "$1" --version 2>/dev/null |
    sed -n -e 's/^postgres (PostgreSQL) \([0-9]\{1,\}\).*/\1/p' -e 's/^[A-Za-z]* server v=\([0-9]\{1,\}\).*/\1/p' \
    -e 's/^wrk [^0-9]*\([0-9]\{1,\}\).*/\1/p' -e 's/^PgBouncer \([0-9]\{1,\}\.[0-9]\{1,\}\).*/\1/p' | head -n 1
}

is_complete_postgres() { [ -x "$(dirname "$1")/initdb" ] && [ -x "$(dirname "$1")/pg_ctl" ]; }

postgres_candidates() {
  local brew
  # A link on PATH may stand alone, its siblings are where it points.
  follow_link "$(command -v postgres || true)"
  newest_first /usr/lib/postgresql/*/bin/postgres /usr/libexec/postgresql*/postgres /usr/pgsql-*/bin/postgres
  brew=$(brew_prefix)
  [ -z "$brew" ] || newest_first "$brew"/opt/postgresql@*/bin/postgres
  newest_first /Applications/Postgres.app/Contents/Versions/*/bin/postgres
  unpacked postgres
}

redis_candidates() {
  local brew
  command -v redis-server || true
  command -v valkey-server || true
  brew=$(brew_prefix)
  [ -z "$brew" ] || printf '%s\n' "$brew/opt/redis/bin/redis-server" "$brew/opt/valkey/bin/valkey-server"
  unpacked redis-server
}

wrk_candidates() {
  command -v wrk || true
  unpacked wrk
}

pgbouncer_candidates() {
  command -v pgbouncer || true
  echo /usr/sbin/pgbouncer
  echo "$(place)/pgbouncer/pgbouncer"
}

# Left by an earlier way 4.
unpacked() { if [ -d "$state/elsewhere/" ] || [ -d "$state/packages" ]; then echo "$(place)/packages/bin/$1"; fi; }

follow_link() {
  local path=$1 target
  while [ -L "$path" ]; do
    target=$(readlink "$path")
    case $target in
      /*) path=$target ;;
      *) path=$(dirname "$path")/$target ;;
    esac
  done
  printf '%s\n' "$path"
}

newest_first() { printf '%s\n' "$@" | sed 's/.*[^0-9]\([0-9]\{1,\}\)[^0-9]*$/\1 &/' | sort -rn | sed 's/^[0-9]* //'; }

brew_prefix() { if command -v brew >/dev/null; then bounded 10 brew --prefix 2>/dev/null || true; fi; }
