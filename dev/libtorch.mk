# libtorch: getting one, fitting gotch to it, and testing the versions that are supported. The main Makefile includes this file.
# The versions are in cmd/internal/libtorch/versions.go.

FIT   := GOWORK=off $(GO) run ./cmd/gotchfit
CHECK := $(TMP)/beitzoo-libtorch
TEST_ENGINE = $(GO) test -tags libtorch ./beit/engine/torch/

# fetch-and-test tests the version of that name; $(2) are more flags of gotchfit, $(3) ends the name of the workspace.
define fetch-and-test
	version=$$($(FIT) versions $(1)) && work=$(CHECK)/$$version$(3)/go.work && \
	$(FIT) fetch -version $$version $(2) -folder $(CHECK) -work $$work && GOWORK=$$work $(TEST_ENGINE)
endef

.PHONY: libtorch libtorch-check libtorch-check-debian libtorch-check-gotch libtorch-check-default libtorch-check-cuda

libtorch: ## fit gotch to this machine's libtorch; fetch one if there is none (CUDA=1: with CUDA)
	$(FIT) fetch $(if $(CUDA),-cuda on)

libtorch-check: libtorch-check-debian libtorch-check-gotch libtorch-check-default ## the torch engine's tests with each supported libtorch

libtorch-check-debian: ## ... with Debian's libtorch-dev and OpenBLAS
	dpkg -s libtorch-dev libopenblas0-pthread >/dev/null || apt-get install -y libtorch-dev libopenblas0-pthread
	$(FIT) -from system -work $(CHECK)/debian/go.work
	GOWORK=$(CHECK)/debian/go.work $(TEST_ENGINE)

libtorch-check-gotch: ## ... with the version that gotch was written for
	$(call fetch-and-test,gotch)

libtorch-check-default: ## ... with the version that `make libtorch` fetches
	$(call fetch-and-test,default)

libtorch-check-cuda: ## ... with its CUDA part linked (2.8 GB to download)
	$(call fetch-and-test,default,-cuda on,-cuda)
