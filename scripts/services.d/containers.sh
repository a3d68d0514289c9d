# shellcheck shell=bash disable=SC2154
# Way 2: docker-compose.yml, by whichever engine answers and whichever compose it has. Whatever fails here is said in a
# line, leaves nothing behind, and the next way is tried.

# Per checkout, so that two of them on one machine do not take each other's services away.
compose_project() { echo "aside-$(printf %s "$repository" | cksum | cut -d ' ' -f 1)"; }

containers_up() {
  local engine compose service
  engine=$(find_engine) || return 1
  compose=$(find_compose "$engine") || return 1
  for service in "$@"; do has_image "$engine" "$service" || return 1; done

  printf '%s\n' "$compose" >"$state/compose"
  # Apart from the repository, where compose would read the .env, which is aside's.
  cp "$repository/docker-compose.yml" "$state/docker-compose.yml"
  start_containers "$engine" "$@" && return 0
  compose down -v || true
  say "containers: they did not come up, once more with new ones"
  start_containers "$engine" "$@" && return 0
  containers_remove
  return 1
}

find_engine() {
  local engine reason=""
  for engine in docker podman; do
    if ! command -v "$engine" >/dev/null; then reason="$reason, no $engine"; continue; fi
    if bounded 10 "$engine" info >/dev/null 2>&1; then echo "$engine"; return; fi
    reason="$reason, $engine is here but its engine does not answer"
  done
  say "containers: ${reason#, }"
  return 1
}

find_compose() {
  if bounded 10 "$1" compose version >/dev/null 2>&1; then echo "$1 compose"
  elif command -v "$1-compose" >/dev/null && bounded 20 "$1-compose" version >/dev/null 2>&1; then echo "$1-compose"
  else say "containers: $1 answers, but has neither \`$1 compose\` nor $1-compose"; return 1; fi
}

image_of() {
  case $1 in
    postgres) echo "${POSTGRES_IMAGE:-postgres:17}" ;;
    redis) echo "${REDIS_IMAGE:-redis:8}" ;;
  esac
}

has_image() {
  local image status=0
  image=$(image_of "$2")
  if bounded 10 "$1" image inspect "$image" >/dev/null 2>&1; then return 0; fi
  say "$(title "$2"): pulling $image, for 60 s at most"
  bounded 60 "$1" pull "$image" >&2 || status=$?
  case $status in
    0) ;;
    124) say "containers: $image did not arrive within 60 s"; return 1 ;;
    *) say "containers: $image cannot be pulled"; return 1 ;;
  esac
}

container_password() {
  local container
  container=$(container_of "$1" postgres)
  [ -z "$container" ] ||
    "$1" inspect -f '{{range .Config.Env}}{{println .}}{{end}}' "$container" 2>/dev/null | sed -n 's/^POSTGRES_PASSWORD=//p'
}

# compose ARG…: on this checkout's project, by the compose that started it.
compose() {
  # shellcheck disable=SC2046 # two words
  bounded 120 $(cat "$state/compose") -p "$(compose_project)" -f "$state/docker-compose.yml" "$@" >"$state/compose.log" 2>&1
}

start_containers() {
  local engine=$1 service POSTGRES_PASSWORD
  shift
  # A container that exists already keeps the password that its data was made with.
  POSTGRES_PASSWORD=$(container_password "$engine")
  [ -n "$POSTGRES_PASSWORD" ] || POSTGRES_PASSWORD=$(random_password)
  export POSTGRES_PASSWORD
  if ! compose up -d "$@"; then
    say "containers: $(cat "$state/compose") failed: $(tail -n 3 "$state/compose.log" | tr '\n' ' ')"
    return 1
  fi
  for service in "$@"; do
    printf 'container %s\n' "$engine" >"$state/$service.way"
    # The port is known first: what answers may be asked only then.
    if ! wait_until 60 container_is_settled "$engine" "$service" || ! container_answers "$service"; then
      say "$(title "$service"): the container does not answer: $("$engine" logs --tail 3 "$(container_of "$engine" "$service")" 2>&1 | tr '\n' ' ')"
      rm -f "$state/$service.way"
      return 1
    fi
    remember_container_url "$engine" "$service"
    say "$(title "$service"): $engine runs $(image_of "$service") on 127.0.0.1:$(container_port "$engine" "$service")"
  done
}

remember_container_url() {
  local port
  port=$(container_port "$1" "$2")
  case $2 in
    postgres) remember_url postgres "postgres://aside:$(container_password "$1")@127.0.0.1:$port/aside" ;;
    redis) remember_url redis "redis://127.0.0.1:$port" ;;
  esac
}

# podman-compose sets Docker's labels too.
container_of() {
  "$1" ps -aq --filter "label=com.docker.compose.project=$(compose_project)" \
    --filter "label=com.docker.compose.service=$2" 2>/dev/null | head -n 1
}

container_port() {
  local inside=5432
  [ "$2" = postgres ] || inside=6379
  "$1" port "$(container_of "$1" "$2")" "$inside/tcp" 2>/dev/null | sed -n 's/.*:\([0-9]*\)$/\1/p' | head -n 1
}

# Asked inside, for PostgreSQL speaks no simple protocol, and from here, since an engine may be on another machine.
container_answers() {
  local engine container port
  engine=$(way_of "$1")
  engine=${engine#container }
  container=$(container_of "$engine" "$1")
  port=$(container_port "$engine" "$1")
  [ -n "$container" ] && [ -n "$port" ] || return 1
  if [ "$1" = redis ]; then redis_pongs "$port"; return; fi
  bounded 5 "$engine" exec "$container" pg_isready -q -h 127.0.0.1 -U aside -d aside >/dev/null 2>&1 && port_answers "$port"
}

# It answers, or it ended (or never began: podman-compose calls that a success) and there is nothing to wait for.
container_is_settled() {
  local container
  container=$(container_of "$1" "$2")
  [ "$("$1" inspect -f '{{.State.Running}}' "$container" 2>/dev/null)" = true ] || return 0
  container_answers "$2"
}

containers_stop() {
  [ -s "$state/compose" ] || return 0
  if compose stop; then say "containers: stopped"
  else say "containers: the engine does not answer any more, so they are stopped too"; fi
}

containers_remove() {
  [ -s "$state/compose" ] || return 0
  if ! compose down -v; then
    say "containers: could not be removed, \`make down\` will when their engine answers: $(tail -n 1 "$state/compose.log")"
    return 0
  fi
  rm -f "$state/compose" "$state/compose.log" "$state/docker-compose.yml"
}

containers_psql() {
  local engine
  engine=$(way_of postgres)
  engine=${engine#container }
  "$engine" exec -i -e "PGPASSWORD=$(container_password "$engine")" "$(container_of "$engine" postgres)" \
    psql -h 127.0.0.1 -U aside -d "$(printf %s "$DATABASE_URL" | sed 's/.*\///; s/?.*//')" "$@"
}
