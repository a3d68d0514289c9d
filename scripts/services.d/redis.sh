# shellcheck shell=bash disable=SC2154
# A private Redis without persistence: started and stopped here, out of the program that was found.

redis_folder() { echo "$(place)/redis"; }

redis_pid() { cat "$(redis_folder)/pid" 2>/dev/null || true; }

redis_is_alive() { is_process_of "$(redis_pid)" "$(redis_folder)"; }

redis_answers() { redis_is_alive && redis_pongs "$(sed -n 's/^port //p' "$(redis_folder)/redis.conf")"; }

redis_pongs() {
  local reply=""
  { exec 3<>"/dev/tcp/127.0.0.1/$1"; } 2>/dev/null || return 1
  printf 'PING\r\n' >&3
  read -r -t 2 reply <&3 || true
  exec 3>&-
  case $reply in +PONG*) return 0 ;; esac
  return 1
}

redis_start() {
  local program folder port attempt
  program=$(program_of redis)
  folder=$(redis_folder)
  if redis_is_alive; then redis_stop; fi
  port=$(url_of redis | sed -n 's/.*:\([0-9]*\)$/\1/p')
  for attempt in 1 2 3 4 5; do
    port=$(free_port "$port")
    rm -rf "$folder"
    mkdir -p "$folder"
    redis_write_settings "$folder" "$port"
    give_to_server_user "$folder"
    if as_server_user "$program" "$folder/redis.conf" </dev/null >"$folder/start.log" 2>&1 &&
      wait_until 5 redis_answers; then
      remember_url redis "redis://127.0.0.1:$port"
      cp "$state/redis.kind" "$state/redis.way"
      say "Redis: on 127.0.0.1:$port, without persistence"
      return 0
    fi
    [ "$attempt" = 5 ] || port=""
  done
  say "Redis: did not start:"
  tail -n 5 "$folder/start.log" "$folder/log" >&2
  return 1
}

redis_write_settings() {
  # No password: what it may hold is a copy of throw-away data, and Redis 7 refuses over the wire whatever would reach
  # beyond it (enable-protected-configs, enable-module-command and enable-debug-command are all off by default).
  cat >"$1/redis.conf" <<END
bind 127.0.0.1
port $2
daemonize yes
pidfile $1/pid
logfile $1/log
dir $1
# A cache has nothing to keep; a snapshot that comes back after a restart would bring deleted keys back.
save ""
appendonly no
# As in production: full means evict, not refuse. The tests stay far below; those about a full Redis start their own.
maxmemory 256mb
maxmemory-policy allkeys-lru
# By this its process is known for ours, whatever became of the pid file.
proc-title-template "{title} {config-file}"
END
}

redis_stop() {
  if ! redis_is_alive; then return 0; fi
  local pid
  pid=$(redis_pid)
  stop_process "$pid" TERM redis && say "Redis: stopped"
}
