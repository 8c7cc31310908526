# What needs an NVIDIA GPU. The main Makefile includes this file.

.PHONY: test-gpu

test-gpu: ## parity (f32 without and with TF32, bf16, f16) and speed of the torch engine on an NVIDIA GPU
	GO=$(GO) ./dev/gpu.sh
