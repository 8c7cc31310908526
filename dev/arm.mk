# Processors that this machine is not. The main Makefile includes this file; `install` is in zoo.mk.

.PHONY: test-arm64

# The second processor has no instructions for bfloat16. qemu computes what an Arm processor computes, to the bit, and some twenty times as slowly: so of the engine's suite what all
# others are made of.
test-arm64: ## the assembly for 64-bit Arm, and the engine with it, under emulation; qemu is installed if need be
	@$(call install,qemu-aarch64,qemu-user)
	CGO_ENABLED=0 GOWORK=off GOARCH=arm64 $(GO) test -exec qemu-aarch64 ./beit/engine/internal/...
	CGO_ENABLED=0 GOWORK=off GOARCH=arm64 $(GO) test -exec 'qemu-aarch64 -cpu neoverse-n1' ./beit/engine/internal/gemm
	CGO_ENABLED=0 GOWORK=off GOARCH=arm64 $(GO) test -exec qemu-aarch64 -run '$(on-arm)' ./beit/engine/native

on-arm = TestRecordings|TestConformance/(F32|F64|BF16)/definition/(drawn|many|wide)|TestConformance/(F32|F64|BF16)/(no_tap|batch_independence)
