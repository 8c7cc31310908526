# Targets run what CI runs. `make test` needs Go, a C++ compiler and pip; it fetches libtorch where the machine has none.

GO        ?= go
FUZZTIME  ?= 10s
LINT      := github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0
TMP       ?= $(or $(TMPDIR),/tmp)
CACHE     := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/beitzoo
VENV      ?= $(CACHE)/interop

.DEFAULT_GOAL := help

include $(wildcard dev/*.mk)

.PHONY: demo build test test-go test-torch lint fuzz bench interop cover clean help

help: ## list the targets
	@grep -hE '^[a-z0-9.-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "%-26s %s\n", $$1, $$2}'

demo: ## the main job, on what ships with the program
	$(GO) run ./cmd/beitzoo demo

build: ## bin/beitzoo, without libtorch
	CGO_ENABLED=0 GOWORK=off $(GO) build -trimpath -o bin/beitzoo ./cmd/beitzoo

test: test-go test-torch ## every test

test-go: ## the tests that need only Go, under the race detector where cgo allows
	CGO_ENABLED=0 GOWORK=off $(GO) build ./...
	GOWORK=off $(GO) vet ./...
	GOWORK=off $(GO) test -race ./...

# Not under the race detector: that would compile gotch's C++ a second time, which takes minutes.
test-torch: libtorch ## the tests that need libtorch
	$(GO) vet -tags libtorch ./beit/engine/torch ./cmd/beitzoo
	$(GO) test -tags libtorch ./beit/engine/torch/... ./cmd/beitzoo

lint: ## linters; every exception in .golangci.yml has its reason
	GOWORK=off $(GO) run $(LINT) run ./...

fuzz: ## each fuzz target for FUZZTIME
	GO=$(GO) FUZZTIME=$(FUZZTIME) ./dev/fuzz.sh

interop: ## against the real frameworks: paddlepaddle, torch, timm, transformers, safetensors
	VENV=$(VENV) ./dev/interop.sh

bench: ## speed and memory against the peers, as ratios taken in one run
	VENV=$(VENV) ./dev/bench.sh

cover: ## coverage by function
	GOWORK=off $(GO) test -coverprofile=$(TMP)/beitzoo.cover ./... && $(GO) tool cover -func=$(TMP)/beitzoo.cover

clean: ## what was built here
	rm -rf bin out
