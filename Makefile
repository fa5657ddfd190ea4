# sluice. `make help` lists the targets.

VERSION := $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
BUILD   := go build -trimpath -ldflags "-s -w -X main.version=$(VERSION)"
LISTEN  ?= localhost:8080
FUZZTIME ?= 10s

# Building must also work where git does not answer (no history, another owner).
export GOFLAGS := $(GOFLAGS) -buildvcs=false

# Packages that start goroutines run under the race detector too.
UNITS = $(shell go list ./... | grep -v /integration)
RACE  = $(sort $(dir $(shell grep -lE -e '^[[:space:]]+go [a-z]' -e '[a-z]\.Go.func' $(filter-out integration/% sim/%,$(wildcard *.go */*.go */*/*.go)))))

.PHONY: help run build test unit race integration fuzz sim lint bench cross clean

help: ## list the targets
	@sed -n 's/^\([a-z]*\):[^#]*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 14

run: build ## serve the example guestbook on http://localhost:8080 (installs php-cgi if missing)
	@.ci/install php-cgi php-sqlite3
	bin/sluice serve examples/guestbook --listen $(LISTEN)

build: ## bin/sluice, stripped, with its version
	@mkdir -p bin
	$(BUILD) -o bin/sluice ./cmd/sluice

test: ## install what the tests need and run all of them
	@.ci/install $$(grep -v '^#' integration/packages.txt 2>/dev/null) gcc libc6-dev
	go mod download
	$(MAKE) unit race integration

unit: ## all tests but those against real programs
	go test -timeout 5m $(UNITS)

race: ## the tests of packages with goroutines, under the race detector
	CGO_ENABLED=1 go test -race -timeout 8m $(addprefix ./,$(RACE))

integration: ## the tests against real PHP, applications, Apache and nginx
	@.ci/loudly go test -count=1 -timeout 15m ./integration/...

fuzz: ## every fuzz target for FUZZTIME (10s) each
	@.ci/fuzz $(FUZZTIME)

sim: ## simulate faults: SEED=n repeats one run with a trace, SEEDS=n tries so many
	go test -count=1 -timeout 60m ./sim $(if $(SEED),-run 'TestSeed$$' -v)

lint: ## gofmt, go vet for three systems, golangci-lint
	@.ci/lint

bench: build ## measure sluice beside nginx, Apache, lighttpd and Caddy; BENCH='-scenario hello' for less
	@.ci/install php-cgi php-fpm wrk nginx apache2 lighttpd
	go run ./bench -sluice bin/sluice $(or $(BENCH),-peers all -json docs/bench.json -svg docs/bench.svg)

cross: ## build for linux/arm64, darwin/arm64 and windows/amd64
	@mkdir -p bin
	CGO_ENABLED=0 GOOS=linux GOARCH=arm64 $(BUILD) -o bin/sluice-linux-arm64 ./cmd/sluice
	CGO_ENABLED=0 GOOS=darwin GOARCH=arm64 $(BUILD) -o bin/sluice-darwin-arm64 ./cmd/sluice
	CGO_ENABLED=0 GOOS=windows GOARCH=amd64 $(BUILD) -o bin/sluice-windows-amd64.exe ./cmd/sluice

clean: ## remove what was built
	rm -rf bin .cache artifacts
