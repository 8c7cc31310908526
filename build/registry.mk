.PHONY: registry-test
registry-test: ## publishing to CNCF distribution's registry, Debian's package docker-registry, which is installed if need be
	@command -v docker-registry >/dev/null || { echo "installing docker-registry"; $${SUDO:-$$(command -v sudo)} apt-get install -y --no-install-recommends docker-registry; }
	BEITZOO_TEST_REGISTRY=$$(command -v docker-registry) GOWORK=off $(GO) test -count=1 -run Real ./zoo/store/ocistore
