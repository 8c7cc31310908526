# Targets run what CI runs. `make test` needs Go, a C++ compiler and pip; it fetches libtorch where the machine has none.

GO        ?= go
FUZZTIME  ?= 10s
LINT      := github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0
TMP       ?= $(or $(TMPDIR),/tmp)
CACHE     := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/beitzoo
VENV      ?= $(CACHE)/interop

.DEFAULT_GOAL := help

include $(wildcard dev/*.mk)

.PHONY: demo build test test-go test-torch vet-all lint fuzz bench interop interop-setup interop-casts interop-resize interop-tokens interop-cross interop-drawn interop-finetune interop-folders interop-pictures interop-pixels interop-record interop-segmentation interop-thousand cover clean help

help: ## list the targets
	@grep -hE '^[a-z0-9.-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "%-26s %s\n", $$1, $$2}'

demo: ## the main job, on what ships with the program
	$(GO) run ./cmd/beitzoo demo

build: ## bin/beitzoo, without libtorch
	CGO_ENABLED=0 GOWORK=off $(GO) build -trimpath -o bin/beitzoo ./cmd/beitzoo

test: test-go test-torch ## every test

# Under the race detector everything takes five to ten times as long. So every package runs once: under it those that do things at once, and of the program the
# scripts; without it those that search for reasons and read names, the other tests of the program, and what is marked `!race`, which is in these and in evaluate.
SEQUENTIAL := evaluate/mim|verify|verify/blame|convert/naming|convert/checkpoint/pytorch|convert/checkpoint/internal/(pickle|statedict)
PACKAGES   := GOWORK=off $(GO) list ./... | grep

test-go: ## the tests and examples that need only Go, those of what does things at once under the race detector, where cgo allows
	CGO_ENABLED=0 GOWORK=off $(GO) build ./...
	GOWORK=off $(GO) test -timeout 30m -skip '^TestScripts$$' $$($(PACKAGES) -E '/beitzoo/($(SEQUENTIAL)|evaluate|cmd/beitzoo)$$')
	GOWORK=off $(GO) test -race -timeout 30m $$($(PACKAGES) -vE '/beitzoo/($(SEQUENTIAL)|cmd/beitzoo)$$')
	GOWORK=off $(GO) test -race -timeout 30m -run '^TestScripts$$' ./cmd/beitzoo
	GODEBUG=cpu.avx512f=off GOWORK=off $(GO) test ./beit/engine/internal/... # the kernels for processors without AVX-512, also on one that has it

# ENGINELESS are tests of the program whose result does not depend on the engine, or that run both anyway: test-go has them.
ENGINELESS := TestFlags|TestCommand|TestComplet|TestValues|TestMan|TestDocs|TestContributing|TestImport|TestErrorTypes|TestHub|TestPlaces|TestForged|TestKilled|TestConvert|TestPublish|TestPull|TestOutput|TestTokenize_Killed|TestEval_Killed

# Not under the race detector: that would compile gotch's C++ a second time, which takes minutes.
test-torch: libtorch ## the tests that need libtorch, and those of the program that compute, with it
	$(GO) vet -tags libtorch,full,cuda ./beit/engine/torch ./finetune ./verify ./cmd/beitzoo
	$(GO) test -timeout 20m -tags libtorch ./beit/engine/torch/... ./finetune
	$(GO) test -timeout 20m -tags libtorch -run 'TokenizerFaults/.*/torch' ./verify
	$(GO) test -timeout 20m -tags libtorch -skip '^($(ENGINELESS))' ./cmd/beitzoo

# Without cgo, which would need a C compiler for each system.
vet-all: ## go.mod is tidy; 32 bits, Windows, macOS and the optional tests compile
	GOWORK=off $(GO) mod tidy -diff
	CGO_ENABLED=0 GOWORK=off GOARCH=386 $(GO) vet ./...
	CGO_ENABLED=0 GOWORK=off GOOS=windows $(GO) vet ./...
	CGO_ENABLED=0 GOWORK=off GOOS=darwin GOARCH=arm64 $(GO) vet ./...
	CGO_ENABLED=0 GOWORK=off $(GO) vet -tags full,chromium,registry,cosign,shells,hub,slurm,exhaustive ./...

lint: ## linters; every exception in .golangci.yml has its reason
	GOWORK=off $(GO) run $(LINT) run ./...

fuzz: ## each fuzz target for FUZZTIME; `make test` runs their inputs
	GO=$(GO) FUZZTIME=$(FUZZTIME) ./dev/fuzz.sh

# None of the checks keeps two processors busy, so two run at a time; those that take long begin.
interop: interop-setup ## against the real frameworks: paddlepaddle, torch, timm, transformers, safetensors, OpenMMLab
	BUILT=1 $(MAKE) -j2 -Otarget interop-cross interop-record interop-drawn interop-pictures interop-finetune interop-segmentation interop-tokens interop-folders interop-pixels interop-resize interop-casts

interop-setup: ## the real frameworks, in a virtual environment
	VENV=$(VENV) ./dev/interop.sh setup

interop-casts: ## numbers between the types of tensors, beside torch
	VENV=$(VENV) ./dev/interop.sh casts

interop-resize: ## models that are resized, beside unilm's way: SEED=0; UNILM=DIR for its own code
	VENV=$(VENV) SEED=$(SEED) UNILM=$(UNILM) ./dev/interop.sh resize

interop-tokens: ## visual tokens beside OpenMMLab's tokenizers; UNILM=DIR PASSL=DIR for their own code
	VENV=$(VENV) UNILM=$(UNILM) PASSL=$(PASSL) ./dev/interop.sh tokens

interop-segmentation: ## segmentation models drawn by a seed in transformers and mmsegmentation, and from each way of names back: DRAWN=50 SEED=0, or CASE=12 alone
	VENV=$(VENV) DRAWN=$(DRAWN) SEED=$(SEED) CASE=$(CASE) ./dev/interop.sh segmentation

interop-pictures: ## what is made of image files, beside Pillow, timm, transformers and unilm: DRAWN=500 SEED=0, or CASE=NAME alone; UNILM=DIR for its own code
	VENV=$(VENV) DRAWN=$(DRAWN) SEED=$(SEED) CASE=$(CASE) UNILM=$(UNILM) ./dev/interop.sh pictures

interop-folders: ## data sets beside torchvision and timm, and accuracy on some of the classes beside torch: DRAWN=40 SEED=0, or CASE=12 alone
	VENV=$(VENV) DRAWN=$(DRAWN) SEED=$(SEED) CASE=$(CASE) ./dev/interop.sh folders

interop-pixels: ## figures of maps of classes beside mmsegmentation's metric: DRAWN=40 SEED=0
	VENV=$(VENV) DRAWN=$(DRAWN) SEED=$(SEED) ./dev/interop.sh pixels

interop-finetune: ## augmentation, the linear probe, a trained model in the frameworks, and a training of two processes: DRAWN=20 SEED=0; UNILM=DIR PASSL=DIR for their own code
	VENV=$(VENV) DRAWN=$(DRAWN) SEED=$(SEED) UNILM=$(UNILM) PASSL=$(PASSL) ./dev/interop.sh finetune

interop-record: ## what the scripts of `beitzoo record` record of each framework, verified: SEED=3; UNILM=DIR PASSL=DIR for their own code
	VENV=$(VENV) SEED=$(SEED) UNILM=$(UNILM) PASSL=$(PASSL) ./dev/interop.sh record

interop-cross: ## architectures drawn by a seed to every scheme, format and folder: DRAWN=100 SEED=0, or CASE=12 alone; UNILM=DIR PASSL=DIR for their own code
	VENV=$(VENV) DRAWN=$(DRAWN) SEED=$(SEED) CASE=$(CASE) UNILM=$(UNILM) PASSL=$(PASSL) ./dev/interop.sh cross

interop-thousand: ## a thousand of them: half an hour
	$(MAKE) interop-cross DRAWN=1000

interop-drawn: ## whole models on all ways between the frameworks and the zoo: DRAWN=100 SEED=7, or CASE=7012 alone; UNILM=DIR PASSL=DIR for their own code
	VENV=$(VENV) DRAWN=$(DRAWN) SEED=$(SEED) CASE=$(CASE) UNILM=$(UNILM) PASSL=$(PASSL) ./dev/interop.sh drawn

bench: ## speed and memory against the peers, as ratios taken in one run; UNILM=DIR for the tokenizer
	VENV=$(VENV) UNILM=$(UNILM) ./dev/bench.sh

# Not in CI: there is no figure that would be high enough or too low. Look at what stands first.
cover: ## coverage by function, the least covered first
	GOWORK=off $(GO) test -coverprofile=$(TMP)/beitzoo.cover ./...
	$(GO) tool cover -func=$(TMP)/beitzoo.cover | sort -k3 -n

clean: ## what was built here
	rm -rf bin out
