# What needs an NVIDIA GPU. The main Makefile includes this file.

.PHONY: test-gpu gpu-programs

test-gpu: ## parity (f32 without and with TF32, bf16, f16) and speed of the torch engine on an NVIDIA GPU
	GO=$(GO) ./dev/gpu.sh

gpu-programs: ## what `make test-gpu` runs: the program and the tests of the torch engine, linked with CUDA
	GOWORK=off $(GO) run ./cmd/gotchfit fetch -cuda on
	$(GO) build -tags libtorch -o bin/beitzoo-torch ./cmd/beitzoo
	$(GO) test -c -tags libtorch,cuda -o bin/torch-cuda.test ./beit/engine/torch
