# shellcheck shell=bash disable=SC2154
# What is said to the person at the terminal: one line a step, on stderr, so that `eval "$(scripts/services env)"` works.

# A terminal that was closed takes no more words, which must not keep servers from being stopped.
say() { printf 'services: %s\n' "$*" >&2 || true; }

fail() { say "$@"; exit 1; }

title() {
  case $1 in
    postgres) echo PostgreSQL ;;
    redis) echo Redis ;;
    *) echo "$1" ;;
  esac
}

# Single-quoted for a shell's `eval`.
quoted() { printf "'%s'" "$(printf %s "$1" | sed "s/'/'\\\\''/g")"; }

explain_what_to_do() {
  cat >&2 <<END

aside needs PostgreSQL 15 or newer and Redis (or Valkey) 7 or newer, and found no way to get:$1
Looked for: DATABASE_URL and REDIS_URL; a container engine that answers (docker, podman); programs on PATH, in
/usr/lib/postgresql/*/bin and under \`brew --prefix\`; packages of Debian, Ubuntu or Homebrew. The lines above say why each failed.

Any one of these is enough, then run the same command again:
  - start Docker or Podman
  - install the programs:
      Fedora          sudo dnf install postgresql-server valkey
      Arch            sudo pacman -S postgresql valkey
      Alpine          sudo apk add postgresql17 redis
      Debian, Ubuntu  sudo apt-get install postgresql redis-server
      macOS           brew install postgresql@17 redis
  - use servers you have: export DATABASE_URL=postgres://… REDIS_URL=redis://…
    (tests create and drop databases called aside_test_*, so the role needs CREATEDB)
END
}
