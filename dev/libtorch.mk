# libtorch: getting one, fitting gotch to it, and checking the versions that are supported. The main Makefile includes this file.

FIT   := GOWORK=off $(GO) run ./cmd/gotchfit
CHECK := $(TMP)/beitzoo-libtorch

.PHONY: libtorch libtorch-check libtorch-check-debian libtorch-check-2.1 libtorch-check-2.11 libtorch-check-2.11-cuda

libtorch: ## fit gotch to this machine's libtorch; fetch one where there is none (CUDA=1: with CUDA)
	$(FIT) fetch $(if $(CUDA),-cuda on)

libtorch-check: libtorch-check-debian libtorch-check-2.1 libtorch-check-2.11 ## the torch engine's tests with each supported libtorch

libtorch-check-debian: ## ... with Debian's libtorch-dev (1.13) and OpenBLAS
	dpkg -s libtorch-dev libopenblas0-pthread >/dev/null || apt-get install -y libtorch-dev libopenblas0-pthread
	$(FIT) -from system -work $(CHECK)/debian/go.work
	GOWORK=$(CHECK)/debian/go.work $(GO) test -tags libtorch ./beit/engine/torch/

libtorch-check-2.1: ## ... with the version that gotch was written for
	$(FIT) fetch -version 2.1.2 -folder $(CHECK) -work $(CHECK)/2.1/go.work
	GOWORK=$(CHECK)/2.1/go.work $(GO) test -tags libtorch ./beit/engine/torch/

libtorch-check-2.11: ## ... with the version that `make libtorch` fetches
	$(FIT) fetch -version 2.11.0 -folder $(CHECK) -work $(CHECK)/2.11/go.work
	GOWORK=$(CHECK)/2.11/go.work $(GO) test -tags libtorch ./beit/engine/torch/

libtorch-check-2.11-cuda: ## ... with its CUDA part linked (2.8 GB to download)
	$(FIT) fetch -version 2.11.0 -cuda on -folder $(CHECK) -work $(CHECK)/2.11-cuda/go.work
	GOWORK=$(CHECK)/2.11-cuda/go.work $(GO) test -tags libtorch ./beit/engine/torch/
