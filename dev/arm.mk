# Processors that this machine is not. The main Makefile includes this file; `install` is in zoo.mk.

.PHONY: test-arm64

# The second processor has no instructions for bfloat16. qemu computes what an Arm processor computes, to the bit, some twenty times as slowly: the engine's suite takes 5 minutes.
test-arm64: ## the assembly for 64-bit Arm, and the engine with it, under emulation; qemu is installed if need be
	@$(call install,qemu-aarch64,qemu-user)
	CGO_ENABLED=0 GOWORK=off GOARCH=arm64 $(GO) test -exec qemu-aarch64 ./beit/engine/internal/...
	CGO_ENABLED=0 GOWORK=off GOARCH=arm64 $(GO) test -exec 'qemu-aarch64 -cpu neoverse-n1' ./beit/engine/internal/gemm
	CGO_ENABLED=0 GOWORK=off GOARCH=arm64 $(GO) test -exec qemu-aarch64 -timeout 30m ./beit/engine/native
