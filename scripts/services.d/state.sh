# shellcheck shell=bash disable=SC2154
# Owns .services/: what was started by which way, who still needs it, and where the data is. Servers themselves are
# the truth about what runs (their pid files, the container engine); nothing here is believed over them.
#
#   .services/postgres.way, redis.way          how each was started: native, unpacked packages or container ENGINE
#   .services/postgres.program, redis.program  the server program that was found, and its .kind: the way if it is started
#   .services/postgres.url, redis.url          mode 0600, for they hold the password
#   .services/holders/PID, holders/up          who needs the services: test and server runs, or `make up`
#   .services/elsewhere                        a link to where the data is, when it cannot be here

# `aside` itself reads .env, so a database named there is the one its user means. The environment wins, as in aside.
read_dotenv() {
  if [ -z "${DATABASE_URL:-}" ]; then
    DATABASE_URL=$(dotenv_value DATABASE_URL)
    # shellcheck disable=SC2034 # said by `up`
    [ -z "$DATABASE_URL" ] || dotenv_database=" in .env"
  fi
  if [ -z "${REDIS_URL:-}" ]; then
    REDIS_URL=$(dotenv_value REDIS_URL)
    # shellcheck disable=SC2034
    [ -z "$REDIS_URL" ] || dotenv_redis=" in .env"
  fi
}

dotenv_value() {
  [ -r "$repository/.env" ] || return 0
  sed -n "s/^[[:space:]]*\(export[[:space:]]\{1,\}\)\{0,1\}$1[[:space:]]*=[[:space:]]*//p" "$repository/.env" |
    sed -e "s/^'\([^']*\)'.*/\1/" -e t -e 's/^"\([^"]*\)".*/\1/' -e t -e 's/[[:space:]]#.*//' -e 's/[[:space:]]*$//' | tail -n 1
}

prepare_state() {
  if mkdir -p "$state" 2>/dev/null && [ -w "$state" ]; then return 0; fi
  fail "$state belongs to $(owner_of "$state"), who ran this before: run \`make down\` and remove it as that user"
}

owner_of() { find "$1" -maxdepth 0 -exec ls -ld {} \; 2>/dev/null | awk '{print $3}'; }

program_of() { cat "$state/$1.program" 2>/dev/null || true; }

way_of() { cat "$state/$1.way" 2>/dev/null || true; }

url_of() { [ -s "$state/$1.url" ] && cat "$state/$1.url"; }

remember_url() { ( umask 077; printf '%s\n' "$2" >"$state/$1.url" ); }

is_running() {
  case $(way_of "$1") in
    '') return 1 ;;
    container*) container_answers "$1" ;;
    *) "$1_answers" ;;
  esac
}

# Two commands at once (tests in one terminal, the server in another) must not both start a cluster. Held until this
# process ends, however it ends.
lock() {
  local patience=600 owner
  until mkdir "$state/lock" 2>/dev/null; do
    owner=$(cat "$state/lock/pid" 2>/dev/null || true)
    if [ -n "$owner" ] && ! runs "$owner"; then rm -rf "$state/lock"; continue; fi
    [ $patience -gt 0 ] || fail "another scripts/services is still busy (pid ${owner:-unknown}): remove $state/lock if it is not"
    patience=$((patience - 1))
    sleep 0.5
  done
  echo $$ >"$state/lock/pid"
  trap 'unlock; end_bounded' EXIT
  trap 'exit 130' INT
  trap 'exit 143' TERM
}

unlock() { [ "$(cat "$state/lock/pid" 2>/dev/null)" != $$ ] || rm -rf "$state/lock"; }

hold() { mkdir -p "$state/holders"; touch "$state/holders/$1"; }

# Who still needs the services. A holder that died without releasing (kill -9, a reboot) does not count.
holders() {
  local file name
  for file in "$state"/holders/*; do
    name=${file##*/}
    case $name in
      '*') ;;
      up) echo "\`make up\`" ;;
      *) if runs "$name"; then echo "pid $name"; else rm -f "$file"; fi ;;
    esac
  done
}

# The folder of data and unpacked programs: .services/ itself, unless the servers' user cannot get there, as with root's
# checkout under the closed /root.
place() {
  if [ -d "$state/elsewhere/" ]; then (cd "$state/elsewhere" && pwd -P); return; fi
  if [ "$(id -u)" != 0 ] || as_server_user test -x "$state" 2>/dev/null; then echo "$state"; return; fi
  local there
  there=$(mktemp -d /var/tmp/aside-services.XXXXXX)
  chmod 755 "$there"
  ln -sfn "$there" "$state/elsewhere"
  say "data goes to $there, since the user $(server_user) cannot reach $state"
  echo "$there"
}

drop_data() {
  if [ -d "$state/elsewhere/" ]; then
    rm -rf "$(place)"
    rm -f "$state/elsewhere" "$state"/*.program
  fi
  rm -rf "$state/postgres" "$state/redis"
  rm -f "$state"/*.way "$state"/*.kind "$state"/*.url
}

boot_id() {
  cat /proc/sys/kernel/random/boot_id 2>/dev/null || sysctl -n kern.boottime 2>/dev/null || echo unknown
}

remember_boot() { boot_id >"$state/boot"; }

forget_boot() { rm -f "$state/boot"; }

# The cluster runs without fsync. That survives a killed server, but not a machine that stopped under it: its files may
# then be torn in ways PostgreSQL cannot see.
forget_data_of_a_crashed_machine() {
  [ -s "$state/boot" ] || return 0
  if [ "$(cat "$state/boot")" != "$(boot_id)" ]; then
    say "the machine went down while the services ran, and they run without fsync: starting with empty data"
    containers_remove
    drop_data
    forget_boot
  fi
}
