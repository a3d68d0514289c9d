# shellcheck shell=bash
# Sourced by the scripts that need PostgreSQL and Redis: gets them for as long as that script runs and puts their
# addresses into its environment. What was up before stays up; what another script still needs does too.

cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit 1

# What the script itself has to undo while the services are still there.
undo() { :; }

release_services() {
  local status=$?
  trap '' INT TERM HUP
  undo || true
  scripts/services release $$ || true
  exit $status
}

# Before `up`, so that an interrupted start is undone as well.
trap release_services EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
trap 'exit 129' HUP
scripts/services up $$
addresses=$(scripts/services env)
eval "$addresses"
