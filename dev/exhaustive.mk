# Checks of all values that there are. The main Makefile includes this file.

.PHONY: exhaustive

exhaustive: ## exp and GELU of every float32, beside float64: minutes
	GOWORK=off $(GO) test -count=1 -tags exhaustive -run Exhaustive -v -timeout 1h ./beit/engine/internal/elementary
