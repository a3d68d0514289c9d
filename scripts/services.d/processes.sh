# shellcheck shell=bash disable=SC2154
# Processes, users and ports, by means that Linux (with or without procps) and macOS share.

# A zombie does not count: in a container the first process may never collect it.
runs() {
  local stat
  if [ -d /proc/self ]; then
    { stat=$(cat "/proc/$1/stat"); } 2>/dev/null || return 1
    case ${stat##*) } in [ZX]*) return 1 ;; esac
    return 0
  fi
  kill -0 "$1" 2>/dev/null || ps -p "$1" >/dev/null 2>&1
}

# True if process $1 has $2 in its command line: pids are used again, after a reboot above all, so a number in a pid
# file proves nothing. Each of our servers carries its own data folder in its command line.
is_process_of() {
  [ -n "$1" ] && runs "$1" || return 1
  local command
  command=$(tr '\0' ' ' 2>/dev/null <"/proc/$1/cmdline" || ps -ww -o command= -p "$1" 2>/dev/null) || return 1
  case $command in *"$2"*) return 0 ;; esac
  return 1
}

# wait_until SECONDS COMMAND…: true as soon as the command is.
wait_until() {
  local end=$((SECONDS + $1))
  shift
  until "$@"; do
    [ $SECONDS -le $end ] || return 1
    sleep 0.1
  done
}

bounded_pid=""

end_bounded() { [ -z "$bounded_pid" ] || kill "$bounded_pid" 2>/dev/null || true; }

# bounded SECONDS COMMAND…: its status, or 124 when it took longer. macOS has no `timeout`.
bounded() {
  local tenths=$(($1 * 10)) status=0
  shift
  "$@" </dev/null &
  bounded_pid=$!
  while kill -0 "$bounded_pid" 2>/dev/null; do
    if [ $tenths -le 0 ]; then
      kill "$bounded_pid" 2>/dev/null || true
      sleep 0.5
      kill -9 "$bounded_pid" 2>/dev/null || true
      wait "$bounded_pid" 2>/dev/null || true
      bounded_pid=""
      return 124
    fi
    tenths=$((tenths - 1))
    sleep 0.1
  done
  wait "$bounded_pid" || status=$?
  bounded_pid=""
  return $status
}

# stop_process PID SIGNAL SERVICE: the polite signal, and after 15 s the one that cannot be refused.
stop_process() {
  kill "-$2" "$1" 2>/dev/null || { say "$(title "$3"): pid $1 belongs to another user, stop it as that user"; return 1; }
  wait_until 15 is_gone "$1" && return 0
  say "$(title "$3"): pid $1 did not stop within 15 s, killing it"
  kill -9 "$1" 2>/dev/null || true
  wait_until 5 is_gone "$1"
}

is_gone() { ! runs "$1"; }

# PostgreSQL refuses to run as root. The package's own user is the natural one; nobody exists everywhere.
server_user() {
  if id postgres >/dev/null 2>&1; then echo postgres; else echo nobody; fi
}

as_server_user() {
  if [ "$(id -u)" != 0 ]; then "$@"; return; fi
  local user
  user=$(server_user)
  # From / since the present folder may be closed to that user.
  if setpriv --help 2>/dev/null | grep -q reuid; then
    (cd / && exec setpriv --reuid="$(id -u "$user")" --regid="$(id -g "$user")" --clear-groups -- "$@")
  elif command -v runuser >/dev/null; then
    (cd / && exec runuser -u "$user" -- "$@")
  elif command -v sudo >/dev/null; then
    (cd / && exec sudo -n -u "$user" "$@")
  else
    # shellcheck disable=SC2016 # expanded by the inner shell
    (cd / && exec su -s /bin/sh "$user" -c 'exec "$0" "$@"' -- "$@")
  fi
}

give_to_server_user() {
  [ "$(id -u)" != 0 ] || chown -R "$(id -u "$(server_user)"):$(id -g "$(server_user)")" "$@"
}

port_answers() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

# Below the range that kernels take outgoing ports from, so that no client's socket sits on it meanwhile.
free_port() {
  local port=${1:-}
  while [ -z "$port" ] || port_answers "$port"; do
    port=$((20000 + RANDOM % 12000))
  done
  echo "$port"
}

random_password() { od -An -N 18 -t x1 /dev/urandom | tr -d ' \n'; }
