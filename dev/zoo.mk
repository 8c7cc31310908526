# The zoo beside other people's programs: a browser, a registry, clients of registries. The main Makefile includes this file.

ORAS   := $(CACHE)/oras
COSIGN := $(CACHE)/cosign
HUB    := $(CACHE)/hub
# install names the programs that a target needs and the packages of Debian that have them. One target at a time installs.
sudo    = $${SUDO-$$(command -v sudo)}
apt     = flock $(TMP)/beitzoo-apt.lock sh -c '"$$@" apt-get update -qq && "$$@" apt-get install -y --no-install-recommends $(1)' apt $(sudo)
install = command -v $(1) >/dev/null || $(call apt,$(2))

.PHONY: test-site test-registry test-cosign test-hub

test-site: ## the catalogue's pages and reports in headless Chromium, which is installed if need be
	@$(call install,chromium,chromium)
	GOWORK=off $(GO) test -count=1 -tags chromium ./zoo/site ./verify/report ./evaluate/report

test-registry: $(ORAS)/done ## publishing to CNCF distribution's registry and pulling with curl, skopeo and oras, and keys shared with minisign; all installed if need be
	@$(call install,docker-registry,docker-registry)
	@$(call install,skopeo,skopeo)
	@$(call install,curl,curl)
	@$(call install,minisign,minisign)
	BEITZOO_TEST_REGISTRY=$$(command -v docker-registry) BEITZOO_TEST_ORAS=$(ORAS)/bin/python GOWORK=off $(GO) test -count=1 -tags registry -run 'Registry|Minisign' ./zoo/store/ocistore ./cmd/beitzoo

$(ORAS)/done: dev/zoo.mk
	python3 -m venv $(ORAS)
	$(ORAS)/bin/python -m pip install --quiet --disable-pip-version-check oras==0.2.43
	@touch $@

test-cosign: $(COSIGN)/cosign ## signing what is published with cosign, which is built if need be
	@$(call install,docker-registry,docker-registry)
	BEITZOO_TEST_REGISTRY=$$(command -v docker-registry) BEITZOO_TEST_COSIGN=$(COSIGN)/cosign GOWORK=off $(GO) test -count=1 -tags cosign -run Cosign ./cmd/beitzoo

$(COSIGN)/cosign: dev/zoo.mk
	GOBIN=$(COSIGN) GOWORK=off $(GO) install github.com/sigstore/cosign/v3/cmd/cosign@v3.1.3
	@touch $@

test-hub: $(HUB)/done ## the server of the tests of hf:// references beside Hugging Face's own client, which is installed
	BEITZOO_TEST_HUB=$(HUB)/bin/python GOWORK=off $(GO) test -count=1 -tags hub -run HuggingFace ./zoo/hub

$(HUB)/done: dev/zoo.mk
	python3 -m venv $(HUB)
	$(HUB)/bin/python -m pip install --quiet --disable-pip-version-check huggingface_hub==2.4.0
	@touch $@
