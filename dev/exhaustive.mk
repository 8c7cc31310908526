# Checks of all values that there are. The main Makefile includes this file.

.PHONY: exhaustive

exhaustive: ## exp and GELU of every float32 beside float64, and the rounding of each to half precision: minutes
	GOWORK=off $(GO) test -count=1 -tags exhaustive -run Exhaustive -v -timeout 1h ./beit/engine/internal/elementary
