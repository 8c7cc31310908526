# Recordings of the released architectures at full size, their weights made by the recipe, float64 too. The main Makefile includes this file.

# RUN chooses: make test-full-torch RUN=TestFull/beit_base
RUN ?= TestFull

.PHONY: test-full test-full-torch test-full-native

test-full: test-full-torch test-full-native ## both engines, compared with recordings of full-size models

test-full-torch: libtorch ## ... libtorch's engine: minutes
	$(GO) test -count=1 -v -tags libtorch,full -run '$(RUN)' -timeout 1h ./beit/engine/torch

test-full-native: ## ... the engine in plain Go: minutes
	GOWORK=off $(GO) test -count=1 -v -tags full -run '$(RUN)' -timeout 3h ./beit/engine/native
