# Every target is a script of scripts/, which can be run without make too. GNU make 3.81 (macOS) must do.
.DEFAULT_GOAL := help
.PHONY: run test demo bench soak mutants up down seed sqlx lint help

# Rows of `make seed`.
USERS ?= 10000

run: ## Serve on http://127.0.0.1:8080, with a small sample; gets Postgres and Redis if need be
	@scripts/run

test: ## Run every test; gets Postgres and Redis if need be
	@scripts/test

demo: ## See what aside does and what the usual pattern does, in two minutes
	@scripts/demo

bench: ## Measure, with a report in bench-results/: make bench, or make bench QUICK=1 for three minutes
	@scripts/bench $(if $(QUICK),--quick) $(BENCH)

soak: ## Drive replicas for ten minutes while things break, and check every answer: scripts/soak --help
	@scripts/soak

up: ## Start Postgres and Redis and leave them running
	@scripts/services up

down: ## Stop Postgres and Redis and drop their data
	@scripts/services down

seed: ## Load a data set: make seed USERS=1000000
	@scripts/seed $(USERS)

mutants: ## Take the guards of the cache protocol out, one at a time, and see what notices
	@scripts/mutants $(MUTANTS)

sqlx: ## Write .sqlx/ anew, after a change of a query or a migration
	@scripts/sqlx

lint: ## Check formatting and lints
	@scripts/lint

help: ## List the targets
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  \1	\2/p' Makefile | expand -t 12
